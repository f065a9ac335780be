"""Every rule of queries/detections, found by folder: complete, and right on the events it brings along."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from pipeline.catalog import home
from pipeline.detect.run import detect
from pipeline.detect.sigma.correlations import Correlation, RuleSet, load
from pipeline.detect.sigma.rules import Rule
from tests.detect.sigma import log
from tests.logs import event

RULES = load(home() / "detections")
TOLD: list[Rule | Correlation] = [*(each for each in RULES.rules if each.shown), *RULES.correlations]
KINDS = ("match", "no_match", "failed")
MEMBERS = ("level", "tags", "falsepositives", "description")


def ident(each: Any) -> str:
    return each.about.id if isinstance(each, Rule | Correlation) else str(each)


def cases() -> list[tuple[Rule | Correlation, str, list[dict[str, Any]], bool]]:
    """(rule, kind, events of one log, whether they are to match) of every test a rule brings along."""
    found = []
    for each in TOLD:
        tests = each.document.values.get("trailsift", {}).get("tests", {})
        failed = tests.get("failed", {})
        found += [(each, "match", given, True) for given in tests.get("match", [])]
        found += [(each, "no_match", given, False) for given in tests.get("no_match", [])]
        found += [(each, "failed", given, failed["matches"]) for given in failed.get("events", [])]
    return [
        (each, kind, given if isinstance(given, list) else [given], matches) for each, kind, given, matches in found
    ]


def completed(given: dict[str, Any], ids: itertools.count[int]) -> list[dict[str, Any]]:
    """The records a test event stands for: a plain one with these members; `times` repeats it, numbered by `{n}`."""
    members = {name: value for name, value in given.items() if name != "times"}
    return [event(eventID=str(next(ids)), **_numbered(members, number)) for number in range(given.get("times", 1))]


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, dict):
        return {name: _numbered(each, number) for name, each in value.items()}
    if isinstance(value, list):
        return [_numbered(each, number) for each in value]
    return value.replace("{n}", str(number)) if isinstance(value, str) else value


def test_none_is_refused() -> None:
    assert RULES.refused == []
    assert len(TOLD) >= 120


@pytest.mark.parametrize("each", TOLD, ids=ident)
def test_a_rule_says_what_a_reader_needs(each: Rule | Correlation) -> None:
    values = each.document.values
    assert [name for name in MEMBERS if not values.get(name)] == []
    assert each.about.mitre, "give an attack.t… tag"
    assert each.about.next_steps
    assert values.get("id"), "give an id, so that findings keep theirs when the file is moved"
    tests = values["trailsift"]["tests"]
    assert set(tests) == set(KINDS)
    assert tests["match"] and tests["no_match"] and tests["failed"]["events"]


def test_no_two_rules_share_an_id() -> None:
    assert len({each.about.key for each in TOLD}) == len(TOLD)


CASES = cases()
SINGLE = [number for number, (each, *_) in enumerate(CASES) if isinstance(each, Rule)]
TOGETHER = [number for number, (each, *_) in enumerate(CASES) if isinstance(each, Correlation)]


def named(number: int) -> str:
    each, kind, *_ = CASES[number]
    return f"{each.about.id}-{kind}-{number}"


@pytest.fixture(scope="module")
def told_of() -> dict[int, set[str]]:
    """Rules that tell of the events of each case of a single rule: all cases in one log, all rules asked at once."""
    ids, owner, records = itertools.count(), {}, []
    for number in SINGLE:
        for record in (each for partial in CASES[number][2] for each in completed(partial, ids)):
            owner[record["eventID"]] = number
            records.append(record)
    with log(*records) as engine:
        findings = detect(engine, RuleSet([each for each in TOLD if isinstance(each, Rule)], [], [])).findings
    found: dict[int, set[str]] = {number: set() for number in SINGLE}
    for finding in findings:
        for event_id in finding["event_ids"]:
            found[owner[event_id]].add(finding["rule"])
    return found


@pytest.mark.parametrize("number", SINGLE, ids=named)
def test_a_rule_on_its_events(number: int, told_of: dict[int, set[str]]) -> None:
    each, kind, _, matches = CASES[number]
    assert (each.about.id in told_of[number]) == matches, kind


@pytest.mark.parametrize("number", TOGETHER, ids=named)
def test_a_correlation_on_its_events(number: int) -> None:
    each, kind, given, matches = CASES[number]
    assert isinstance(each, Correlation)
    ids = itertools.count()
    records = [record for partial in given for record in completed(partial, ids)]
    parts = [rule for rule in RULES.rules if rule.about.id in each.parts]
    with log(*records) as engine:
        findings = detect(engine, RuleSet(parts, [each], [])).findings
    assert bool(findings) == matches, kind
    assert {finding["rule"] for finding in findings} <= {each.about.id}
