"""What the derived columns say, case by case; expectations from AWS's "CloudTrail userIdentity element"."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.records.normalize import Builder, add_object, to_table
from pipeline.records.principal import source_network
from tests.logs import ACCOUNT, ROLE, event

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
USER = f"arn:aws:iam::{ACCOUNT}:user/team/anna"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/s1"

PRINCIPALS: list[tuple[str, Any, dict[str, Any]]] = [
    (
        "assumed role with issuer",
        event()["userIdentity"],
        {
            "principal_arn": ROLE,
            "principal_type": "AssumedRole",
            "principal_id": "AROAEXAMPLE",
            "session_name": "session-1",
        },
    ),
    (
        "assumed role without issuer",
        {"type": "AssumedRole", "principalId": "AROAX:s1", "arn": SESSION, "accountId": ACCOUNT},
        {"principal_arn": f"arn:aws:iam::{ACCOUNT}:role/worker", "path_unknown": True, "session_name": "s1"},
    ),
    (
        "assumed role with an empty issuer",
        {"type": "AssumedRole", "arn": SESSION, "sessionContext": {"sessionIssuer": {}}},
        {"principal_arn": f"arn:aws:iam::{ACCOUNT}:role/worker", "path_unknown": True, "principal_id": None},
    ),
    (
        "user",
        {"type": "IAMUser", "principalId": "AIDAX", "arn": USER, "accessKeyId": "AKIAX", "userName": "anna"},
        {"principal_arn": USER, "principal_id": "AIDAX", "access_key_id": "AKIAX", "path_unknown": False},
    ),
    ("root", {"type": "Root", "principalId": ACCOUNT, "arn": ROOT}, {"principal_arn": ROOT, "principal_type": "Root"}),
    (
        "service",
        {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
        {"principal_arn": "ec2.amazonaws.com", "via_service": None},
    ),
    (
        "identity center",
        {
            "type": "IdentityCenterUser",
            "onBehalfOf": {"userId": "u-1", "identityStoreArn": "arn:aws:identitystore::1:identitystore/d-1"},
            "credentialId": "c",
        },
        {"principal_arn": "arn:aws:identitystore::1:identitystore/d-1/u-1"},
    ),
    (
        "another account",
        {"type": "AWSAccount", "principalId": "AIDAOTHER", "accountId": "999900001111"},
        {"principal_arn": "AIDAOTHER", "principal_id": "AIDAOTHER"},
    ),
    (
        "no type",
        {"accountId": ACCOUNT, "invokedBy": "rds.amazonaws.com"},
        {"principal_arn": "unknown", "via_service": "rds.amazonaws.com", "principal_type": "Unknown"},
    ),
    (
        "web identity",
        {"type": "WebIdentityUser", "principalId": "accounts.google.com:x:y"},
        {"principal_arn": "unknown"},
    ),
    ("nothing", None, {"principal_arn": "unknown", "access_key_id": None}),
    ("empty key", {"type": "IAMUser", "arn": USER, "accessKeyId": ""}, {"access_key_id": None}),
    ("not an object", "anna", {"principal_arn": "unknown"}),
]


def row(**changes: Any) -> dict[str, Any]:
    return to_table([event(**changes)]).to_pylist()[0]


@pytest.mark.parametrize(
    ("identity", "expected"), [case[1:] for case in PRINCIPALS], ids=[case[0] for case in PRINCIPALS]
)
def test_principal(identity: Any, expected: dict[str, Any]) -> None:
    found = row(userIdentity=identity)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "ok"),
        ({"errorCode": "AccessDenied"}, "denied"),
        ({"errorCode": "Client.UnauthorizedOperation"}, "denied"),
        ({"errorCode": "VpceAccessDenied"}, "denied"),
        ({"errorCode": "AuthorizationErrorException"}, "denied"),
        ({"errorCode": "NoSuchBucket"}, "error"),
        ({"errorCode": "ThrottlingException"}, "error"),
        ({"errorMessage": "Failed authentication"}, "error"),
        ({"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure"}}, "error"),
        ({"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Success"}}, "ok"),
    ],
)
def test_outcome(changes: dict[str, Any], expected: str) -> None:
    assert row(**changes)["outcome"] == expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("203.0.113.007", None),  # zero-padded: decimal or octal, so no address
        ("ec2.amazonaws.com", None),
        ("AWS Internal", None),
        ("", None),
        (None, None),
    ],
)
def test_source_network(address: str | None, network: str | None) -> None:
    assert source_network(address) == network
    assert row(sourceIPAddress=address)["source_network"] == network


def test_a_service_address_marks_the_call_as_made_for_the_principal() -> None:
    assert row(sourceIPAddress="athena.amazonaws.com")["via_service"] == "athena.amazonaws.com"
    assert row()["via_service"] is None


def test_account_is_the_recipients_and_else_the_callers() -> None:
    assert row(recipientAccountId="444455556666")["account_id"] == "444455556666"
    assert row(recipientAccountId=None)["account_id"] == ACCOUNT


@pytest.mark.parametrize("version", ["1.0", "1.00", "1.08", "1.10", "1.11"])
def test_versions_stay_text(version: str) -> None:
    assert row(eventVersion=version)["eventVersion"] == version


def test_a_value_of_the_wrong_type_is_kept_whole_in_extra() -> None:
    found = row(readOnly="true", apiVersion=3, resources=[1], tlsDetails="none")
    assert [found[name] for name in ("readOnly", "apiVersion", "resources", "tlsDetails")] == [None] * 4
    assert found["extra"] is not None
    assert '"readOnly":"true"' in found["extra"].replace(": ", ":")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"[]", "is no valid JSON"),
        (b"3", "is no valid JSON"),
        (b"{}", "has no eventTime"),
        (b'{"eventTime":"yesterday"}', "has no readable eventTime ('yesterday')"),
        (b'{"eventTime":"2026-10-01T10:00:00Z","requestParameters":{"a":"\xff"}}', "is not valid UTF-8"),
        (b'{"eventTime":"2026-10-01T10:00:00Z","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "is nested too deeply"),
    ],
)
def test_what_is_no_event_is_refused_with_its_bytes(record: bytes, reason: str) -> None:
    builder = Builder()
    builder.add(7, 2, record)
    number, position, refused = builder.build().refused[0]
    assert (number, position, refused.raw) == (7, 2, record)
    assert refused.reason.startswith(reason)


def test_other_kinds_of_records_go_to_their_own_tables() -> None:
    import json

    insight = {
        "eventTime": "2026-10-01T10:00:00Z",
        "eventType": "AwsCloudTrailInsight",
        "eventCategory": "Insight",
        "insightDetails": {},
    }
    aggregated = {
        "eventCategory": "Aggregated",
        "eventId": "x",
        "timeWindow": {"windowStart": "2026-10-01T10:00:00Z"},
        "summary": {},
    }
    digest = {
        "awsAccountId": ACCOUNT,
        "digestStartTime": "2026-10-01T10:00:00Z",
        "digestEndTime": "2026-10-01T11:00:00Z",
        "logFiles": [],
    }
    network = event(eventCategory="NetworkActivity", eventType="AwsVpceEvent", errorCode="VpceAccessDenied")
    builder = Builder()
    for position, record in enumerate((insight, aggregated, digest, network)):
        builder.add(0, position, json.dumps(record).encode())
    part = builder.build()
    assert [each["table"] for each in part.others] == ["insights", "aggregated", "digests"]
    assert part.events["eventCategory"].to_pylist() == ["NetworkActivity"]


@pytest.mark.parametrize(
    ("moment", "year"),
    [
        ("0001-01-01T00:00:00Z", 1),
        ("9999-12-31T23:59:59Z", 9999),
        ("0000-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("10000-01-01T00:00:00Z", None),
        ("2026-10-01T10:00:60Z", None),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_times_at_the_ends_of_the_calendar(moment: str, year: int | None, whole: bool) -> None:
    text = json.dumps(event(eventTime=moment))
    builder = Builder()
    if not whole or not builder.add_whole(0, f'{{"Records":[{text}]}}'.encode()):
        builder.add(0, 0, text.encode())
    part = builder.build()
    assert [each.year for each in part.events["eventTime"].to_pylist()] == ([year] if year else [])
    assert len(part.refused) == (year is None)


def test_an_insight_is_one_by_its_type_alone_on_both_paths() -> None:
    builder = Builder()
    data = json.dumps({"Records": [event(eventCategory=None, eventType="AwsCloudTrailInsight")]}).encode()
    list(add_object(builder, 0, data))
    assert [each["table"] for each in builder.build().others] == ["insights"]


def test_an_open_member_that_engines_cannot_read_is_kept_aside() -> None:
    """DuckDB fails at half a surrogate pair, and with it every question over the day."""
    builder = Builder()
    builder.add(0, 0, json.dumps(event(requestParameters={"bucketName": "\ud800"})).encode())
    row = builder.build().events.to_pylist()[0]
    assert row["requestParameters"] is None
    assert json.loads(row["extra"]) == {"requestParameters": {"bucketName": "\ud800"}}


def test_a_reason_stays_short() -> None:
    builder = Builder()
    builder.add(0, 0, json.dumps(event(eventTime="x" * 10_000)).encode())
    assert len(builder.build().refused[0][2].reason) < 100
