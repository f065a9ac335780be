"""Findings for tests, as the detectors give them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from pipeline.detect.anomalies import SCHEMA

ROLE = "arn:aws:iam::111122223333:role/ci/deploy"


def finding(**changes: Any) -> dict[str, Any]:
    """A finding; `changes` are its members that a test is about."""
    return {
        "id": "0123456789abcdef",
        "rule": "detections/access_key_for_another_user",
        "title": "Access key made for another user",
        "severity": "high",
        "status": "open",
        "principal_arn": ROLE,
        "account": "111122223333",
        "region": "us-east-1",
        "first_seen": datetime(2026, 11, 1, 10, 0, 0, 500_000, tzinfo=UTC),
        "last_seen": datetime(2026, 11, 1, 11, tzinfo=UTC),
        "count": 2,
        "event_ids": ["e-1", "e-2"],
        "evidence": ["CreateAccessKey (iam.amazonaws.com) from 203.0.113.24", "key AKIAIOSFODNN7EXAMPLE made"],
        "controls": ["CT-04"],
        "mitre": ["T1098.001"],
        "action": "Ask the owner of the user.",
    } | changes


def table(*found: dict[str, Any]) -> pa.Table:
    """The findings as rows; members beyond a finding's own are columns too."""
    more = {name: content for each in found for name, content in each.items() if name not in SCHEMA.names}
    schema = pa.schema([*SCHEMA, *((name, pa.array([content]).type) for name, content in more.items())])
    return pa.Table.from_pylist([*found], schema=schema)


SEVERITIES = ("critical", "high", "medium", "low", "informational")
STATUSES = ("open", "acknowledged", "muted", "resolved")
# One of each kind of principal, of none and of what is missing; every severity and status.
MANY = [
    *(finding(id=f"s{n}", severity=each, rule=f"detections/{each}") for n, each in enumerate(SEVERITIES)),
    *(finding(id=f"t{n}", status=each) for n, each in enumerate(STATUSES)),
    finding(id="u", principal_arn="arn:aws-cn:iam::111122223333:user/a/b", region="cn-north-1, cn-northwest-1"),
    finding(id="r", principal_arn="arn:aws:iam::111122223333:root", mitre=["T1485", "T1537", "T1078.004", "T9999"]),
    finding(id="o", principal_arn="ec2.amazonaws.com", evidence=["from 2001:db8::1 – denied"], controls=[]),
    finding(id="n", principal_arn=None, region="", evidence=[], mitre=[], action=""),
    finding(id="a", rule="anomalies/root_use", principal_arn="unknown", region=None),
]
