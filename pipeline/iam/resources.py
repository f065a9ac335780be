"""The ARNs one action of a call was applied to, as far as the event fixes them.

First ARNs the event holds that are of a type the action applies to, then names in the request that fix one
(`data/resources.toml`). In such an ARN `*` stands for what the event does not say: the path of a role named
without it, the account where caller and owner differ, the object of a call that lists its keys in a body.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib import resources as package
from itertools import islice
from typing import Any
from urllib.parse import unquote

from pipeline.iam import apigateway, keys
from pipeline.iam.formats import Format, formats
from pipeline.iam.requests import parameters, partition, texts

_ROLE = re.compile(r"^arn:aws[a-z-]*:iam::\d{12}:role/\S{1,600}$")
_ARN = re.compile(r"^arn:aws[a-z-]*:[a-z0-9-]+:[^:*?]*:[^:*?]*:[^*?]+$")
_NAME = re.compile(r"^[\w+=,.@/:#$-]{1,1024}$")
_ID = re.compile(r"^([a-z]{1,8})-[0-9a-f]{8,17}$")
_QUEUE_URL = re.compile(r"^https://[^/]+/(\d{12})/([\w.-]{1,100})$")
_DEPTH, _TEXTS = 12, 5_000
# ARNs an action is said to have been applied to, and their length: more than AWS takes in one call.
_MOST, _LONGEST = 100, 2_048
# The calls that name the path of what they make.
_MAKES = {
    "CertificateNameWithPath": "UploadServerCertificate",
    "GroupNameWithPath": "CreateGroup",
    "InstanceProfileNameWithPath": "CreateInstanceProfile",
    "PolicyNameWithPath": "CreatePolicy",
    "RoleNameWithPath": "CreateRole",
    "UserNameWithPath": "CreateUser",
}


class Call:
    """One event, read once for all its actions; `found` are the members of `pipeline.iam.requests.members`."""

    def __init__(self, event: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        self.event, self.found, self.given = event, found, parameters(event)
        self.name = str(event.get("eventName"))
        region = event.get("awsRegion")
        self.region = region if isinstance(region, str) and _NAME.match(region) else "*"
        self.partition = partition(self.region)
        self.account = _account(event)

    def place(self) -> dict[str, str]:
        """The parts every ARN shares."""
        return {"Partition": self.partition, "Region": self.region, "Account": self.account}

    def arns(self) -> list[str]:
        """Whole ARNs in the event's `resources` and in its request."""
        listed = self.event.get("resources")
        held: list[Any] = []
        if isinstance(listed, list):
            held = [each.get("ARN") or each.get("arn") for each in listed[:_MOST] if isinstance(each, dict)]
        held += [value for _, value in self.texts if value.startswith("arn:")]
        whole = (each for each in held if isinstance(each, str) and len(each) <= _LONGEST and _ARN.match(each))
        return list(dict.fromkeys(whole))[:_MOST]

    @cached_property
    def texts(self) -> list[tuple[str, str]]:
        """The request's texts with the names that lead to them, the first few thousand."""
        return list(islice(leaves(self.given), _TEXTS))


def _account(event: Mapping[str, Any]) -> str:
    """The account whose resources bare names mean: the caller's, where the event is of that account's log."""
    identity = event.get("userIdentity")
    caller = identity.get("accountId") if isinstance(identity, dict) else None
    recipient = event.get("recipientAccountId") or caller
    if not isinstance(recipient, str) or not re.fullmatch(r"\d{12}", recipient):
        return "*"
    return recipient if caller in (None, recipient) else "*"


def leaves(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text in a nested value with the name that leads to it; deep nesting is not followed for ever."""
    if isinstance(value, str):
        yield name, value
    elif depth < _DEPTH and isinstance(value, dict):
        for key, each in value.items():
            # EC2 writes XML's text content so.
            yield from leaves(each, name if key == "content" else str(key), depth + 1)
    elif depth < _DEPTH and isinstance(value, list):
        for each in value:
            yield from leaves(each, name, depth + 1)


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    text = package.files("pipeline.iam").joinpath("data/resources.toml").read_text("utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    table["members"] = {(row[0], row[1]): (row[2], row[3] if len(row) > 3 else None) for row in table["members"]}
    table["ec2"] = dict(table["ec2"])
    table["made"] = {row[0]: row[1] for row in table["made"]}
    return table


def of(call: Call, action: str) -> tuple[str, ...]:
    """ARNs the action was applied to; empty where the event does not say, or the action has no resource but `*`."""
    service = action.partition(":")[0]
    if action == "iam:PassRole":
        return _passed(call)
    if service == "apigateway":
        return apigateway.resource(call.name, call.given, call.partition, call.region)
    known = formats(action)
    if service == "s3" and texts(call.found, "bucketName") and {"bucket", "object"} & {each.type for each in known}:
        return (_s3(call, action, any(each.type == "object" for each in known)),)
    if service == "kms":
        return keys.of(call, action, known)
    if action == "ec2:CreateTags" and call.name != "CreateTags":
        kinds = {value for name, value in call.texts if name.lower() == "resourcetype"}
        return tuple(_any_of(call, each) for each in known if each.type in kinds)
    found = [arn for arn in call.arns() if any(each.fits(arn) for each in known)]
    missing = [each for each in known if not any(each.fits(arn) for arn in found)]
    return _most_exact([*found, *_named(call, service, action, missing)])


def tagged(resources: tuple[str, ...], action: str) -> tuple[str, ...]:
    """What a tagging action was applied to by a call that makes something: the one of the call's resources it fits."""
    fitting = tuple(arn for arn in resources if any(each.fits(arn) for each in formats(action)))
    return fitting if len(fitting) == 1 else ()


def _passed(call: Call) -> tuple[str, ...]:
    """The roles a call passed: by ARN, or by name, whose path the event does not say."""
    place = f"arn:{call.partition}:iam::{call.account}:role/*"
    return tuple(
        each if each.startswith("arn:") else f"{place}{each}"
        for each in texts(call.found, "roleArn")[:_MOST]
        if _ROLE.match(each) or (_plain(each) and ":" not in each)
    )


def _most_exact(arns: list[str]) -> tuple[str, ...]:
    """Without the table of an index, the group of a log stream …, and without repetition."""
    unique = list(dict.fromkeys(arns))[:_MOST]
    return tuple(arn for arn in unique if not any(each.startswith((f"{arn}/", f"{arn}:")) for each in unique))


def _plain(value: str) -> bool:
    return _NAME.match(value) is not None and "$" not in value


def _named(call: Call, service: str, action: str, known: list[Format]) -> Iterator[str]:
    """ARNs of the formats whose every part some member of the request fills."""
    if service == "ec2":
        yield from _ec2(call, action, known)
        return
    for each in known:
        lists = [_values(call, service, each, part) for part in each.parts]
        if len(lists) == 1:
            yield from (each.fill(call.place() | dict(zip(each.parts, [value], strict=True))) for value in lists[0])
        elif lists and all(len(values) == 1 for values in lists):
            yield each.fill(call.place() | {part: values[0] for part, values in zip(each.parts, lists, strict=True)})
    if service == "sqs" and (match := _QUEUE_URL.match(next(iter(texts(call.given, "queueUrl")), ""))):
        yield f"arn:{call.partition}:sqs:{call.region}:{match[1]}:{match[2]}"


def _values(call: Call, service: str, kind: Format, part: str) -> list[str]:
    """What the request names as one part of an ARN."""
    rows = _table()["members"]
    members, unless = rows.get((service, f"{kind.type}:{part}")) or rows.get((service, part)) or ((), None)
    if service == "dynamodb" and part == "TableName" and isinstance(call.given.get("requestItems"), dict):
        return [name for name in islice(call.given["requestItems"], _MOST) if _plain(name)]
    if service == "lambda" and part == "FunctionName":
        return [each for each in texts(call.found, "functionName")[:1] if _plain(each) and not each.startswith("arn:")]
    if unless and call.given.get(unless):
        return []
    values = next((held for member in members if (held := texts(call.given, member))), [])
    return [exact for value in values[:_MOST] if (exact := _as_in_arn(call, service, part, value))]


def _as_in_arn(call: Call, service: str, part: str, value: str) -> str | None:
    """A name as it stands in the ARN; None where that is not sure."""
    if not _plain(value) or value.startswith("arn:"):
        return None
    if part == "ParameterNameWithoutLeadingSlash":
        # A version or label may follow the name.
        return value.partition(":")[0].removeprefix("/")
    if part == "DocumentName":
        # AWS's own documents belong to no account.
        return None if value.startswith(("AWS", "Amazon")) else value
    if part.endswith("WithPath"):
        path = call.given.get("path", "/") if call.name == _MAKES.get(part) else None
        return f"{path[1:]}{value}" if isinstance(path, str) and path.startswith("/") else f"*{value}"
    if service == "route53":
        return value.rpartition("/")[2]
    return value.lower() if service in _table()["lower"] else value


def _ec2(call: Call, action: str, known: list[Format]) -> Iterator[str]:
    """EC2's ids tell their type; a shared subnet's owner the event does not say, and the caller's account stands."""
    by_type = {each.type: each for each in known}
    named: set[str] = set()
    for member, value in call.texts:
        match = _ID.match(value[:64])
        kind = _table()["ec2"].get(match[1]) if match else "key-pair" if member == "keyName" and _plain(value) else None
        if kind in by_type:
            named.add(kind)
            yield by_type[kind].fill(call.place() | dict.fromkeys(by_type[kind].parts, value))
    for kind in _table()["made"].get(action, ()):
        if kind in by_type and kind not in named:
            yield _any_of(call, by_type[kind])


def _any_of(call: Call, kind: Format) -> str:
    """What a call makes has no name yet: `type/*`."""
    return kind.fill(call.place() | dict.fromkeys(kind.parts, "*"))


def _s3(call: Call, action: str, on_object: bool) -> str:
    """The ARN of the bucket or object an S3 call named; a copy reads from the object its header names."""
    copied = next(iter(texts(call.given, "x-amz-copy-source")), "")
    if call.name in ("CopyObject", "UploadPartCopy") and ":Get" in action and copied:
        source = unquote(copied[:_LONGEST]).lstrip("/").partition("?versionId=")[0]
        return source if source.startswith("arn:") else f"arn:{call.partition}:s3:::{source}"
    bucket, named = texts(call.found, "bucketName")[0], texts(call.given, "key")
    key = named[0] if len(named) == 1 and len(named[0]) <= _LONGEST else "*"
    if bucket.startswith("arn:"):
        return f"{bucket}/object/{key}" if on_object else bucket
    return f"arn:{call.partition}:s3:::{bucket}/{key}" if on_object else f"arn:{call.partition}:s3:::{bucket}"
