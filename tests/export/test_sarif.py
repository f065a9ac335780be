"""SARIF: what the standard asks for and allows.

Source: OASIS, SARIF 2.1.0: 3.14 run, 3.19 toolComponent, 3.27 result, 3.49 reportingDescriptor.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline import export
from tests.export.found import MANY, ROLE, finding, table


def sarif(*found: dict[str, Any]) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(export.to_bytes(table(*found), "sarif"))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    run: dict[str, Any] = log["runs"][0]
    return run


ALLOWED = {
    "run": {"tool", "taxonomies", "columnKind", "results"},
    "driver": {"name", "version", "rules"},
    "taxonomy": {"name", "organization", "informationUri", "version", "taxa"},
    "rule": {"id", "shortDescription", "fullDescription", "help", "defaultConfiguration", "relationships"}
    | {"properties"},
    "result": {"ruleId", "ruleIndex", "kind", "level", "message", "locations", "fingerprints", "partialFingerprints"}
    | {"occurrenceCount", "properties", "suppressions"},
    "suppression": {"kind", "status", "justification"},
}


def test_a_sarif_run_has_what_the_standard_asks_for() -> None:
    run = sarif(*MANY)
    driver, (taxonomy,), rules = run["tool"]["driver"], run["taxonomies"], run["tool"]["driver"]["rules"]
    assert run.keys() <= ALLOWED["run"]
    assert driver.keys() <= ALLOWED["driver"]
    assert taxonomy.keys() <= ALLOWED["taxonomy"]
    assert len(run["results"]) == len(MANY)
    assert len({each["id"] for each in rules}) == len(rules)
    for rule in rules:
        assert rule.keys() <= ALLOWED["rule"]
        assert rule["help"]["text"] and rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
        tags = rule["properties"]["tags"]
        assert len(set(tags)) == len(tags) <= 20
        # GitHub reads the score of rules with this tag only.
        assert "security" in tags
        known = {each["id"] for each in taxonomy["taxa"]}
        assert {each["target"]["id"] for each in rule.get("relationships", [])} <= known
    for result in run["results"]:
        assert result.keys() <= ALLOWED["result"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["kind"] == "fail"  # 3.27.9: a level other than none goes with no other kind
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        assert result["occurrenceCount"] >= 1
        assert all(each.keys() <= ALLOWED["suppression"] for each in result["suppressions"])
        assert all(place.keys() == {"logicalLocations"} for place in result.get("locations", []))


def test_the_fingerprint_is_the_id_of_the_finding() -> None:
    (result,) = sarif(finding())["results"]
    assert result["fingerprints"] == result["partialFingerprints"] == {"findingId/v1": "0123456789abcdef"}
    assert result["locations"] == [
        {"logicalLocations": [{"name": "deploy", "fullyQualifiedName": ROLE, "kind": "principal/role"}]}
    ]


@pytest.mark.parametrize(
    ("severity", "level", "low", "high"),
    # GitHub, "SARIF support for code scanning": over 9.0 critical, 7.0-8.9 high, 4.0-6.9 medium, 0.1-3.9 low.
    [
        ("critical", "error", 9.1, 10),
        ("high", "error", 7, 8.9),
        ("medium", "warning", 4, 6.9),
        ("low", "note", 0.1, 3.9),
        ("informational", "note", 0, 0),
    ],
)
def test_severities_are_levels_and_scores(severity: str, level: str, low: float, high: float) -> None:
    run = sarif(finding(severity=severity))
    assert run["results"][0]["level"] == level
    score = run["tool"]["driver"]["rules"][0]["properties"]["security-severity"]
    assert isinstance(score, str)
    assert low <= float(score) <= high


@pytest.mark.parametrize("order", [("low", "critical"), ("critical", "low")])
def test_a_rule_is_as_grave_as_its_gravest_finding(order: tuple[str, str]) -> None:
    run = sarif(*(finding(id=each, severity=each) for each in order))
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["defaultConfiguration"]["level"] == "error"
    assert [each["level"] for each in run["results"]] == [{"low": "note", "critical": "error"}[each] for each in order]


def test_muted_findings_are_suppressed_with_a_reason() -> None:
    muted = finding(status="muted", note="the nightly scan", muted_until="2026-12-01T00:00:00Z")
    first, second = sarif(muted, finding(id="2"))["results"]
    assert first["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "muted until 2026-12-01T00:00:00Z: the nightly scan",
        }
    ]
    assert second["suppressions"] == []


def test_a_message_holds_no_link_and_no_placeholder() -> None:
    run = sarif(finding(title="look [here](https://evil.example) {0}"))
    safe = "look \\[here\\](https://evil.example) {{0}}"
    assert run["results"][0]["message"]["text"].startswith(f"{safe}: ")
    assert run["tool"]["driver"]["rules"][0]["shortDescription"]["text"] == safe
