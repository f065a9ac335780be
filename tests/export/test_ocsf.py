"""OCSF: what its class requires and allows.

Source of members and values: schema.ocsf.io/1.5.0/classes/detection_finding and the objects it names.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline import export
from tests.export.found import MANY, ROLE, finding, table


def ocsf(*found: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(each) for each in export.to_bytes(table(*found), "ocsf").splitlines()]


# Object -> the members that it requires.
REQUIRED = {
    "": {"activity_id", "category_uid", "class_uid", "finding_info", "metadata", "severity_id", "time", "type_uid"},
    "metadata": {"version", "product"},
    "finding_info": {"uid"},
    "finding_info.analytic": {"type_id"},
    "finding_info.related_events": {"uid"},
    "cloud": {"provider"},
    "observables": {"type_id"},
    "remediation": {"desc"},
    "anomaly_analyses": {"analysis_targets", "anomalies"},
}
# Objects of which at least one of these members is asked for (the constraint `at_least_one`).
AT_LEAST_ONE = {
    "metadata.product": {"name", "uid"},
    "finding_info.analytic": {"name", "uid"},
    "finding_info.attacks": {"tactic", "technique", "sub_technique"},
    "finding_info.attacks.technique": {"name", "uid"},
    "evidences": {"actor", "api", "data", "src_endpoint", "user"},
    "evidences.actor": {"user", "invoked_by", "session", "process"},
    "evidences.actor.user": {"account", "name", "uid"},
    "cloud.account": {"name", "uid"},
}
VALUES = {
    "activity_id": {1, 2, 3},
    "category_uid": {2},
    "class_uid": {2004},
    "type_uid": {200401, 200402, 200403},
    "severity_id": {1, 2, 3, 4, 5},
    "status_id": {1, 2, 3, 4},
    "finding_info.analytic.type_id": {1, 2},
    "evidences.actor.user.type_id": {0, 1, 2, 3},
    "evidences.actor.user.account.type_id": {3, 4, 10},
    "cloud.account.type_id": {10},
    "observables.type_id": {2, 4, 19, 31, 35},
}


def walk(content: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every member of an event with the path of names that leads to it; lists are passed through."""
    if isinstance(content, list):
        return [found for each in content for found in walk(each, path)]
    if not isinstance(content, dict):
        return [(path, content)]
    found = [(path, content)]
    for name, each in content.items():
        found += walk(each, f"{path}.{name}".lstrip("."))
    return found


@pytest.mark.parametrize("event", ocsf(*MANY), ids=lambda each: each["finding_info"]["uid"])
def test_an_ocsf_event_has_what_its_class_requires(event: dict[str, Any]) -> None:
    for path, content in walk(event):
        if path in REQUIRED:
            assert content.keys() >= REQUIRED[path], path
        if path in AT_LEAST_ONE:
            assert content.keys() & AT_LEAST_ONE[path], path
        if path in VALUES:
            assert content in VALUES[path], path
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["metadata"]["version"] == "1.5.0"


@pytest.mark.parametrize(
    ("status", "activity", "number", "alert"),
    [("open", 1, 1, True), ("acknowledged", 2, 2, True), ("muted", 2, 3, False), ("resolved", 3, 4, False)],
)
def test_the_state_of_a_finding_is_an_activity_and_a_status(
    status: str, activity: int, number: int, alert: bool
) -> None:
    (event,) = ocsf(finding(status=status, note="known to the team"))
    assert (event["activity_id"], event["status_id"], event["is_alert"]) == (activity, number, alert)
    assert event["comment"] == "known to the team"


def test_an_ocsf_event_says_what_the_finding_does() -> None:
    (event,) = ocsf(finding(rule_hash="ab" * 32, snapshot_id="42"))
    info = event["finding_info"]
    assert (info["uid"], info["title"]) == ("0123456789abcdef", "Access key made for another user")
    # 2026-11-01T10:00:00.5Z and 11:00:00Z in milliseconds since 1970: 20758 days are 1793491200 seconds.
    assert (info["first_seen_time"], info["last_seen_time"]) == (1_793_527_200_500, 1_793_530_800_000)
    assert (event["time"], event["start_time"], event["end_time"]) == (
        1_793_530_800_000,
        1_793_527_200_500,
        1_793_530_800_000,
    )
    assert info["analytic"] == {
        "uid": "detections/access_key_for_another_user",
        "name": "Access key made for another user",
        "type_id": 1,
        "type": "Rule",
        "version": "ab" * 32,
    }
    # attack.mitre.org/versions/v18/techniques/T1098/001
    assert info["attacks"] == [
        {
            "version": "18.1",
            "tactics": [{"uid": "TA0003", "name": "Persistence"}, {"uid": "TA0004", "name": "Privilege Escalation"}],
            "technique": {"uid": "T1098", "name": "Account Manipulation"},
            "sub_technique": {"uid": "T1098.001", "name": "Additional Cloud Credentials"},
        }
    ]
    assert [each["uid"] for each in info["related_events"]] == ["e-1", "e-2"]
    assert event["evidences"][0]["src_endpoint"] == {"ip": "203.0.113.24"}
    assert "src_endpoint" not in event["evidences"][1]
    user = event["evidences"][0]["actor"]["user"]
    assert (user["uid"], user["name"], user["credential_uid"]) == (ROLE, "deploy", "AKIAIOSFODNN7EXAMPLE")
    assert event["cloud"] == {
        "provider": "AWS",
        "account": {"uid": "111122223333", "type_id": 10, "type": "AWS Account"},
        "region": "us-east-1",
        "cloud_partition": "aws",
    }
    assert {each["type_id"]: each["value"] for each in event["observables"]} == {
        31: ROLE,
        4: "deploy",
        35: "111122223333",
        19: "AKIAIOSFODNN7EXAMPLE",
        2: "203.0.113.24",
    }
    assert event["unmapped"] == {"controls": ["CT-04"], "snapshot_id": "42"}


def test_what_points_made_tells_usual_and_unusual() -> None:
    part = {"rule": "anomalies/new_country", "attribute": "country", "usual": "DE", "unusual": "BR", "class": "unseen"}
    parts = [part | {"points": 60}, part | {"attribute": "hour", "usual": "", "unusual": "3", "class": "rare"}]
    (event,) = ocsf(finding(rule="anomalies/behaviour", title="New country, and one more sign", score=120, parts=parts))
    assert event["risk_score"] == 120
    assert event["anomaly_analyses"] == [
        {
            "analysis_targets": [{"name": ROLE, "type": "Principal"}],
            "anomalies": [
                {
                    "observation_parameter": name,
                    "observation_type": "anomalies/new_country",
                    "observed_pattern": pattern,
                    "observations": [{"value": text}],
                }
                for name, pattern, text in (("country", "UNSEEN", "BR"), ("hour", "RARE", "3"))
            ],
            "baselines": [{"observation_parameter": "country", "observations": [{"value": "DE"}]}],
        }
    ]
    assert event["finding_info"]["analytic"] == {
        "uid": "anomalies/behaviour",
        "name": "anomalies/behaviour",
        "type_id": 2,
        "type": "Behavioral",
    }


def test_several_regions_are_no_region() -> None:
    (event,) = ocsf(finding(region="eu-west-1, us-east-1"))
    assert "region" not in event["cloud"]
    assert event["unmapped"]["regions"] == ["eu-west-1", "us-east-1"]


def test_an_unknown_technique_keeps_its_id() -> None:
    (event,) = ocsf(finding(mitre=["T9999.001"]))
    assert event["finding_info"]["attacks"] == [
        {"version": "18.1", "technique": {"uid": "T9999"}, "sub_technique": {"uid": "T9999.001"}}
    ]


def test_access_keys_are_told_by_their_form() -> None:
    # Those of AWS's documentation, a session's, and what only begins like one.
    text = "AKIAI44QH8DHBEXAMPLE, ASIAIOSFODNN7EXAMPLE; AKIASHORT, xAKIAIOSFODNN7EXAMPLE"
    (event,) = ocsf(finding(evidence=[text]))
    keys = [each["value"] for each in event["observables"] if each["type_id"] == 19]
    assert keys == ["AKIAI44QH8DHBEXAMPLE", "ASIAIOSFODNN7EXAMPLE"]
    assert "credential_uid" not in event["evidences"][0]["actor"]["user"]


@pytest.mark.parametrize(
    "text", ["from 1.2.3.4/24", "from 999.1.1.1", "version 1.2.3.4", "from ec2.amazonaws.com", "from"]
)
def test_an_address_is_not_guessed(text: str) -> None:
    (event,) = ocsf(finding(evidence=[text]))
    assert "src_endpoint" not in event["evidences"][0]
