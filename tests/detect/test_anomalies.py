"""Each anomaly on events made by hand: those that must be found, those that must not, and those that failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.catalog import Catalog
from pipeline.detect.anomalies import Examined, examine
from pipeline.engines.duckdb import over
from pipeline.records.normalize import to_table
from tests.logs import ACCOUNT, event

NOW = datetime(2026, 10, 31, tzinfo=UTC)
CATALOG = Catalog.load()
USER = {
    "type": "IAMUser",
    "principalId": "AIDAANNA",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/anna",
    "accountId": ACCOUNT,
    "accessKeyId": "AKIAOLD",
    "userName": "anna",
}
ROOT = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
Records = list[dict[str, Any]]


def at(moment: datetime, **changes: Any) -> dict[str, Any]:
    return event(eventTime=moment.strftime("%Y-%m-%dT%H:%M:%SZ"), **changes)


def sign_in(
    identity: dict[str, Any] = USER, result: str = "Success", mfa: str | None = "No", **changes: Any
) -> Records:
    given = {
        "userIdentity": identity,
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "eventType": "AwsConsoleSignIn",
        "responseElements": {"ConsoleLogin": result},
        "additionalEventData": {"MFAUsed": mfa},
    }
    return [at(NOW, **given, **changes)]


def refused(names: list[str], minutes: float = 5, **changes: Any) -> Records:
    step = timedelta(minutes=minutes) / len(names)
    given = {"errorCode": "AccessDenied", "errorMessage": "no"} | changes
    return [at(NOW + step * n, eventName=name, **given) for n, name in enumerate(names)]


def habits(days: int = 20, each_day: int = 5, **changes: Any) -> Records:
    """Quiet days of reading, up to the day before NOW."""
    moments = [NOW - timedelta(days=day, hours=hour) for day in range(1, days + 1) for hour in range(each_day)]
    return [at(moment, **changes) for moment in moments]


def grant(name: str, parameters: dict[str, Any], **changes: Any) -> Records:
    given = {"eventSource": "iam.amazonaws.com", "eventName": name, "readOnly": False, "userIdentity": USER}
    return [at(NOW, requestParameters=parameters, **(given | changes))]


def change(name: str, moment: datetime = NOW, **changes: Any) -> dict[str, Any]:
    source = "iam.amazonaws.com" if name.endswith("Policy") else "ec2.amazonaws.com"
    return at(moment, eventName=name, eventSource=source, readOnly=False, **changes)


def by_others(count: int, name: str) -> Records:
    """The same call by other users of the account, weeks before."""
    others = [USER | {"arn": f"arn:aws:iam::{ACCOUNT}:user/other{n}", "userName": f"other{n}"} for n in range(count)]
    return [change(name, NOW - timedelta(days=9, hours=n), userIdentity=each) for n, each in enumerate(others)]


def session(**there: Any) -> Records:
    """A session that anna's key asked for at home, used one minute later."""
    answer = {"credentials": {"accessKeyId": ASIA["accessKeyId"]}}
    token = {"eventSource": "sts.amazonaws.com", "eventName": "GetSessionToken", "responseElements": answer}
    used = at(NOW + timedelta(minutes=1), userIdentity=USER | ASIA, **there)
    return [at(NOW, userIdentity=USER, **token), used]


def key_for_bob(**there: Any) -> Records:
    """A key that somebody made for bob, whom the log does not know, used an hour later."""
    made = {"accessKey": {"accessKeyId": "AKIABOB", "userName": "bob"}}
    making = {"eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey", "responseElements": made}
    bob = USER | {"arn": f"arn:aws:iam::{ACCOUNT}:user/bob", "userName": "bob", "accessKeyId": "AKIABOB"}
    used = NOW + timedelta(hours=1)
    return [at(NOW, readOnly=True, **making), at(used, userIdentity=bob, **there)]


ASIA = {"accessKeyId": "ASIASESSION"}
ON_BEHALF = {"invokedBy": "cloudformation.amazonaws.com"}
ENDPOINT = {"sourceIPAddress": "10.9.8.7", "vpcEndpointId": "vpce-1"}
CALLS = [f"Describe{n}" for n in range(6)]
ATTACH = {"userName": "anna", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
NEW_NET = {"sourceIPAddress": "192.0.2.9"}
ROLE_PARAMETERS = {"roleName": "worker", "policyName": "more"}
DELETE = {"eventName": "DeleteTag", "readOnly": False}
SERVICE = {"type": "AWSService", "invokedBy": "config.amazonaws.com"}

# anomaly → (what happens, how many findings); the first is the plainest that must be found.
CASES: dict[str, list[tuple[str, Records, int]]] = {
    "console_sign_in_without_mfa": [
        ("a user without MFA", sign_in(), 1),
        ("root without MFA", sign_in(ROOT), 1),
        ("with MFA", sign_in(mfa="Yes"), 0),
        ("failed", sign_in(result="Failure", errorMessage="Failed authentication"), 0),
        ("federated", sign_in(event()["userIdentity"]), 0),
        ("the record does not say", sign_in(mfa=None), 0),
    ],
    "root_use": [
        ("a call by root", [at(NOW, userIdentity=ROOT)], 1),
        ("root signs in", sign_in(ROOT, mfa="Yes"), 1),
        ("a service for root", [at(NOW, userIdentity=ROOT | {"invokedBy": "support.amazonaws.com"})], 0),
        ("AWS's own event", [at(NOW, userIdentity=ROOT, eventType="AwsServiceEvent")], 0),
        ("sign-in failed", sign_in(ROOT, result="Failure", errorMessage="Failed authentication"), 0),
        ("a user", [at(NOW, userIdentity=USER)], 0),
    ],
    "access_denied_burst": [
        ("six calls in five minutes", refused(CALLS), 1),
        ("one call many times", refused(["DescribeInstances"] * 40), 0),
        ("over an hour", refused(CALLS, minutes=60), 0),
        ("a service", refused(CALLS, userIdentity=SERVICE), 0),
        ("a service on behalf", refused(CALLS, sourceIPAddress="athena.amazonaws.com"), 0),
        ("other errors", refused(CALLS, errorCode="NoSuchEntity"), 0),
    ],
    "first_sensitive_call": [
        ("a new change after a warm-up", [*habits(), at(NOW, eventName="DeleteTrail", readOnly=False)], 1),
        ("a secret read after a warm-up", [*habits(), at(NOW, eventName="GetSecretValue")], 1),
        ("what others do, too", [*habits(), *by_others(4, "RunInstances"), change("RunInstances")], 0),
        ("what few others do", [*habits(), *by_others(2, "RunInstances"), change("RunInstances")], 1),
        ("what others do to identities", [*habits(), *by_others(4, "AttachRolePolicy"), change("AttachRolePolicy")], 1),
        ("a new plain read", [*habits(), at(NOW, eventName="DescribeVpcs")], 0),
        (
            "made before",
            [*habits(eventName="DeleteTag", readOnly=False), at(NOW, eventName="DeleteTag", readOnly=False)],
            0,
        ),
        ("too little history", [*habits(days=3), at(NOW, eventName="DeleteTrail", readOnly=False)], 0),
        ("refused", [*habits(), at(NOW, eventName="DeleteTrail", readOnly=False, errorCode="AccessDenied")], 0),
        (
            "a service on behalf",
            [*habits(), at(NOW, eventName="Decrypt", sourceIPAddress="athena.amazonaws.com", readOnly=False)],
            0,
        ),
    ],
    "access_key_from_new_network": [
        ("a known key elsewhere", [*habits(userIdentity=USER), at(NOW, userIdentity=USER, **NEW_NET)], 1),
        (
            "a second key from there",
            [
                *habits(userIdentity=USER),
                at(NOW, userIdentity=USER, **NEW_NET),
                at(NOW + timedelta(hours=1), userIdentity=USER | {"accessKeyId": "AKIANEW"}, **NEW_NET),
            ],
            1,  # both keys, one episode
        ),
        ("a new key at home", [*habits(userIdentity=USER), at(NOW, userIdentity=USER | {"accessKeyId": "AKIANEW"})], 0),
        ("too little history", [*habits(days=3, userIdentity=USER), at(NOW, userIdentity=USER, **NEW_NET)], 0),
        ("a role's session", [*habits(), at(NOW, **NEW_NET)], 0),
        (
            "refused there",
            [*habits(userIdentity=USER), at(NOW, userIdentity=USER, errorCode="AccessDenied", **NEW_NET)],
            1,
        ),
        ("a session of the key", [*habits(userIdentity=USER), *session(**NEW_NET)], 1),
        ("a session at home", [*habits(userIdentity=USER), *session()], 0),
        ("a console session", [*habits(userIdentity=USER), at(NOW, userIdentity=USER | ASIA, **NEW_NET)], 0),
        ("a service on behalf", [*habits(userIdentity=USER), at(NOW, userIdentity=USER | ON_BEHALF, **NEW_NET)], 0),
        ("through an endpoint", [*habits(userIdentity=USER), at(NOW, userIdentity=USER, **ENDPOINT)], 0),
        ("a key made for a user without history", [*habits(), *key_for_bob(**NEW_NET)], 1),
        ("the same from where others are", [*habits(), *key_for_bob()], 0),
        ("the same in a log too short", [*habits(days=3), *key_for_bob(**NEW_NET)], 0),
    ],
    "self_granted_permissions": [
        ("a user attaches to itself", grant("AttachUserPolicy", ATTACH), 1),
        (
            "a role writes into itself",
            grant("PutRolePolicy", ROLE_PARAMETERS, userIdentity=event()["userIdentity"]),
            1,
        ),
        ("to somebody else", grant("AttachUserPolicy", ATTACH | {"userName": "bob"}), 0),
        ("refused", grant("AttachUserPolicy", ATTACH, errorCode="AccessDenied"), 0),
        ("removes its own boundary", grant("DeleteUserPermissionsBoundary", {"userName": "anna"}), 1),
        ("joins a group", grant("AddUserToGroup", {"userName": "anna", "groupName": "admins"}), 1),
        ("a user to a role of its name", grant("AttachRolePolicy", {"roleName": "anna"}), 0),
    ],
}


def examined(records: Records) -> Examined:
    with over({"events": to_table(records)}) as engine:
        CATALOG.install_views(engine)
        return examine(engine, CATALOG, NOW - timedelta(hours=1), NOW + timedelta(days=1))


def test_every_anomaly_has_cases() -> None:
    asked = {each.removeprefix("anomalies/") for each in CATALOG.queries if each.startswith("anomalies/")}
    assert asked == set(CASES)
    for cases in CASES.values():
        assert {expected for _, _, expected in cases} == {0, 1}


@pytest.mark.parametrize(
    ("rule", "records", "expected"),
    [(rule, records, expected) for rule, cases in CASES.items() for _, records, expected in cases],
    ids=[f"{rule}: {name}" for rule, cases in CASES.items() for name, _, _ in cases],
)
def test_case(rule: str, records: Records, expected: int) -> None:
    found = [each for each in examined(records).findings if each["rule"] == f"anomalies/{rule}"]
    assert len(found) == expected
    for each in found:
        ids = {record["eventID"] for record in records}
        assert set(each["event_ids"]) <= ids
        assert each["count"] == len(each["event_ids"]) > 0
        assert each["first_seen"] >= NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("there", "severity"),
    [
        ([at(NOW, userIdentity=USER, **NEW_NET)], "low"),
        ([at(NOW, userIdentity=USER, errorCode="AccessDenied", **NEW_NET)], "high"),
        ([at(NOW, userIdentity=USER, **NEW_NET), at(NOW, userIdentity=USER, eventName="ListUsers", **NEW_NET)], "high"),
    ],
    ids=["as at home", "refused", "a call never made before"],
)
def test_a_journey_is_graded_apart(there: Records, severity: str) -> None:
    (found,) = examined([*habits(userIdentity=USER), *there]).findings
    assert (found["rule"], found["severity"]) == ("anomalies/access_key_from_new_network", severity)


def test_a_burst_lists_all_of_its_events() -> None:
    records = refused([*CALLS, "Describe0"])
    (found,) = (each for each in examined(records).findings if each["rule"] == "anomalies/access_denied_burst")
    assert found["event_ids"] == [each["eventID"] for each in records]


def test_short_history_is_told_and_raises_nothing() -> None:
    judged = examined([*habits(days=3), at(NOW, eventName="DeleteTrail", readOnly=False)])
    assert judged.findings == []
    assert [rule for rule, _, _ in judged.unjudged] == ["anomalies/first_sensitive_call"]


def test_who_becomes_known_is_judged_and_not_told() -> None:
    """The first events of every log are new; only who is still unknown at its end is worth a word."""
    records = [change("DeleteTags", NOW - timedelta(days=21)), *habits(), *habits(userIdentity=USER)]
    with over({"events": to_table(records)}) as engine:
        CATALOG.install_views(engine)
        judged = examine(engine, CATALOG, None, NOW)
    assert (judged.findings, judged.unjudged) == ([], [])


def test_episodes_part_after_a_quiet_week_and_keep_their_id() -> None:
    def root(hours: int) -> dict[str, Any]:
        return at(NOW + timedelta(hours=hours), userIdentity=ROOT, eventID=f"r{hours}")

    with over({"events": to_table([root(0), root(100), root(300)])}) as engine:
        CATALOG.install_views(engine)
        found = examine(engine, CATALOG, None, NOW + timedelta(days=30)).findings
    assert [each["event_ids"] for each in found] == [["r0", "r100"], ["r300"]]
    with over({"events": to_table([root(0)])}) as engine:
        CATALOG.install_views(engine)
        assert examine(engine, CATALOG, None, NOW + timedelta(days=30)).findings[0]["id"] == found[0]["id"]


def test_table_has_the_designs_columns() -> None:
    names = "id rule title severity status principal_arn account region first_seen last_seen count event_ids evidence"
    assert {*names.split(), "controls", "mitre"} <= set(examined(sign_in()).table().column_names)
