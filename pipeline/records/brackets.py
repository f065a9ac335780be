"""Where the values of a JSON text begin and end, told by quotes and brackets alone, for text that no parser takes.

A broken object is searched for its good records with this. It is numpy's work, a megabyte at a time and without
recursion, so that time and memory follow the text's size whatever an attacker writes into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

# No log object holds more records than this; one that seems to is made to cost time.
MOST = 500_000
_STEP = 1 << 20
_COMMA = 2
_KIND = np.zeros(256, np.int8)
_KIND[list(b"[{")], _KIND[list(b"]}")], _KIND[list(b",")] = 1, -1, _COMMA


class TooMany(Exception):
    """The text falls into more than MOST pieces."""


def values(text: bytes) -> tuple[list[tuple[int, int]], int]:
    """(spans, end): each list or object at the top of the text, and where the last of them ends.

    From `end` on there is none that is closed: a truncated one, or brackets that close what was never opened.
    """
    begins: list[int] = []
    ends: list[int] = []
    for places, kinds, depths in _structure(text, 0):
        stray = np.flatnonzero(depths < 0)
        upto = int(stray[0]) if len(stray) else len(places)
        places, kinds, depths = places[:upto], kinds[:upto], depths[:upto]
        begins += places[(kinds == 1) & (depths == 1)].tolist()
        ends += (places[(kinds == -1) & (depths == 0)] + 1).tolist()
        if len(ends) > MOST:
            raise TooMany
        if len(stray):
            break
    return list(zip(begins, ends, strict=False)), ends[-1] if ends else 0


def elements(text: bytes, start: int) -> tuple[list[tuple[int, int]], int | None]:
    """(spans, end): the elements of the list that opens just before `start`, and where the list ends.

    `end` is None where the text ends before the list does.
    """
    cuts = [start - 1]
    for places, kinds, depths in _structure(text, start):
        closed = np.flatnonzero(depths < 0)
        upto = int(closed[0]) if len(closed) else len(places)
        cuts += places[:upto][(kinds[:upto] == _COMMA) & (depths[:upto] == 0)].tolist()
        if len(cuts) > MOST:
            raise TooMany
        if len(closed):
            cuts.append(int(places[upto]))
            return [(begin + 1, end) for begin, end in pairwise(cuts)], cuts[-1] + 1
    return [], None


def _structure(text: bytes, start: int) -> Iterator[tuple[Any, Any, Any]]:
    """Brackets and commas outside strings, some at a time: (where, 1 opens | -1 closes | _COMMA, depth after it)."""
    depth, quoted, escaped = 0, False, False
    for at in range(start, len(text), _STEP):
        part = np.frombuffer(text, np.uint8, min(_STEP, len(text) - at), at)
        quotes, escaped = _quotes(part, escaped)
        places = np.flatnonzero(_KIND[part])
        places = places[(np.searchsorted(quotes, places) + quoted) % 2 == 0]
        kinds = _KIND[part[places]]
        depths = np.cumsum(np.where(kinds == _COMMA, 0, kinds), dtype=np.int64) + depth
        quoted ^= len(quotes) % 2 == 1
        depth = int(depths[-1]) if len(depths) else depth
        yield places + at, kinds, depths


def _quotes(part: Any, escaped: bool) -> tuple[Any, bool]:
    """(where, next): the quotes no backslash escapes, and whether the byte after the part is escaped.

    `escaped` says so of the part's first byte. In a run of backslashes every other one escapes its follower.
    """
    quotes, slashes = np.flatnonzero(part == ord('"')), np.flatnonzero(part == ord("\\"))
    if not escaped and not len(slashes):
        return quotes, False
    after = np.zeros(len(part) + 1, bool)
    after[0] = escaped
    if len(slashes):
        first = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
        run = np.repeat(slashes[first], np.diff(first, append=len(slashes)))
        # A run that begins escaped is one shorter.
        offset = slashes - run + ((run == 0) & escaped)
        after[slashes[offset % 2 == 0] + 1] = True
    return quotes[~after[quotes]], bool(after[-1])
