"""A call as the record CloudTrail writes of it.

Shapes follow AWS's pages "CloudTrail record contents" and "CloudTrail userIdentity element", and real logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from .dice import Dice

GLOBAL = {"iam", "organizations", "route53", "cloudfront", "ce", "health", "support", "account"}
READS = re.compile(
    r"(Describe|Get|List|Head|Lookup|BatchGet|BatchCheck|Search|Query|Scan|Select|Check|Simulate|Test|Preview|View"
    r"|Assume|Decrypt|GenerateDataKey|Invoke|Converse|Estimate|Filter|Validate)"
)
DATA = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjects", "s3:CopyObject", "s3:HeadObject"}
DATA |= {"lambda:Invoke", "dynamodb:GetItem", "dynamodb:Query"}
EC2_LIKE = {"ec2", "autoscaling"}  # services that spell a refusal Client.UnauthorizedOperation


@dataclass(frozen=True)
class Caller:
    """Credentials in use somewhere: the userIdentity, and how the call arrives."""

    account: str
    identity: dict[str, Any]
    arn: str  # what AWS's messages call the caller
    principal: str  # the user or role behind
    ip: str
    agent: str
    console: bool = False
    vpce: str | None = None
    shared: str | None = None  # the id by which two accounts' logs tell of one call
    story: int | None = None  # number of the story these credentials are used in, if any

    def but(self, **changes: Any) -> Caller:
        """The same with something changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Asked:
    """What a call asked and was told: CloudTrail's requestParameters, responseElements and the rest of its members."""

    params: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    resources: list[dict[str, str]] | None = None
    extra: dict[str, Any] | None = None
    kind: str = "AwsApiCall"


def iso(when: datetime) -> str:
    """A moment as CloudTrail writes it."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def refusal(service: str, name: str, caller: Caller) -> tuple[str, str]:
    """(errorCode, errorMessage) of a call that no policy allows."""
    if service in EC2_LIKE:
        return "Client.UnauthorizedOperation", "You are not authorized to perform this operation."
    code = (
        "AccessDenied" if service in {"iam", "sts", "s3", "cloudformation", "sqs", "sns"} else "AccessDeniedException"
    )
    action = f"{service}:{name}"
    why = f"because no identity-based policy allows the {action} action"
    return code, f"User: {caller.arn} is not authorized to perform: {action} on resource: * {why}"


def record(
    api: str, caller: Caller, asked: Asked, when: datetime, region: str, error: tuple[str, str] | None, dice: Dice
) -> tuple[str, str, bytes]:
    """(event id, region it is filed under, the record as JSON) of a call of `api` ("service:Name")."""
    service, name = api.split(":")
    region = "us-east-1" if service in GLOBAL else region
    event_id = dice.uuid()
    made: dict[str, Any] = {
        "eventVersion": "1.11" if service not in {"sts", "signin"} else "1.08",
        "userIdentity": caller.identity,
        "eventTime": iso(when),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": caller.ip,
        "userAgent": caller.agent,
    }
    if error:
        made |= {"errorCode": error[0], "errorMessage": error[1]} if error[0] else {"errorMessage": error[1]}
    failed = bool(error and error[0])
    made |= {"requestParameters": asked.params, "responseElements": None if failed else asked.response}
    if asked.extra:
        made["additionalEventData"] = asked.extra
    if asked.kind == "AwsApiCall":
        made["requestID"] = dice.uuid()
    made |= {"eventID": event_id, "readOnly": bool(READS.match(name))}
    if asked.resources and not failed:
        made["resources"] = asked.resources
    return event_id, region, msgspec.json.encode(made | _rest(api, caller, asked, region))


def _rest(api: str, caller: Caller, asked: Asked, region: str) -> dict[str, Any]:
    """The members after the answer: what kind of event it is, and how it came."""
    data, service = api in DATA, api.split(":")[0]
    made: dict[str, Any] = {"eventType": asked.kind, "managementEvent": not data, "recipientAccountId": caller.account}
    if caller.vpce:
        made |= {"vpcEndpointId": caller.vpce, "vpcEndpointAccountId": caller.account}
    if caller.shared:
        made["sharedEventID"] = caller.shared
    made["eventCategory"] = "Data" if data else "Management"
    if caller.console and asked.kind == "AwsApiCall":
        made["sessionCredentialFromConsole"] = "true"
    elif not caller.ip.endswith(".amazonaws.com"):
        at = f"{service}.amazonaws.com" if service in GLOBAL else f"{service}.{region}.amazonaws.com"
        made["tlsDetails"] = {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": at,
        }
    return made
