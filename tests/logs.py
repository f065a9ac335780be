"""Log objects for tests: plain records, written in any shape CloudTrail or its carriers use."""

from __future__ import annotations

import gzip
import json
import uuid
from pathlib import Path
from typing import Any

from pipeline.records.schema import OPEN

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/worker"


def event(**changes: Any) -> dict[str, Any]:
    """A plain management event of an assumed role; `changes` replace members, None removes one."""
    record = {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:session-1",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session-1",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLE",
                    "arn": ROLE,
                    "accountId": ACCOUNT,
                    "userName": "worker",
                },
                "webIdFederationData": {},
                "attributes": {"creationDate": "2026-10-01T09:00:00Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": "2026-10-01T10:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.17",
        "requestParameters": {"instancesSet": {}, "filterSet": {}},
        "responseElements": None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"},
    } | changes
    return {name: value for name, value in record.items() if value is not None or name not in changes}


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    """A log object as S3 holds it: `{"Records": […]}`, gzip where the name says so."""
    return write_bytes(path, json.dumps({"Records": records}).encode())


def write_bytes(path: Path, data: bytes) -> Path:
    """An object of these bytes, compressed where the name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def without_nulls(record: Any, inside: bool = False) -> Any:
    """The record as the design compares it: a null member counts as absent; open fields are left to the letter."""
    if isinstance(record, dict):
        return {
            name: value if name in OPEN and not inside else without_nulls(value, True)
            for name, value in record.items()
            if value is not None
        }
    return [without_nulls(each, True) for each in record] if isinstance(record, list) else record
