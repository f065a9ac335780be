"""The questions of an investigation, on events made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine, over
from pipeline.records.normalize import to_table
from tests.logs import ACCOUNT, ROLE, event

CATALOG = Catalog.load()
ANNA = {
    "type": "IAMUser",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/anna",
    "accountId": ACCOUNT,
    "accessKeyId": "AKIAANNA",
    "userName": "anna",
}
BUCKET = {"ARN": "arn:aws:s3:::records", "type": "AWS::S3::Bucket", "accountId": ACCOUNT}
REFUSED = f"User: x is not authorized to perform: sts:AssumeRole on resource: {ROLE} because of nothing"


def at(minute: int, name: str, service: str = "ec2", **changes: Any) -> dict[str, Any]:
    moment = f"2026-10-01T10:{minute:02}:00Z"
    given = {"eventID": f"e{minute}", "eventTime": moment, "eventName": name, "eventSource": f"{service}.amazonaws.com"}
    return event(**given | changes)


def assume(minute: int, **changes: Any) -> dict[str, Any]:
    given = {
        "userIdentity": ANNA,
        "requestParameters": {"roleArn": ROLE, "roleSessionName": "build"},
        "responseElements": {"credentials": {"accessKeyId": f"ASIA{minute}"}},
    }
    return at(minute, "AssumeRole", "sts", **given | changes)


RECORDS = [
    at(1, "DescribeInstances", userIdentity=ANNA),
    at(2, "GetObject", "s3", resources=[BUCKET], sourceIPAddress="192.0.2.9"),
    assume(3),
    assume(4, sharedEventID="shared"),
    assume(5, sharedEventID="shared", recipientAccountId="444455556666"),
    assume(6, requestParameters=None, responseElements=None, errorCode="AccessDenied", errorMessage=REFUSED),
    at(
        7,
        "CreateAccessKey",
        "iam",
        requestParameters={"userName": "bob"},
        responseElements={"accessKey": {"accessKeyId": "AKIABOB", "userName": "bob", "status": "Active"}},
    ),
    at(8, "ListBuckets", "s3", userIdentity=ANNA | {"accessKeyId": "AKIABOB", "userName": "bob"}),
    at(
        9,
        "UpdateAccessKey",
        "iam",
        userIdentity=ANNA,
        requestParameters={"accessKeyId": "AKIABOB", "userName": "bob", "status": "Inactive"},
    ),
    at(10, "DeleteAccessKey", "iam", requestParameters={"accessKeyId": "AKIANO"}, errorCode="AccessDenied"),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with over({"events": to_table(RECORDS)}) as opened:
        CATALOG.install_views(opened)
        yield opened


def ask(engine: Engine, name: str, **given: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = CATALOG.run(engine, f"investigate/{name}", given).to_pylist()
    return rows


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["e1", "e10", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"]),
        ({"principal": ANNA["arn"], "access_key": "AKIAANNA"}, ["e1", "e3", "e4", "e5", "e6", "e9"]),
        ({"access_key": "AKIABOB"}, ["e8"]),
        ({"session": "session-1"}, ["e10", "e2", "e7"]),
        ({"address": "192.0.2.9"}, ["e2"]),
        ({"address": "192.0.2.0/24"}, ["e2"]),
        ({"resource": BUCKET["ARN"]}, ["e2"]),
        ({"since": "-2m"}, ["e10", "e8", "e9"]),
        ({"since": "2026-10-01T10:03:00Z", "until": "2026-10-01T10:04:00Z"}, ["e3", "e4"]),
        ({"principal": "arn:aws:iam::1:user/nobody"}, []),
    ],
)
def test_the_timeline_is_narrowed(engine: Engine, given: dict[str, str], expected: list[str]) -> None:
    rows = ask(engine, "timeline", **given)
    assert sorted(each["eventID"] for each in rows) == expected
    assert [each["eventTime"] for each in rows] == sorted(each["eventTime"] for each in rows)


def test_role_assumptions_fold_an_organizations_twins(engine: Engine) -> None:
    made, refused = ask(engine, "role_assumptions", role=ROLE)
    assert (made["caller"], made["session_name"], made["outcome"]) == (ANNA["arn"], "build", "ok")
    assert made["count"] == 2
    assert made["access_keys"] == ["ASIA3", "ASIA4", "ASIA5"]
    assert (refused["outcome"], refused["count"], refused["session_name"]) == ("denied", 1, None)


def test_networks_tell_who_else_is_there(engine: Engine) -> None:
    home, away = ask(engine, "networks", principal=ROLE)[::-1]
    assert (away["source_network"], away["events"], away["others"]) == ("192.0.2.0/24", 1, 0)
    assert (home["source_network"], home["events"], home["denied"], home["others"]) == ("203.0.113.0/24", 2, 1, 1)


def test_a_keys_history_is_told(engine: Engine) -> None:
    (bob,) = ask(engine, "access_key_history", access_key="AKIABOB")
    assert (bob["owner"], bob["made_by"], bob["events"]) == ("bob", ROLE, 1)
    assert bob["changed"] == [f"2026-10-01T10:09:00Z set Inactive by {ANNA['arn']}"]
    (anna,) = ask(engine, "access_key_history", access_key="AKIAANNA")
    assert (anna["made_at"], anna["changed"], anna["events"]) == (None, None, 6)
    assert ask(engine, "access_key_history", access_key="AKIANO") == []
