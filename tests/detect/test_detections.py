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
    assert len(TOLD) >= 10


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


@pytest.mark.parametrize(("each", "kind", "given", "matches"), cases(), ids=ident)
def test_a_rule_on_its_events(each: Rule | Correlation, kind: str, given: list[dict[str, Any]], matches: bool) -> None:
    ids = itertools.count()
    records = [record for partial in given for record in completed(partial, ids)]
    parts = [rule for rule in RULES.rules if isinstance(each, Correlation) and rule.about.id in each.parts]
    alone = RuleSet(parts, [each], []) if isinstance(each, Correlation) else RuleSet([each], [], [])
    with log(*records) as engine:
        findings = detect(engine, alone).findings
    assert bool(findings) == matches, kind
    assert {finding["rule"] for finding in findings} <= {each.about.id}
