"""Correlations by the letter of their definition, in plain Python: every window looked at, nothing slid or sorted out.

A hit is (second, id, part, values). A window ends at a hit and reaches `span` seconds back, both ends included; what
is in it, or between the ends of an ordered chain, is a stretch. Stretches that share a hit are one, and those no more
than an hour apart are told together.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

PAUSE = 3600
COMPARE: dict[str, Callable[[int, int], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}
Hit = tuple[int, str, int, list[str]]
Place = tuple[int, str, int]


def told(hits: list[Hit], kind: str, span: int, condition: dict[str, int], parts: int) -> list[list[str]]:
    """The ids of the hits of one group that each finding holds, by time and id."""
    stretches = _chains(hits, span, parts) if kind == "temporal_ordered" else _windows(hits, kind, span, condition)
    merged: list[set[Place]] = []
    for each in stretches:
        sharing = [one for one in merged if one & each]
        merged = [one for one in merged if not one & each] + [each.union(*sharing)]
    findings: list[set[Place]] = []
    for each in sorted(merged, key=lambda one: min(one)):
        if findings and min(each)[0] - max(findings[-1])[0] <= PAUSE:
            findings[-1] |= each
        else:
            findings.append(set(each))
    return [list(dict.fromkeys(id_ for _, id_, _ in sorted(each))) for each in findings]


def _windows(hits: list[Hit], kind: str, span: int, condition: dict[str, int]) -> list[set[Place]]:
    ((word, wanted),) = condition.items()
    found = []
    for end, *_ in hits:
        inside = [hit for hit in hits if end - span <= hit[0] <= end]
        counted: dict[str, set[Any]] = {
            "event_count": {id_ for _, id_, _, _ in inside},
            "value_count": {value for *_, values in inside for value in values},
            "temporal": {part for _, _, part, _ in inside},
        }
        if COMPARE[word](len(counted[kind]), wanted):
            found.append({hit[:3] for hit in inside})
    return found


def _chains(hits: list[Hit], span: int, parts: int) -> list[set[Place]]:
    found = []
    for end, _, part, _ in hits:
        if part != parts - 1:
            continue
        starts = {at for at, _, first, _ in hits if first == 0 and end - span <= at <= end}
        reached = [at for at in starts if _reaches(hits, at, 1, end, parts)]
        if reached:
            found.append({hit[:3] for hit in hits if max(reached) <= hit[0] <= end})
    return found


def _reaches(hits: list[Hit], after: int, part: int, end: int, parts: int) -> bool:
    """Whether the parts from `part` on follow each other between two moments, the last of them at the end."""
    if part == parts:
        return True
    times = {at for at, _, each, _ in hits if each == part and after <= at <= end}
    return any(_reaches(hits, at, part + 1, end, parts) for at in times)
