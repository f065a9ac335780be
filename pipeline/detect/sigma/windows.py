"""Windows that slide over matches in the order of time: where a correlation is met, and by which matches.

A window ends at a match, both its ends belong to it, and matches of the same second belong together, in no order:
CloudTrail's times are whole seconds. So `gte` and `gt` find every set of matches that lies within the span, while
`lt`, `lte` and `eq` judge what lies behind each match, never a time without one.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "lt": operator.lt,
    "gt": operator.gt,
    "eq": operator.eq,
    "lte": operator.le,
    "gte": operator.ge,
    "neq": operator.ne,
}
Judge = Callable[["Window"], bool]
Range = tuple[int, int]


class Hit(NamedTuple):
    """One match: `part` is the number of the rule within the correlation, `values` are those to count."""

    time: datetime
    event_id: str
    part: int
    values: tuple[str, ...]
    row: Any


class Window:
    """What lies in the window: how often each event, part and value."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.parts: Counter[int] = Counter()
        self.values: Counter[str] = Counter()

    def take(self, hit: Hit, by: int) -> None:
        """Lets a hit in (`by` is 1) or out (-1)."""
        _add(self.events, hit.event_id, by)
        _add(self.parts, hit.part, by)
        for value in hit.values:
            _add(self.values, value, by)


def sliding(hits: list[Hit], span: timedelta, judge: Judge) -> list[Range]:
    """First and last index of each stretch of `hits` (in the order of time) in whose windows `judge` is met."""
    found: list[Range] = []
    window, left = Window(), 0
    for start, stop in _moments(hits):
        for hit in hits[start:stop]:
            window.take(hit, 1)
        while hits[stop - 1].time - hits[left].time > span:
            window.take(hits[left], -1)
            left += 1
        if judge(window):
            _cover(found, left, stop - 1)
    return found


def ordered(hits: list[Hit], span: timedelta, parts: int) -> list[Range]:
    """The same, where every part must follow the one before it, or come in the same second.

    For each part it keeps the latest start of a chain that has come as far, since that leaves most of the span.
    """
    found: list[Range] = []
    begun: list[int | None] = [None] * parts
    for start, stop in _moments(hits):
        now = {hit.part for hit in hits[start:stop]}
        for part in sorted(now):
            begun[part] = start if part == 0 else _later(begun[part], begun[part - 1])
        first = begun[-1]
        if parts - 1 in now and first is not None and hits[start].time - hits[first].time <= span:
            _cover(found, first, stop - 1)
    return found


def _moments(hits: list[Hit]) -> Iterator[Range]:
    """The stretches of hits of one and the same time."""
    start = 0
    for stop in range(1, len(hits) + 1):
        if stop == len(hits) or hits[stop].time != hits[start].time:
            yield start, stop
            start = stop


def _later(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _add(counter: Counter[Any], key: Any, by: int) -> None:
    counter[key] += by
    if not counter[key]:
        del counter[key]


def _cover(found: list[Range], first: int, last: int) -> None:
    """Adds a stretch; one that overlaps stretches before it becomes one with them."""
    while found and first <= found[-1][1]:
        first = min(first, found.pop()[0])
    found.append((first, last))
