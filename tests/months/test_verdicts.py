"""Findings against a truth made by hand."""

from __future__ import annotations

from typing import Any

from tests.months import report
from tests.months.judge import judged, numbers, summary
from tests.months.verdicts import causes, judge

TRUTH: dict[str, Any] = {
    "principals": [{"arn": "A", "kind": "lambda", "events": 9}, {"arn": "B", "kind": "developer", "events": 9}],
    "stories": [{"kind": "journey", "event_ids": ["j1", "j2"]}],
    "incidents": [
        {
            "kind": "leaked key",
            "entry": "leaked key",
            "pace": "script",
            "begin": "2026-05-03T10:00:00Z",
            "end": "2026-05-03T11:00:00Z",
            "steps": [
                {"step": "who am I", "trivial": True, "event_ids": ["w1"]},
                {"step": "enumeration", "trivial": False, "event_ids": ["e1", "e2"]},
            ],
            "event_ids": ["w1", "e1", "e2"],
        }
    ],
}


def finding(*events: str, at: str = "2026-05-03T10:20:00Z", severity: str = "medium", arn: str = "A") -> dict[str, Any]:
    return {"rule": "r", "severity": severity, "principal_arn": arn, "first_seen": at, "event_ids": list(events)}


def test_a_finding_without_an_event_of_an_incident_is_benign() -> None:
    found = judge(TRUTH, [finding("x"), finding("y", "j1")])
    assert (len(found.benign), len(found.hits), found.rate, found.precision, found.found) == (2, 0, 1.0, 0.0, 0)


def test_one_event_of_an_incident_makes_a_hit_and_finds_it() -> None:
    found = judge(TRUTH, [finding("x", "e2"), finding("e1", at="2026-05-03T10:30:00Z"), finding("z")])
    assert (len(found.benign), len(found.hits), found.found) == (1, 2, 1)
    assert found.incidents[0].seconds == 20 * 60
    assert found.incidents[0].rules == ["r"]
    assert found.precision == 2 / 3


def test_who_am_i_alone_finds_nothing() -> None:
    found = judge(TRUTH, [finding("w1")])
    assert (len(found.benign), len(found.hits), found.found) == (0, 1, 0)


def test_a_finding_that_began_before_the_incident_touches_it_only() -> None:
    found = judge(TRUTH, [finding("x", "e1", at="2026-05-03T09:59:59Z")])
    assert (found.found, found.incidents[0].touched, len(found.hits)) == (0, True, 1)


def test_informational_findings_are_counted_and_are_no_alerts() -> None:
    found = judge(TRUTH, [finding("x", severity="informational"), finding("e1", severity="informational")])
    assert (len(found.benign), len(found.hits), found.found, found.precision) == (0, 0, 0, None)
    assert found.severities == {"informational": 2}


def test_a_benign_alert_is_explained_by_its_story_or_by_whose_life_it_is() -> None:
    told = causes(TRUTH, [finding("j1", "x"), finding("x", arn="B"), finding("x", arn="C")])
    assert told == {("r", "journey"): 1, ("r", "everyday: developer"): 1, ("r", "everyday: C"): 1}


EXAMINED: dict[str, Any] = {
    "truth": TRUTH | {"seed": 3, "events": 1200},
    "seconds": {"generate": 1.0},
    "anomalies": [finding("x"), finding("e1")],
    "detect": [finding("y", severity="low"), finding("z", severity="high"), finding("q", severity="informational")],
}


def test_detect_is_judged_at_each_level_and_both_at_medium() -> None:
    verdicts = judged(EXAMINED)
    assert {name: (len(each.benign), len(each.hits)) for name, each in verdicts.items()} == {
        "anomalies": (1, 1),
        "detect --level critical": (0, 0),
        "detect --level high": (1, 0),
        "detect --level medium": (1, 0),
        "detect --level low": (2, 0),
        "both": (2, 1),
    }


def test_the_table_adds_up_the_seeds_and_shows_detail_only_where_asked() -> None:
    looked, totals = summary(EXAMINED, True), summary(EXAMINED, False)
    text = report.table([looked, looked])
    row = next(line.split() for line in text.splitlines() if line.startswith("all") and " both " in line)
    assert row == ["all", "4", "both", "4", "1.000", "2", "0.33", "2/2"]
    assert "worst principals" in text and "everyday: lambda" in text
    hidden = report.table([totals])
    assert "worst" not in hidden and "everyday" not in hidden


def test_seeds_as_they_are_written() -> None:
    assert numbers("1-3,8") == [1, 2, 3, 8]
