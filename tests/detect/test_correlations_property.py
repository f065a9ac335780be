"""Correlations of every kind over generated events: windows in SQL find what the definition finds."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.detect import candidates, run_correlations
from pipeline.detect.run import detect
from tests.detect.naive_windows import Hit, told
from tests.detect.sigma import log, rule, rules
from tests.logs import event

NAMES = "ABC"
RULES = [rule({"s": {"eventName": name}}, name=name) for name in NAMES]
SPAN = 600
COUNTS = [{word: number} for word in ("gte", "gt", "lt", "lte", "eq", "neq") for number in (1, 2, 3)]
# (kind, how many rules, condition)
Asked = tuple[str, int, dict[str, int]]
ASKED: list[Asked] = [
    *(("event_count", parts, each) for each in COUNTS for parts in (1, 2)),
    *(("value_count", parts, each) for each in COUNTS for parts in (1, 3)),
    *(("temporal", 3, {word: number}) for word in ("gte", "eq", "lt") for number in (2, 3)),
    *(("temporal_ordered", parts, {"gte": parts}) for parts in (2, 3)),
]
# Times lie on the edges of windows, of the stretches that a busy log is cut into, and of the pause.
TIMES = st.one_of(
    st.integers(0, 40).map(lambda each: each * 100),
    st.sampled_from([599, 600, 601, 1199, 1200, 1201, 3600, 4199, 4200, 4201, 7800, 7801, 20_000]),
)
VALUES = st.one_of(st.none(), st.sampled_from("vyz"), st.lists(st.sampled_from("vyz"), max_size=3))
# The name is spelled in either way, and is a value too.
EVENTS = st.lists(
    st.tuples(
        TIMES, st.sampled_from(NAMES), st.sampled_from(["1.1.1.1", "2.2.2.2", None]), VALUES, st.sampled_from("vV")
    ),
    max_size=25,
)
Event = tuple[int, str, str | None, Any, str]


def document(number: int, kind: str, parts: int, condition: dict[str, int]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind, "rules": list(NAMES[:parts]), "timespan": f"{SPAN}s"}
    made |= {"condition": dict(condition), "group-by": ["sourceIPAddress"]}
    if kind == "value_count":
        made["condition"]["field"] = "requestParameters.v"
    return {"title": str(number), "level": "high", "correlation": made}


def record(number: int, at: int, name: str, address: str | None, values: Any, spelled: str) -> dict[str, Any]:
    moment = f"2026-10-01T{10 + at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z"
    return event(
        eventID=f"{number:03}",
        eventTime=moment,
        eventName=name,
        sourceIPAddress=address,
        requestParameters={spelled: values},
    )


def expected(events: list[Event], kind: str, parts: int, condition: dict[str, int]) -> list[list[str]]:
    found: list[list[str]] = []
    for address in ("1.1.1.1", "2.2.2.2"):
        hits: list[Hit] = []
        for number, (at, name, where, held, _) in enumerate(events):
            values = held if isinstance(held, list) else [held] if held is not None else []
            if where == address and name in NAMES[:parts]:
                hits.append((at, f"{number:03}", NAMES.index(name), values))
        found += told(hits, kind, SPAN, condition, parts)
    return sorted(found)


@pytest.mark.parametrize("busy", [1, 10_000])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=EVENTS, asked=st.lists(st.sampled_from(ASKED), min_size=8, max_size=8, unique_by=str))
def test_windows_find_what_their_definition_finds(busy: int, events: list[Event], asked: list[Asked]) -> None:
    """Also where every log counts as a busy one, in which only crowded stretches are looked at."""
    ruleset = rules(*RULES, *(document(number, *each) for number, each in enumerate(asked)))
    assert ruleset.refused == []
    with pytest.MonkeyPatch.context() as patch, log(*itertools.starmap(record, numbered(events))) as engine:
        patch.setattr(run_correlations, "_BUSY", busy)
        patch.setattr(candidates, "_BUSY", busy)
        findings = detect(engine, ruleset).findings
    for number, each in enumerate(asked):
        found = sorted(finding["event_ids"] for finding in findings if finding["title"] == str(number))
        assert found == expected(events, *each), each


def numbered(events: list[Event]) -> list[tuple[int, int, str, str | None, Any, str]]:
    return [(number, *each) for number, each in enumerate(events)]
