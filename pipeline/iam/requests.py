"""What a call's request says that changes which IAM actions it needs, and on which resources.

Reads CloudTrail's `requestParameters`. The roll-up keeps the same members by the same names, so that a whole
event and a row of usage map alike; an S3 object's key and the other details exist in whole events only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

ROLE_ARN = re.compile(r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")
_ARN = re.compile(r"^arn:aws[a-z-]*:([a-z0-9-]+):[^:]*:[^:]*:.+$")
_ON_OBJECTS = ("AbortMultipartUpload", "ListMultipartUploadParts")
_TAGS = re.compile(r"^(resource)?tag(s|set|list|ging|specifications?|specificationset)?$", re.IGNORECASE)
_ROLE_KEYS = ("role", "rolearn", "rolename", "servicerole", "iamrole", "iamrolearn")


def parameters(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event's requestParameters as an object, whether it holds them as one or as JSON text; {} for none."""
    given = event.get("requestParameters")
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            return {}
    return given if isinstance(given, dict) else {}


def members(event: Mapping[str, Any]) -> dict[str, Any]:
    """The members the mapping minds: bucketName, tableName, functionName, keyId, roleArn, instanceProfile,
    versionId, tags, sourceIdentity. `event["request"]`, where a caller has them already, goes before what is found.
    """
    given = parameters(event)
    found: dict[str, Any] = {
        name: given[name]
        for name in ("bucketName", "tableName", "functionName", "keyId", "sourceIdentity")
        if isinstance(given.get(name), str) and given[name]
    }
    if given.get("versionId"):
        found["versionId"] = True
    roles: list[str] = []
    for path, value in _texts(given):
        key = path[-1].lower()
        if "iaminstanceprofile" in {part.lower() for part in path} or key == "instanceprofilename":
            found.setdefault("instanceProfile", value)
        elif ROLE_ARN.match(value) or key in _ROLE_KEYS or key.endswith("rolearn"):
            roles.append(value)
        elif any(_TAGS.match(part) for part in path):
            found.setdefault("tags", True)
    if roles:
        found["roleArn"] = roles[0] if len(set(roles)) == 1 else sorted(set(roles))
    kept = event.get("request")
    return found | (dict(kept) if isinstance(kept, Mapping) else {})


def _texts(value: Any, path: tuple[str, ...] = (), depth: int = 0) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text in a nested value with the names leading to it; deep nesting is not followed for ever."""
    if isinstance(value, str):
        if path and value:
            yield path, value
    elif depth < 12 and isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, (*path, str(name)), depth + 1)
    elif depth < 12 and isinstance(value, list):
        for each in value:
            yield from _texts(each, path, depth + 1)


def partition(region: str) -> str:
    """The partition a region belongs to, as ARNs spell it."""
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def resources(event: Mapping[str, Any], action: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    """ARNs the action was applied to, as far as the event says; empty where it does not.

    The event's own `resources` come first; then names in the request that fix an ARN.
    """
    service, _, name = action.partition(":")
    region = str(event.get("awsRegion") or "*")
    account = str(event.get("recipientAccountId") or "*")
    given = parameters(event)
    if action == "iam:PassRole":
        given_roles = found.get("roleArn") or ()
        roles = [given_roles] if isinstance(given_roles, str) else list(given_roles)
        return tuple(role for role in roles if isinstance(role, str) and ROLE_ARN.match(role))
    if service in ("s3", "s3express") and found.get("bucketName"):
        return (_s3(name, given, str(found["bucketName"]), str(event.get("eventName")), partition(region)),)
    listed = event.get("resources")
    if isinstance(listed, list):
        arns = [each.get("ARN") or each.get("arn") for each in listed if isinstance(each, dict)]
        if any(arns):
            return tuple(dict.fromkeys(str(arn) for arn in arns if arn))
    direct = [value for _, value in _texts(given) if (match := _ARN.match(value)) and match[1] in (service, "iam")]
    own = [value for value in direct if _ARN.match(value)[1] == service or service == "sts"]  # type: ignore[index]
    if own:
        return tuple(dict.fromkeys(own))
    place = f"arn:{partition(region)}:{service}:{region}:{account}"
    if service == "lambda" and found.get("functionName"):
        return (f"{place}:function:{found['functionName']}",)
    if service == "dynamodb" and found.get("tableName"):
        return (f"{place}:table/{found['tableName']}",)
    if service == "kms" and found.get("keyId"):
        key = str(found["keyId"])
        return (f"{place}:{key}" if key.startswith("alias/") else f"{place}:key/{key}",)
    return ()


def _s3(name: str, given: Mapping[str, Any], bucket: str, event: str, where: str) -> str:
    """The ARN of the bucket or object an S3 call named; a copy reads from the object its header names."""
    key = given.get("key")
    if event in ("CopyObject", "UploadPartCopy") and name.startswith("Get") and given.get("x-amz-copy-source"):
        source = unquote(str(given["x-amz-copy-source"])).lstrip("/")
        return source if source.startswith("arn:") else f"arn:{where}:s3:::{source.partition('?')[0]}"
    if ("Object" in name and "BucketObjectLock" not in name) or name in _ON_OBJECTS:
        return f"arn:{where}:s3:::{bucket}/{key if isinstance(key, str) else '*'}"
    return f"arn:{where}:s3:::{bucket}"
