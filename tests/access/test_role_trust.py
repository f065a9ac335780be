"""The question on trust: records of AssumeRole as AWS documents them, against trust policies, told by hand."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from pipeline.catalog import Catalog
from pipeline.engines.duckdb import over
from pipeline.records.normalize import to_table
from pipeline.records.schema import IAM_SNAPSHOTS, USAGE
from tests.access.worlds import ACCOUNT, END, START, arn, daily, policy, role

AWAY = "444455556666"
TRUSTED = role("trusted")["arn"]
Record = dict[str, Any]


def assumed(identity: Record, number: int, name: str = "AssumeRole", **more: Any) -> Record:
    """A successful call that takes the role `trusted`; `more` goes into the request or stands beside it."""
    request = {"roleArn": TRUSTED, "roleSessionName": "s", **more.pop("request", {})}
    return {
        "eventVersion": "1.11", "userIdentity": identity, "eventTime": "2026-09-15T10:00:00Z",
        "eventSource": "sts.amazonaws.com", "eventName": name, "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.1",
        "userAgent": "x", "requestParameters": request, "responseElements": None, "eventID": f"e{number}",
        "readOnly": True, "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": ACCOUNT,
        "eventCategory": "Management", **more,
    }  # fmt: skip


def state(principal: object, *records: Record, log: bool = True, **role_members: Any) -> dict[str, tuple[str, int]]:
    """State and uses by what is trusted."""
    trust = policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    item = role("trusted", AssumeRolePolicyDocument=trust, **role_members)
    row = {"snapshot_id": "s", "taken_at": END, "account_id": ACCOUNT, "source_object": "x", "imported_at": END}
    tables = {
        "iam_snapshots": pa.Table.from_pylist(
            [{**row, **item, "item": json.dumps(item["item"])}], schema=IAM_SNAPSHOTS
        ),
        "usage": pa.Table.from_pylist(daily() if log else daily()[-4:], schema=USAGE),
    }
    if records:
        tables["events"] = to_table(list(records))
    with over(tables) as engine:
        rows = Catalog.load().run(engine, "permissions/role_trust", {"since": START.isoformat()}, END).to_pylist()
    return {each["trusted"]: (each["state"], each["uses"]) for each in rows}


USER = {"type": "IAMUser", "arn": arn("user", "ann"), "accountId": ACCOUNT, "principalId": "AIDAANN", "userName": "ann"}
SERVICE = {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
STRANGER = {"type": "AWSAccount", "accountId": AWAY, "principalId": "AROAX:s"}
TWIN = {"type": "IAMUser", "arn": f"arn:aws:iam::{AWAY}:user/eve", "accountId": AWAY, "principalId": "AIDAEVE"}
SAML = f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"


@pytest.mark.parametrize(
    ("trusted", "records", "expected"),
    [
        (arn("user", "ann"), [assumed(USER, 1)], ("used", 1)),
        (arn("user", "bob"), [assumed(USER, 1)], ("unused", 0)),
        (arn("user", "ann"), [], ("unused", 0)),
        (arn("user", "ann"), [assumed(USER, 1, errorCode="AccessDenied")], ("unused", 0)),
        (arn("user", "ann"), [assumed(USER, 1, eventTime="2026-07-01T00:00:00Z")], ("unused", 0)),
        (f"arn:aws:iam::{ACCOUNT}:root", [assumed(USER, 1)], ("used", 1)),
        (AWAY, [assumed(STRANGER, 1)], ("used", 1)),
        (f"arn:aws:iam::{AWAY}:root", [assumed(USER, 1)], ("unused", 0)),
        # Of a caller in another account this account's log tells the account alone …
        (f"arn:aws:iam::{AWAY}:user/eve", [assumed(STRANGER, 1)], ("unknown", 0)),
        # … and the twin in that account's own log tells who it was.
        (
            f"arn:aws:iam::{AWAY}:user/eve",
            [assumed(STRANGER, 1, sharedEventID="t"), assumed(TWIN, 2, sharedEventID="t", recipientAccountId=AWAY)],
            ("used", 1),
        ),
        (
            f"arn:aws:iam::{AWAY}:user/bob",
            [assumed(STRANGER, 1, sharedEventID="t"), assumed(TWIN, 2, sharedEventID="t", recipientAccountId=AWAY)],
            ("unused", 0),
        ),
    ],
)
def test_accounts_and_principals(trusted: str, records: list[Record], expected: tuple[str, int]) -> None:
    assert state({"AWS": trusted}, *records) == {trusted: expected}


def test_services_and_providers() -> None:
    federated = {"type": "SAMLUser", "principalId": "x", "identityProvider": "hash=", "userName": "ann"}
    web = {
        "type": "WebIdentityUser",
        "principalId": "x",
        "identityProvider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/ci.example.com",
    }
    records = [
        assumed(SERVICE, 1),
        assumed(federated, 2, "AssumeRoleWithSAML", request={"principalArn": SAML}),
        assumed(web, 3, "AssumeRoleWithWebIdentity"),
    ]
    principal = {
        "Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"],
        "Federated": [SAML, "ci.example.com", "other.example.com"],
    }
    assert state(principal, *records) == {
        "lambda.amazonaws.com": ("used", 1),
        "ec2.amazonaws.com": ("unused", 0),
        SAML: ("used", 1),
        "ci.example.com": ("used", 1),
        "other.example.com": ("unused", 0),
    }


def test_everybody() -> None:
    assert state("*", assumed(USER, 1)) == {"*": ("used", 1)}
    assert state({"AWS": "*"}) == {"*": ("unused", 0)}


def test_what_the_log_cannot_tell_is_unknown() -> None:
    assert state({"AWS": arn("user", "ann")}, log=False) == {arn("user", "ann"): ("unknown", 0)}
    assert state({"AWS": arn("user", "ann")}, CreateDate="2026-10-01T00:00:00Z") == {arn("user", "ann"): ("unknown", 0)}


def test_service_linked_roles_are_left_out() -> None:
    assert state({"Service": "x.amazonaws.com"}, Path="/aws-service-role/x.amazonaws.com/") == {}
