"""Records and IAM rows made by hand, in the shapes AWS documents, and engines over them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine, over
from pipeline.records.normalize import to_table
from pipeline.records.schema import IAM_SNAPSHOTS
from pipeline.times import iso

ACCOUNT, OTHER = "111111111111", "222222222222"
SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
TAKEN = datetime(2026, 3, 6, tzinfo=UTC)

_numbers = iter(range(1, 1_000_000))


def user(name: str = "alice", account: str = ACCOUNT) -> dict[str, Any]:
    return {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLE",
        "arn": f"arn:aws:iam::{account}:user/{name}",
        "accountId": account,
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "userName": name,
    }


def root(account: str = ACCOUNT) -> dict[str, Any]:
    return {"type": "Root", "principalId": account, "arn": f"arn:aws:iam::{account}:root", "accountId": account}


def federated(role: str = "Admin", account: str = ACCOUNT) -> dict[str, Any]:
    issuer = {
        "type": "Role",
        "principalId": "AROAEXAMPLE",
        "arn": f"arn:aws:iam::{account}:role/{role}",
        "accountId": account,
        "userName": role,
    }
    return {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:alice@example.com",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/alice@example.com",
        "accountId": account,
        "sessionContext": {"sessionIssuer": issuer},
    }


def event(name: str, source: str, at: datetime = NOON, account: str = ACCOUNT, **members: Any) -> dict[str, Any]:
    """One management event; `members` add to it or replace what it has, None strikes."""
    number = next(_numbers)
    record = {
        "eventVersion": "1.11",
        "userIdentity": user(account=account),
        "eventTime": iso(at),
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.30",
        "requestID": f"request-{number}",
        "eventID": f"{number:08d}-0000-4000-8000-000000000000",
        "readOnly": name.startswith(("Get", "List", "Describe", "Head")),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "eventCategory": "Management",
        "recipientAccountId": account,
    }
    return {key: value for key, value in (record | members).items() if value is not None}


def sign_in(mfa: str | None = "No", failed: bool = False, **members: Any) -> dict[str, Any]:
    """A ConsoleLogin as AWS writes it ("AWS Management Console sign-in events")."""
    given: dict[str, Any] = {
        "eventType": "AwsConsoleSignIn",
        "responseElements": {"ConsoleLogin": "Failure" if failed else "Success"},
        "additionalEventData": {"LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No"},
        "errorMessage": "Failed authentication" if failed else None,
    }
    if mfa:
        given["additionalEventData"]["MFAUsed"] = mfa
    return event("ConsoleLogin", "signin", **(given | members))


def heartbeat(
    account: str = ACCOUNT, region: str = "us-east-1", since: datetime = SINCE, days: int = 7
) -> list[dict[str, Any]]:
    """A read and a write on each of `days` days: a log that covers them."""
    found = []
    for day in range(days):
        at = since + timedelta(days=day, hours=9)
        found.append(event("DescribeInstances", "ec2", at, account, awsRegion=region))
        found.append(event("StartInstances", "ec2", at, account, awsRegion=region))
    return found


def credential(name: str, account: str = ACCOUNT, **columns: str) -> dict[str, Any]:
    """A row of the credential report: an IAM user who has nothing, but for `columns`."""
    is_root = name == "<root_account>"
    row = {
        "user": name,
        "arn": f"arn:aws:iam::{account}:{'root' if is_root else f'user/{name}'}",
        "user_creation_time": "2025-01-01T00:00:00+00:00",
        "password_enabled": "false",
        "password_last_used": "N/A",
        "password_last_changed": "N/A",
        "password_next_rotation": "N/A",
        "mfa_active": "false",
    }
    for key in ("1", "2"):
        row |= {
            f"access_key_{key}_active": "false",
            f"access_key_{key}_last_rotated": "N/A",
            f"access_key_{key}_last_used_date": "N/A",
            f"access_key_{key}_last_used_region": "N/A",
            f"access_key_{key}_last_used_service": "N/A",
        }
    row |= {
        "cert_1_active": "false",
        "cert_1_last_rotated": "N/A",
        "cert_2_active": "false",
        "cert_2_last_rotated": "N/A",
    }
    return {"kind": "credential", "account_id": account, "arn": row["arn"], "name": name, "item": row | columns}


def good_root(account: str = ACCOUNT) -> dict[str, Any]:
    return credential("<root_account>", account, password_enabled="true", mfa_active="true")


def detail(kind: str, name: str, account: str = ACCOUNT, arn: str | None = None, **members: Any) -> dict[str, Any]:
    """An entry of GetAccountAuthorizationDetails."""
    arn = arn or f"arn:aws:iam::{account}:{kind}/{name}"
    item = {"Arn": arn, f"{kind.capitalize()}Name": name, "Path": "/", **members}
    return {"kind": kind, "account_id": account, "arn": arn, "name": name, "item": item}


def attached(*policies: str) -> list[dict[str, str]]:
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in policies]


def statement(action: Any = "*", resource: Any = "*", effect: str = "Allow", **members: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **members}


def policy(name: str, *statements: dict[str, Any], arn: str | None = None) -> dict[str, Any]:
    """A managed policy with an old version that allowed nothing, and the default that has `statements`."""
    old = {"VersionId": "v1", "IsDefaultVersion": False, "Document": {"Version": "2012-10-17", "Statement": []}}
    new = {
        "VersionId": "v2",
        "IsDefaultVersion": True,
        "Document": {"Version": "2012-10-17", "Statement": list(statements)},
    }
    return detail("policy", name, arn=arn, PolicyVersionList=[old, new])


def snapshot(*items: dict[str, Any], taken_at: datetime = TAKEN, name: str = "snapshot") -> pa.Table:
    rows = [
        {
            **each,
            "item": json.dumps(each["item"]),
            "snapshot_id": name,
            "taken_at": taken_at,
            "source_object": "made",
            "imported_at": taken_at,
        }
        for each in items
    ]
    return pa.Table.from_pylist(rows, schema=IAM_SNAPSHOTS)


def engine(events: list[dict[str, Any]] | None = None, *snapshots: pa.Table) -> Engine:
    """An engine over these records and snapshots."""
    tables = {}
    if events:
        tables["events"] = to_table(events)
    if snapshots:
        tables["iam_snapshots"] = pa.concat_tables(snapshots)
    return over(tables)


def ask(made: Engine, catalog: Catalog, question: str, **given: str) -> list[dict[str, Any]]:
    """The rows of a question over the week from SINCE to UNTIL."""
    window = {"since": SINCE.isoformat(), "until": UNTIL.isoformat()}
    declared = catalog.get(question).params
    params = {name: text for name, text in window.items() if name in declared}
    with made:
        return catalog.run(made, question, params | given, UNTIL).to_pylist()
