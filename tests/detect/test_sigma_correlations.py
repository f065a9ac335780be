"""Correlations at the edges of their windows, expected by hand from the Sigma Correlation Rules Specification.

SigmaHQ/sigma-specification, "Sigma Correlation Rules": `timespan` is the window within which the events lie; a window
slides, so events on both sides of a full minute or hour belong together.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.detect.sigma import found, refusals, rule, rules
from tests.logs import event

A = rule({"s": {"eventName": "A"}}, name="rule_a", title="A alone")
B = rule({"s": {"eventName": "B"}}, name="rule_b", title="B alone")
C = rule({"s": {"eventName": "C"}}, id="2a1c1f1e-6a1e-4c6e-9d5a-1f2f3a4b5c6d", title="C alone")


def correlation(kind: str, *names: str, **members: Any) -> dict[str, Any]:
    given = {"type": kind, "rules": list(names), "timespan": "10m"}
    if kind.endswith("count"):
        given["condition"] = {"gte": 3}
    return {"title": "Together", "level": "high", "correlation": given | members}


def at(name: str, clock: str, **changes: Any) -> dict[str, Any]:
    """An event of this name at `minutes:seconds` after ten, whose id says both."""
    moment = f"2026-10-01T10:{clock}Z" if clock.count(":") == 1 else f"2026-10-01T{clock}Z"
    return event(eventName=name, eventTime=moment, eventID=f"{name}{clock}", **changes)


def told(*documents: dict[str, Any], log: list[dict[str, Any]]) -> list[list[str]]:
    """The event ids of each finding, in the order of time."""
    ruleset = rules(*documents)
    assert not ruleset.refused, ruleset.refused
    findings = sorted(found(ruleset, *log).findings, key=lambda each: (each["first_seen"], each["last_seen"]))
    assert all(len(each["event_ids"]) == each["count"] for each in findings)
    return [each["event_ids"] for each in findings]


@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        (["00:00", "05:00"], []),
        (["00:00", "05:00", "10:00"], [["A00:00", "A05:00", "A10:00"]]),
        (["00:00", "05:00", "10:01"], []),
        # across a full ten minutes, where fixed windows would see two and one
        (["08:00", "09:00", "11:00"], [["A08:00", "A09:00", "A11:00"]]),
        # windows that overlap are one finding, with every event once
        (["00:00", "05:00", "10:00", "15:00"], [["A00:00", "A05:00", "A10:00", "A15:00"]]),
        (["00:00", "01:00", "02:00", "40:00"], [["A00:00", "A01:00", "A02:00"]]),
        (
            ["00:00", "01:00", "02:00", "40:00", "41:00", "42:00"],
            [["A00:00", "A01:00", "A02:00", "A40:00", "A41:00", "A42:00"]],
        ),
    ],
)
def test_a_count_of_events(clocks: list[str], expected: list[list[str]]) -> None:
    assert told(A, correlation("event_count", "rule_a"), log=[at("A", each) for each in clocks]) == expected


def test_an_hours_pause_starts_another_finding() -> None:
    log = [at("A", each) for each in ("10:00:00", "10:01:00", "10:02:00", "11:02:01", "11:03:00", "11:04:00")]
    assert [len(each) for each in told(A, correlation("event_count", "rule_a"), log=log)] == [3, 3]
    closer = [at("A", each) for each in ("10:00:00", "10:01:00", "10:02:00", "11:02:00", "11:03:00", "11:04:00")]
    assert [len(each) for each in told(A, correlation("event_count", "rule_a"), log=closer)] == [6]


@pytest.mark.parametrize(
    ("condition", "counts"),
    [
        ({"gt": 2}, [3]),
        ({"gt": 3}, []),
        ({"gte": 1}, [3]),
        # what lies behind each match: one at 00:00, two at 01:00, three at 02:00
        ({"eq": 2}, [2]),
        ({"lt": 2}, [1]),
        ({"lte": 2}, [2]),
    ],
)
def test_every_comparison(condition: dict[str, int], counts: list[int]) -> None:
    log = [at("A", each) for each in ("00:00", "01:00", "02:00")]
    given = correlation("event_count", "rule_a", condition=condition)
    assert [len(each) for each in told(A, given, log=log)] == counts


def test_a_count_of_values_counts_different_ones() -> None:
    given = correlation("value_count", "rule_a", condition={"gte": 3, "field": "requestParameters.name"})

    def named(*names: Any) -> list[dict[str, Any]]:
        return [at("A", f"0{n}:00", requestParameters={"name": name}) for n, name in enumerate(names)]

    assert told(A, given, log=named("x", "x", "x", "y")) == []
    assert told(A, given, log=named("x", "x", "y", "z")) == [["A00:00", "A01:00", "A02:00", "A03:00"]]
    assert told(A, given, log=named("x", None, "y")) == []
    assert told(A, given, log=named(["x", "y"], "z")) == [["A00:00", "A01:00"]]


def test_groups_are_kept_apart_and_a_missing_key_is_in_none() -> None:
    given = correlation("event_count", "rule_a", **{"group-by": ["sourceIPAddress", "requestParameters.name"]})

    def by(number: int, address: str | None, name: str | None) -> dict[str, Any]:
        parameters = {"name": name} if name else None
        return at("A", f"0{number}:00", sourceIPAddress=address, requestParameters=parameters)

    apart = [by(0, "1.1.1.1", "x"), by(1, "1.1.1.1", "y"), by(2, "2.2.2.2", "x"), by(3, "1.1.1.1", "x")]
    assert told(A, given, log=apart) == []
    assert told(A, given, log=[*apart, by(4, "1.1.1.1", "x")]) == [["A00:00", "A03:00", "A04:00"]]
    assert told(A, given, log=[by(number, None, "x") for number in range(5)]) == []


def test_a_key_may_have_another_name_under_each_rule() -> None:
    aliases = {"who": {"rule_a": "requestParameters.userName", "rule_b": "userIdentity.userName"}}
    given = correlation("temporal", "rule_a", "rule_b", aliases=aliases, **{"group-by": ["who"]})

    def log(made: str, acts: str) -> list[dict[str, Any]]:
        user = {"type": "IAMUser", "userName": acts}
        return [at("A", "00:00", requestParameters={"userName": made}), at("B", "01:00", userIdentity=user)]

    assert told(A, B, given, log=log("eve", "eve")) == [["A00:00", "B01:00"]]
    assert told(A, B, given, log=log("eve", "bob")) == []


@pytest.mark.parametrize(
    ("kind", "log", "expected"),
    [
        ("temporal", ["A00:00", "B10:00", "C05:00"], [["A00:00", "C05:00", "B10:00"]]),
        ("temporal", ["A00:00", "B10:01", "C05:00"], []),
        ("temporal", ["A00:00", "B01:00", "A02:00"], []),
        ("temporal_ordered", ["A00:00", "B05:00", "C10:00"], [["A00:00", "B05:00", "C10:00"]]),
        ("temporal_ordered", ["A00:00", "B05:00", "C10:01"], []),
        ("temporal_ordered", ["A00:00", "C05:00", "B06:00"], []),
        ("temporal_ordered", ["C00:00", "A01:00", "B05:00", "C06:00"], [["A01:00", "B05:00", "C06:00"]]),
        # CloudTrail's times are whole seconds: what shares one has no order
        ("temporal_ordered", ["C00:00", "B00:00", "A00:00"], [["A00:00", "B00:00", "C00:00"]]),
        # the latest beginning counts, the earlier one is too old
        ("temporal_ordered", ["A00:00", "A08:00", "B09:00", "C12:00"], [["A08:00", "B09:00", "C12:00"]]),
        # a second A does not undo the chain that B has joined
        ("temporal_ordered", ["A00:00", "B01:00", "A02:00", "C03:00"], [["A00:00", "B01:00", "A02:00", "C03:00"]]),
    ],
)
def test_rules_together_and_in_order(kind: str, log: list[str], expected: list[list[str]]) -> None:
    given = correlation(kind, "rule_a", "rule_b", C["id"])
    assert told(A, B, C, given, log=[at(each[0], each[1:]) for each in log]) == expected


def test_an_expression_names_which_rules() -> None:
    given = correlation("temporal", "rule_a", "rule_b", "rule_c", condition="rule_a and (rule_b or rule_c)")
    named = C | {"name": "rule_c"}
    assert told(A, B, named, given, log=[at("A", "00:00"), at("C", "01:00")]) == [["A00:00", "C01:00"]]
    assert told(A, B, named, given, log=[at("B", "00:00"), at("C", "01:00")]) == []


def test_an_event_that_meets_two_rules_counts_once() -> None:
    both = rule({"s": {"eventName": ["A", "B"]}}, name="rule_ab")
    given = correlation("event_count", "rule_a", "rule_ab")
    assert told(A, both, given, log=[at("A", "00:00"), at("A", "01:00")]) == []
    assert told(A, both, given, log=[at("A", "00:00"), at("A", "01:00"), at("B", "02:00")]) == [
        ["A00:00", "A01:00", "B02:00"]
    ]


@pytest.mark.parametrize(("generate", "titles"), [(None, ["Together"]), (True, ["A alone", "Together"])])
def test_the_rules_behind_it_are_told_of_only_if_it_says_so(generate: bool | None, titles: list[str]) -> None:
    members = {"generate": True} if generate else {}
    ruleset = rules(A, correlation("event_count", "rule_a", **members))
    findings = found(ruleset, *(at("A", each) for each in ("00:00", "01:00", "02:00"))).findings
    assert sorted(each["title"] for each in findings) == titles


def test_a_finding_across_principals_names_none_of_them() -> None:
    people = [{"type": "IAMUser", "userName": name, "arn": f"arn:aws:iam::1:user/{name}"} for name in "xyz"]
    log = [at("A", f"0{number}:00", userIdentity=each) for number, each in enumerate(people)]
    (finding,) = found(rules(A, correlation("event_count", "rule_a")), *log).findings
    assert finding["principal_arn"] is None
    assert finding["event_ids"] == ["A00:00", "A01:00", "A02:00"]


@pytest.mark.parametrize(
    ("given", "line", "reason"),
    [
        (correlation("event_count", "rule_x"), "rules", "there is no rule 'rule_x'"),
        (correlation("value_avg", "rule_a", condition={"gte": 1, "field": "x"}), "type", "value_avg is not supported"),
        (correlation("value_count", "rule_a"), "", "without field reference"),
        (correlation("nosuch", "rule_a"), "type", "nosuch"),
        (correlation("event_count", "rule_a", timespan="soon"), "timespan", "soon"),
        (correlation("event_count", "rule_a", timespan="5y"), "timespan", "more than 90 days"),
        (correlation("event_count", "rule_a", condition={"gte": "many"}), "condition", "many"),
        (correlation("event_count", "rule_a", **{"group-by": ["userIdentity"]}), "group-by", "is a structure"),
        (correlation("temporal_ordered", "rule_a", "rule_b", condition={"gte": 1}), "condition", "an order is kept"),
        (correlation("temporal", "rule_a", "rule_b", condition="rule_a and not rule_b"), "condition", "an absence"),
        ({"title": "X", "correlation": "x"}, "", "names no rules"),
        ({"title": "X", "correlation": {"type": ["x"], "rules": ["rule_a"]}}, "", "made.yml"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_line(given: dict[str, Any], line: str, reason: str) -> None:
    (told,) = refusals(A, B, given)
    assert reason in told
    assert told.startswith("rules/made.yml:")
    assert "\n" not in told
