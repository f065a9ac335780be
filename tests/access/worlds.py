"""Small worlds for verdicts: an IAM snapshot and a usage roll-up in memory, with an engine over both."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from pipeline.access.unused import Report, unused
from pipeline.engines.duckdb import Engine, over
from pipeline.records.schema import EVENTS, IAM_SNAPSHOTS, USAGE

ACCOUNT = "123456789012"
START = datetime(2026, 8, 1, tzinfo=UTC)
END = datetime(2026, 10, 30, tzinfo=UTC)
OLD = "2020-01-01T00:00:00Z"


def arn(kind: str, name: str, path: str = "/", account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{kind}{path}{name}"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: object, resource: object = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: object, resource: object = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def role(name: str, *documents: dict[str, Any], path: str = "/", **more: Any) -> dict[str, Any]:
    inline = [{"PolicyName": f"p{i}", "PolicyDocument": each} for i, each in enumerate(documents)]
    item = {"Arn": arn("role", name, path), "RoleName": name, "RoleId": f"AROA{name.upper()}", "Path": path,
            "CreateDate": OLD, "RolePolicyList": inline, **more}  # fmt: skip
    return {"kind": "role", "arn": item["Arn"], "name": name, "item": item}


def user(name: str, *documents: dict[str, Any], **more: Any) -> dict[str, Any]:
    inline = [{"PolicyName": f"p{i}", "PolicyDocument": each} for i, each in enumerate(documents)]
    item = {"Arn": arn("user", name), "UserName": name, "UserId": f"AIDA{name.upper()}", "Path": "/",
            "CreateDate": OLD, "UserPolicyList": inline, **more}  # fmt: skip
    return {"kind": "user", "arn": item["Arn"], "name": name, "item": item}


def group(name: str, *documents: dict[str, Any], **more: Any) -> dict[str, Any]:
    inline = [{"PolicyName": f"g{i}", "PolicyDocument": each} for i, each in enumerate(documents)]
    item = {"Arn": arn("group", name), "GroupName": name, "GroupPolicyList": inline, **more}
    return {"kind": "group", "arn": item["Arn"], "name": name, "item": item}


def managed(name: str, *versions: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """A managed policy; the last version is the default."""
    listed = [
        {"VersionId": f"v{i}", "IsDefaultVersion": i == len(versions) - 1, "CreateDate": made, "Document": document}
        for i, (made, document) in enumerate(versions)
    ]
    item = {"Arn": arn("policy", name), "PolicyName": name, "PolicyVersionList": listed}
    return {"kind": "policy", "arn": item["Arn"], "name": name, "item": item}


def scp(name: str, document: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "scp", "arn": None, "name": name, "item": {"name": name, "document": document, **more}}


def call(who: str, source: str, name: str, **more: Any) -> dict[str, Any]:
    """A row of usage: by default one successful management call of a role in the middle of the window."""
    kind, _, short = who.partition("/")
    moment = more.pop("at", datetime(2026, 9, 15, 12, tzinfo=UTC))
    request = more.pop("request", None)
    return {
        "day": moment.date(), "account_id": ACCOUNT, "awsRegion": "us-east-1",
        "principal_arn": arn(kind, short), "principal_type": "AssumedRole" if kind == "role" else "IAMUser",
        "principal_id": f"{'AROA' if kind == 'role' else 'AIDA'}{short.upper()}", "access_key_id": None,
        "eventSource": f"{source}.amazonaws.com", "eventName": name, "eventType": "AwsApiCall",
        "eventCategory": "Management", "readOnly": name.startswith(("Get", "List", "Describe", "Head")),
        "outcome": "ok", "via_service": None, "request": json.dumps(request) if request else None,
        "count": 1, "first_seen": moment, "last_seen": moment, "sample_event_id": "e", "batch_id": "b", **more,
    }  # fmt: skip


def daily(start: datetime = START, end: datetime = END, account: str = ACCOUNT) -> list[dict[str, Any]]:
    """Somebody else's calls on every day, of both classes and to the sources a trail may exclude: a whole log."""
    rows = []
    for i in range((end - start).days + 1):
        for source, name in (
            ("ec2", "DescribeVpcs"),
            ("ec2", "CreateVpc"),
            ("kms", "Decrypt"),
            ("rdsdata", "BeginTransaction"),
        ):
            row = call("role/other", source, name, at=start + timedelta(days=i, hours=1))
            rows.append(row | {"account_id": account})
    return rows


def engine(items: list[dict[str, Any]], usage: list[dict[str, Any]], taken: datetime = END) -> Engine:
    """A snapshot and a roll-up of which the events are gone."""
    snapshot = [
        {"snapshot_id": "s", "taken_at": taken, "account_id": None if each["kind"] == "scp" else ACCOUNT,
         "source_object": "x", "imported_at": taken, **each, "item": json.dumps(each["item"])}
        for each in items
    ]  # fmt: skip
    return over(
        {
            "events": EVENTS.empty_table(),
            "usage": pa.Table.from_pylist(usage, schema=USAGE),
            "iam_snapshots": pa.Table.from_pylist(snapshot, schema=IAM_SNAPSHOTS),
        }
    )


def report(
    items: list[dict[str, Any]], usage: list[dict[str, Any]], start: datetime = START, end: datetime = END
) -> Report:
    with engine(items, usage) as made:
        return unused(made, start, end, used_too=True)


def judged(
    items: list[dict[str, Any]], usage: list[dict[str, Any]], start: datetime = START, end: datetime = END
) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Rows by principal's name, action and scope."""
    rows = report(items, usage, start, end).rows.to_pylist()
    found = {(row["principal_arn"].split("/")[-1], row["action"], row["resource_scope"]): row for row in rows}
    assert len(found) == len(rows), "one row a principal × action × granting scope"
    return found
