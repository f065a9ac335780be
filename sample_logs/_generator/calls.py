"""What each API's record carries: request, response, resources, and the action IAM checks for it.

A call is found by `service:EventName`, with `@variant` where the same API is used on several things. The
request members are the API's own (AWS API references); slots are those of `records`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

DATE_SUFFIX = re.compile(r"20\d\d\d\d\d\d(?:v\d)?$")
# Event names whose permission has another name (Service Authorization Reference, Amazon S3 and others).
ACTIONS = {
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjects": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycle": "s3:GetLifecycleConfiguration",
    "monitoring": "cloudwatch",
    "budgets:DescribeBudgets": "budgets:ViewBudget",
}


@dataclass(frozen=True)
class Call:
    """One API call's record, less who makes it. `on` is the resource a denial's message names."""

    service: str
    name: str
    read: bool
    params: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    resources: tuple[dict[str, Any], ...] = ()
    on: str = "*"
    extra: dict[str, Any] | None = None
    data: bool = False
    kind: str = "AwsApiCall"
    api_version: str | None = None

    @property
    def action(self) -> str:
        """The IAM action that AWS's message names when the call is denied."""
        name = f"{self.service}:{DATE_SUFFIX.sub('', self.name)}"
        service = ACTIONS.get(self.service, self.service)
        return ACTIONS.get(name, f"{service}:{name.partition(':')[2]}")

    @property
    def hides_resources_when_denied(self) -> bool:
        """STS and IAM list no resources for a call that was refused before it found them."""
        return self.service in ("sts", "iam")


CALLS: dict[str, Call] = {}


def add(key: str, read: bool, params: dict[str, Any] | None = None, **more: Any) -> None:
    """Register the call `service:EventName[@variant]`."""
    service, _, rest = key.partition(":")
    name = rest.partition("@")[0]
    if service == "s3":
        more.setdefault("extra", s3_extra())
    assert key not in CALLS, f"{key} is defined twice"
    CALLS[key] = Call(service, name, read, params, **more)


def s3_extra() -> dict[str, Any]:
    """What S3 adds to each of its records."""
    return {
        "SignatureVersion": "SigV4",
        "CipherSuite": "TLS_AES_128_GCM_SHA256",
        "bytesTransferredIn": 0,
        "AuthenticationMethod": "AuthHeader",
        "x-amz-id-2": "<<id2>>",
        "bytesTransferredOut": "<<#num>>",
    }


def resource(kind: str, arn: str) -> dict[str, Any]:
    """An entry of a record's `resources`."""
    return {"accountId": "<<account>>", "type": kind, "ARN": arn}


def call(key: str) -> Call:
    """The call named `service:EventName[@variant]`; KeyError names what is missing."""
    if not CALLS:
        from . import calls_control, calls_data, calls_identity

        for table in (calls_identity, calls_control, calls_data):
            table.register(add)
    return CALLS[key]
