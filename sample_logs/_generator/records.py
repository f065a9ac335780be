"""A call made by somebody, as the compact JSON text CloudTrail writes.

A record is built once as a *template*: everything that stays (who, which API, which resource) is text, and
what changes from event to event (`<<time>>`, `<<eid>>`, `<<ip>>` …) is a slot that `Draws` fills. Millions of
events then cost one text formatting each. Shapes follow AWS's "CloudTrail record contents" and
"CloudTrail userIdentity element".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from . import times
from .calls import Call
from .dice import ALPHABET
from .world import GLOBAL_SERVICES

SLOT = re.compile(r'"<<#(\w+(?:\.\w+)?)>>"|<<(\w+(?:\.\w+)?)>>')
ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
VERSIONS = {"sts": "1.08", "signin": "1.08", "cloudformation": "1.08", "autoscaling": "1.08", "ce": "1.08"}
VERSIONS |= {"ec2": "1.10", "ssm": "1.10", "monitoring": "1.11", "sso": "1.09", "config": "1.09"}
AGENTS = {
    "boto": "Boto3/1.40.62 md/Botocore#1.40.62 ua/2.1 os/linux#6.8.0-1039-aws md/arch#x86_64 lang/python#3.12.11 "
    "md/pyimpl#CPython cfg/retry-mode#standard Botocore/1.40.62",
    "cli": "aws-cli/2.31.22 md/awscrt#0.28.1 ua/2.1 os/macos#25.0.0 md/arch#arm64 lang/python#3.13.9 "
    "md/pyimpl#CPython m/E,b,Z cfg/retry-mode#standard md/installer#exe md/prompt#off",
    "terraform": "APN/1.0 HashiCorp/1.0 Terraform/1.13.4 (+https://www.terraform.io) terraform-provider-aws/6.18.0 "
    "(+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.39.4 ua/2.1 os/linux lang/go#1.24.8",
    "console": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36",
    "go": "aws-sdk-go-v2/1.39.2 ua/2.1 os/linux lang/go#1.24.6 md/GOOS#linux md/GOARCH#arm64 api/dynamodb#1.51.1",
    "ssm-agent": "aws-sdk-go/1.55.5 (go1.23.12; linux; amd64) amazon-ssm-agent/3.3.3050.0",
    "java": "aws-sdk-java/2.33.13 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.155 lang/java#21.0.8 "
    "md/OpenJDK_64-Bit_Server_VM md/vendor#Amazon.com_Inc. exec-env/AWS_ECS_FARGATE",
    "unknown-cli": "aws-cli/2.15.30 Python/3.11.8 Linux/6.6.15-amd64 exe/x86_64.kali.2024 prompt/off",
    "sdk-js": "aws-sdk-js/3.901.0 ua/2.1 os/linux#5.10.244 lang/js md/nodejs#22.19.0 api/sqs#3.901.0",
}


@dataclass(frozen=True)
class Actor:
    """Who calls: the userIdentity (with slots), the text AWS names it by in messages, and how it connects."""

    account: str
    identity: dict[str, Any]
    arn: str
    agent: str
    source: str = "<<ip>>"
    vpce: str | None = None
    console: bool = False
    members: dict[str, Any] = field(default_factory=dict)  # members of the record beside the usual ones

    @property
    def is_service(self) -> bool:
        """Whether AWS itself is at the other end of the line (no TLS details, service names for addresses)."""
        return self.source.endswith(".amazonaws.com")


@dataclass(frozen=True)
class Failure:
    """How a call failed: `code` as CloudTrail writes it (none for a failed sign-in); `message` may hold slots."""

    code: str | None
    message: str


class Source(Protocol):
    """Where fresh values come from: `Dice` for the sample, a faster pool for millions."""

    def uuid(self) -> str: ...
    def hex(self, length: int) -> str: ...
    def text(self, length: int, alphabet: str = ...) -> str: ...
    def integer(self, low: int, high: int) -> int: ...


class Draws(dict[str, Any]):
    """The values of one event's slots: those given, and fresh ones drawn when first asked for.

    `when` must be given, as a datetime; the texts of the moment are made from it.
    """

    def __init__(self, given: dict[str, Any], source: Source) -> None:
        super().__init__(given)
        self.source = source

    def __missing__(self, name: str) -> Any:
        value = self[name] = FRESH[name.partition(".")[0]](self)
        return value


# What each slot draws; a slot named `kind.name` draws as `kind` and may stand in a record several times.
FRESH: dict[str, Callable[[Draws], Any]] = {
    "eid": lambda d: d.source.uuid(),
    "rid": lambda d: d.source.uuid(),
    "uuid": lambda d: d.source.uuid(),
    "rid16": lambda d: d.source.text(16, ALNUM),
    "id2": lambda d: d.source.text(75) + "=",
    "h8": lambda d: d.source.hex(8),
    "h17": lambda d: d.source.hex(17),
    "h32": lambda d: d.source.hex(32),
    "h64": lambda d: d.source.hex(64),
    "num": lambda d: d.source.integer(200, 9_000),
    "size": lambda d: d.source.integer(2_000, 900_000),
    "part": lambda d: f"{d.source.integer(0, 63):05d}",
    "token": lambda d: "IQoJb3JpZ2luX2VjE" + d.source.text(330) + "==",
    "encoded": lambda d: d.source.text(180),
    "forwarded_key": lambda d: "ASIA" + d.source.text(9, ALPHABET) + "EXAMPLE",
    "time": lambda d: times.iso(d["when"]),
    "iso": lambda d: d["time"],
    "day": lambda d: d["time"][:10],
    "epoch": lambda d: int(d["when"].timestamp()) * 1000,
    "expiry": lambda d: times.written(d["when"] + timedelta(hours=1)),
    "written": lambda d: times.written(d["when"], ""),
}


def compiled(record: dict[str, Any]) -> str:
    """The record's JSON text as a format string: `text % Draws(...)` is an event."""
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    return SLOT.sub(lambda m: f"%({m[1] or m[2]})s", text.replace("%", "%%"))


def template(call: Call, actor: Actor, region: str, failure: Failure | None = None) -> str:
    """The compiled record of `call` made by `actor` in `region` (global services write in their own)."""
    return compiled(located(built(call, actor, region, failure), actor.account, region))


def located(record: dict[str, Any], account: str, region: str) -> dict[str, Any]:
    """The record with `<<account>>` and `<<region>>` filled, wherever they stand."""
    text = json.dumps(record).replace("<<account>>", account).replace("<<region>>", region)
    located_record: dict[str, Any] = json.loads(text)
    return located_record


def built(call: Call, actor: Actor, region: str, failure: Failure | None = None) -> dict[str, Any]:
    """The record as an object, its members in CloudTrail's order."""
    record: dict[str, Any] = {
        "eventVersion": VERSIONS.get(call.service, "1.11"),
        "userIdentity": actor.identity,
        "eventTime": "<<time>>",
        "eventSource": f"{call.service}.amazonaws.com",
        "eventName": call.name,
        "awsRegion": region,
        "sourceIPAddress": actor.source,
        "userAgent": actor.source if actor.is_service else AGENTS.get(actor.agent, actor.agent),
    }
    if failure:
        record |= {"errorCode": failure.code} if failure.code else {}
        record["errorMessage"] = failure.message
    refused = failure is not None and failure.code is not None
    record |= {"requestParameters": call.params, "responseElements": None if refused else call.response}
    if call.extra is not None:
        record["additionalEventData"] = call.extra
    if call.kind != "AwsConsoleSignIn":
        record["requestID"] = "<<rid16>>" if call.service == "s3" else "<<rid>>"
    record |= {"eventID": "<<eid>>", "readOnly": call.read}
    if call.resources and not (failure and call.hides_resources_when_denied):
        record["resources"] = call.resources
    record |= {"eventType": call.kind}
    if call.api_version:
        record["apiVersion"] = call.api_version
    record |= {"managementEvent": not call.data, "recipientAccountId": actor.account}
    if actor.vpce:
        record |= {"vpcEndpointId": actor.vpce, "vpcEndpointAccountId": actor.account}
    record["eventCategory"] = "Data" if call.data else "Management"
    if not actor.is_service and not actor.console:
        record["tlsDetails"] = tls_details(call, region)
    if actor.console and call.service != "signin":
        record["sessionCredentialFromConsole"] = "true"
    return record | actor.members


def tls_details(call: Call, region: str) -> dict[str, str]:
    """The connection's TLS members; the host is the one the SDKs call."""
    bucket = (call.params or {}).get("bucketName")
    endpoint = {"monitoring": "monitoring", "ecr": "api.ecr"}.get(call.service, call.service)
    host = f"{endpoint}.amazonaws.com" if call.service in GLOBAL_SERVICES else f"{endpoint}.{region}.amazonaws.com"
    if bucket:
        host = f"{bucket}.s3.{region}.amazonaws.com"
    return {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": host}
