"""The records of an object that is not one good JSON value: several values, or one with something wrong in it.

A bad record should cost only itself. What an attacker writes should cost no more than a bound, so the search ends
where rubbish outweighs records, and the rest of the object is then refused in one piece.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from pipeline.records import brackets
from pipeline.records.jsontext import NO_JSON, SPACE, TOO_DEEP, because, is_json, why_no_json
from pipeline.records.shapes import ObjectError, Refused, lookup_page, whole

# Above this size a broken object is not searched for its good records, so that memory stays within bounds.
PIECEWISE = 64 << 20
# An object is not searched further once so many pieces of it were refused, and more than were good.
PATIENCE = 10_000
Raw = msgspec.Raw


@dataclass
class Patience:
    """Counts what was refused of an object, so that an object made of rubbish costs no more than a bound."""

    good: int = 0
    bad: int = 0
    broken: int = 0  # values that were searched for the good in them

    def watch(self, pieces: Iterator[Raw | bytes | Refused]) -> Iterator[Raw | bytes | Refused]:
        """The pieces, counted."""
        for piece in pieces:
            self.count(not isinstance(piece, Refused))
            yield piece

    def count(self, good: bool) -> None:
        """Counts one piece."""
        self.good, self.bad = self.good + good, self.bad + (not good)

    def rest(self, text: bytes) -> Refused:
        """The rest of the object, refused in one piece."""
        return Refused(text, f"follows {self.bad:,} pieces that are no records, and was not searched")

    @property
    def lost(self) -> bool:
        """Whether enough was refused."""
        return self.bad > max(PATIENCE, self.good)


def piecewise(text: bytes, reason: str) -> Iterator[Raw | bytes | Refused]:
    """Records of a text that is not one good JSON value: several of them, or one with something wrong in it."""
    if _by_lines(text):
        yield from _lines(text)
        return
    if len(text) > PIECEWISE:
        raise ObjectError(reason)
    try:
        spans, _ = brackets.values(text)
        if spans != [(0, len(text))] and any(is_json(text[begin:end]) for begin, end in spans):
            yield from _row(text, spans, reason, _value)
        else:
            yield from _broken(text, reason)
    except brackets.TooMany:
        raise ObjectError(f"{reason}, and falls into more than {brackets.MOST:,} pieces") from None


def _lines(text: bytes) -> Iterator[Raw | bytes | Refused]:
    patience, lines = Patience(), io.BytesIO(text)
    for line in lines:
        if line := line.strip(SPACE):
            yield from patience.watch(_value(line, patience))
        if patience.lost and (rest := lines.read().strip(SPACE)):
            yield patience.rest(rest)


def _by_lines(text: bytes) -> bool:
    """Whether there is a value a line: the first line is one, or the second where the first is broken."""
    lines = io.BytesIO(text)
    first, second = lines.readline().strip(SPACE), lines.readline().strip(SPACE)
    if len(first) == len(text):
        return False
    return is_json(first) or (first[-1:] not in b"{[," and second[:1] == b"{" and is_json(second))


def _row(
    text: bytes,
    spans: list[tuple[int, int]],
    reason: str,
    take: Callable[[bytes, Patience], Iterator[Raw | bytes | Refused]],
) -> Iterator[Raw | bytes | Refused]:
    """What `take` makes of the values that stand one after another, as Firehose writes them, and what is between."""
    at, patience = 0, Patience()
    for begin, end in [*spans, (len(text), len(text))]:
        if between := text[at:begin].strip(SPACE + b","):
            yield from patience.watch(iter([Refused(between, reason)]))
        if begin < end:
            yield from patience.watch(take(text[begin:end], patience))
        at = end
        if patience.lost and (rest := text[at:].strip(SPACE)):
            yield patience.rest(rest)
            return


def _value(text: bytes, patience: Patience) -> Iterator[Raw | bytes | Refused]:
    """The records of one value among several, or the value refused."""
    try:
        yield from whole(text)
    except NO_JSON as error:
        patience.broken += 1
        try:
            if patience.broken > PATIENCE:
                raise ObjectError
            yield from _broken(text, because(error))
        except (ObjectError, brackets.TooMany):
            yield Refused(text, because(error))
    except ObjectError as error:
        yield Refused(text, str(error))


_TIME = b'"eventTime"'
# Members by which the rest of a record is told that a bracket too many has cut off.
_OF_A_RECORD = re.compile(rb'"event(?:Time|ID|Name|Source)"')
_OPENING = re.compile(rb'(?:\{[^\[\]{}]*?"(Records|Events)"\s*:\s*)?\[')


def _broken(text: bytes, reason: str) -> Iterator[Raw | bytes | Refused]:
    """The elements of a list with something wrong in it: the good ones, and the others refused.

    Raises ObjectError before the first where the text is no list, or ends before the list does.
    """
    opening = _OPENING.match(text)
    if not opening or _TIME in opening[0]:
        if text[:1] == b"{" and reason == TOO_DEEP:
            yield Refused(text, reason)
            return
        raise ObjectError(reason)
    spans, end = brackets.elements(text, opening.end())
    if end is None:
        raise ObjectError(reason)
    patience = Patience()
    for begin, stop in spans:
        for piece in patience.watch(_element(text[begin:stop].strip(SPACE), patience)):
            if opening[1] == b"Events" and isinstance(piece, bytes):
                yield from lookup_page([Raw(piece)])
            else:
                yield piece
        if patience.lost and (rest := text[stop + 1 : end - 1].strip(SPACE)):
            yield patience.rest(rest)
            break
    tail = text[end:].strip(SPACE)
    # Further members of the object that holds the list are no records.
    closes = opening[1] and text[end - 1 : end] == b"]" and not _OF_A_RECORD.search(tail) and is_json(b'{"":0' + tail)
    if tail and not closes:
        yield Refused(tail, "follows the list of records")


def _element(text: bytes, _: Patience) -> Iterator[Raw | bytes | Refused]:
    """An element of a broken list: one value, or several that lack the comma between them."""
    if not text:
        return
    why = why_no_json(text)
    if why is None:
        yield text
        return
    try:
        spans, end = brackets.values(text)
    except brackets.TooMany:
        spans, end = [], 0
    if len(spans) > 1 and end == len(text):
        yield from _row(text, spans, why, _element)
    else:
        yield Refused(text, why)
