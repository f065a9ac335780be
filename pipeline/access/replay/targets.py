"""What a call worked on: the resources each of its actions was checked for, as far as the log says.

An event names its resources (`resources`, ARNs and names in the request); a row of the roll-up names a container at
most. What neither says is not made up: the target is then the globs that AWS's reference gives for the action, and a
statement that names only some of what they name leaves the answer open. A bare name is one of the caller's own account,
as the services' API references have it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.access.snapshots import Snapshot
from pipeline.iam import resources
from pipeline.iam.formats import Format, formats, listed
from pipeline.iam.globs import matches
from pipeline.iam.requests import partition

ROLE_ARN = re.compile(r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")
# Types that the reference lists as required although a call works on one of them ("Actions … for Amazon Bedrock").
_EITHER = ("bedrock",)
_ENDINGS = ("withpath", "withoutleadingslash")
# Where a request's member is not called as the part of the ARN it fills: (service, part) -> members.
_MEMBERS = {
    ("ec2", "securitygroupid"): ("groupid",),
    ("sqs", "queuename"): ("queueurl", "queuename"),
    ("ssm", "parametername"): ("name", "names"),
    ("athena", "workgroupname"): ("workgroup",),
    ("ecs", "clustername"): ("cluster",),
    ("ecs", "servicename"): ("service",),
}


@dataclass(frozen=True)
class Call:
    """Calls of one kind that are alike in all the policies ask for.

    `request` holds the members the mapping minds, `names` texts of the request by member in lower case, `arns` every
    ARN the event names; `whole` says that events were read, not the roll-up, so that what is missing is not there.
    `via` is the service that called for the principal, `context` are keys of the request, `number` is the call's own
    among those read, `who` the principal where several are read; `weak` counts calls that failed for another reason
    than permission.
    """

    source: str
    name: str
    region: str
    via: str | None
    request: Mapping[str, Any]
    context: Mapping[str, Any]
    count: int
    weak: int
    first: datetime | None
    last: datetime | None
    event_ids: tuple[str, ...] = ()
    whole: bool = False
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    arns: tuple[str, ...] = ()
    number: int = 0
    who: str = ""


@dataclass(frozen=True)
class Target:
    """One resource: its ARN (`*` for an action that has none), or globs of which it fits one, nobody knows which."""

    globs: tuple[str, ...]
    known: bool = True

    @property
    def text(self) -> str:
        """The ARN, or the globs after each other, the first few."""
        more = f" or {len(self.globs) - 3} more" if len(self.globs) > 3 else ""
        return " or ".join(self.globs[:3]) + more


@dataclass(frozen=True)
class Held:
    """What a snapshot adds for a caller of `account`: ARNs of its users, roles and groups by kind and name, ARNs of
    roles by the name and the ARN of their instance profiles, and the `caller`'s own, where there is but one."""

    account: str
    arns: Mapping[tuple[str, str], str] = field(default_factory=dict)
    profiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    caller: str = ""


def held(snapshot: Snapshot | None, account: str, caller: str = "") -> Held:
    """What a snapshot adds for callers of an account, or for one of them."""
    if snapshot is None:
        return Held(account)
    arns: dict[tuple[str, str], str] = {}
    for kind, member in (("user", "UserName"), ("role", "RoleName"), ("group", "GroupName")):
        arns |= {(kind, each[member]): each["Arn"] for each in snapshot.of(kind) if each["account_id"] == account}
    profiles: dict[str, tuple[str, ...]] = {}
    for role in snapshot.of("role"):
        for profile in role.get("InstanceProfileList") or []:
            for name in (profile.get("Arn"), profile.get("InstanceProfileName")):
                if isinstance(name, str):
                    profiles[name] = (*profiles.get(name, ()), role["Arn"])
    return Held(account, arns, profiles, caller)


def targets(action: str, call: Call, held: Held) -> tuple[Target, ...]:
    """The resources of one action of a call, all of which must be allowed."""
    service = action.partition(":")[0]
    where = partition(call.region)
    if action == "iam:PassRole":
        return _passed(call, held, where) or (Target((f"arn:{where}:iam::*:role/*",), known=False),)
    if service in ("s3", "s3express") and isinstance(call.request.get("bucketName"), str):
        return (_bucket(action, call, held.account),)
    kinds = formats(action)
    if not kinds:
        return (Target(("*",), known=listed(action)),)
    return _by_format(service, kinds, call, held, where)


def members(action: str) -> set[str]:
    """Members of a request, in lower case, that may name the action's resources."""
    service = action.partition(":")[0]
    parts = {_plain(part) for kind in formats(action) for part in _parts(kind)}
    return {member for part in parts for member in _MEMBERS.get((service, part), (part,))}


def _plain(part: str) -> str:
    for ending in _ENDINGS:
        part = part.removesuffix(ending)
    return part


def _exact(arn: str) -> Target:
    return Target((arn,))


def _parts(kind: Format) -> tuple[str, ...]:
    """The names of a format's own parts, in lower case."""
    return tuple(part.lower() for part in kind.parts)


def _passed(call: Call, held: Held, where: str) -> tuple[Target, ...]:
    """The roles a call passed: by ARN, by name, or in an instance profile."""
    given = call.request.get("roleArn")
    roles = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    found = [_role(each, held, where) for each in roles if isinstance(each, str)]
    profile = call.request.get("instanceProfile")
    inside = held.profiles.get(profile, ()) if isinstance(profile, str) and not found else ()
    return tuple(dict.fromkeys([*found, *map(_exact, inside)]))


def _role(given: str, held: Held, where: str) -> Target:
    if ROLE_ARN.match(given):
        return _exact(given)
    known = held.arns.get(("role", given))
    place = f"arn:{where}:iam::{held.account}:role"
    return _exact(known) if known else Target((f"{place}/{given}", f"{place}/*/{given}"), known=False)


def _bucket(action: str, call: Call, account: str) -> Target:
    """A bucket or object; an access point is named by its ARN, or by an alias that tells no ARN."""
    bucket, where = str(call.request["bucketName"]), partition(call.region)
    copied = call.name in ("CopyObject", "UploadPartCopy") and ":Get" in action
    source = call.names.get("x-amz-copy-source", ())
    if copied and not source:
        return Target((f"arn:{where}:s3:::*", f"arn:{where}:s3:*:*:accesspoint/*"), known=False)
    if bucket.startswith("arn:"):
        return Target((bucket, f"{bucket}/object/*"), known=False)
    if bucket.endswith("-s3alias"):
        return Target((f"arn:{where}:s3:*:*:accesspoint/*",), known=False)
    if action.startswith("s3express:"):
        return _exact(f"arn:{where}:s3express:{call.region}:{account}:bucket/{bucket}")
    given = {name: values[0] for name, values in call.names.items() if name in ("key", "x-amz-copy-source")}
    event = {"eventName": call.name, "awsRegion": call.region, "requestParameters": given}
    arn = next(iter(resources.of(resources.Call(event, call.request), action)), "*")
    return Target((arn,), known=not arn.endswith("/*") or "key" in given or copied)


def _by_format(service: str, kinds: tuple[Format, ...], call: Call, held: Held, where: str) -> tuple[Target, ...]:
    """By the formats of the action's types: ARNs that fit one, then names that fill one, else any that fits."""
    found: list[Target] = []
    left: list[Format] = []
    for kind in kinds:
        plain = kind.glob(lambda part: None)
        arns = [arn for arn in call.arns if matches(plain, arn) and _closest(arn, kind, kinds)]
        filled = [] if arns else _filled(service, kind, call, held, where)
        found += [*map(_exact, arns), *filled]
        if not arns and not filled:
            left.append(kind)
    if service == "dynamodb":
        return _table(found, call, kinds, held, where)
    needed = [kind for kind in left if kind.required] if found else left
    if needed and not (found and service in _EITHER):
        globs = tuple(dict.fromkeys(kind.glob(_unnamed(service, call, held, where)) for kind in needed))
        found.append(Target(globs, known=False))
    return tuple(dict.fromkeys(found))


def _closest(arn: str, kind: Format, kinds: tuple[Format, ...]) -> bool:
    """Whether no longer format fits the ARN: a format's last part takes in whatever follows."""
    longer = (each for each in kinds if len(each.arn) > len(kind.arn))
    return not any(matches(each.glob(lambda part: None), arn) for each in longer)


def _unnamed(service: str, call: Call, held: Held, where: str) -> Any:
    """Values for a resource nobody names. A row of the roll-up leaves names out, so it may be of any account; so may a
    key of KMS's, which the ciphertext names."""
    anywhere = not call.whole or service == "kms"
    return _given({}, call.region, "*" if anywhere else held.account, where)


def _given(values: dict[str, str], region: str, account: str, where: str) -> Any:
    return ({"partition": where, "region": region, "account": account} | values).get


def _filled(service: str, kind: Format, call: Call, held: Held, where: str) -> list[Target]:
    """The type's ARNs for names in the request; none where it names not even the first part."""
    parts = _parts(kind)
    if not parts:
        return [_exact(kind.glob(_given({}, call.region, held.account, where)))]
    values = {part: _values(service, part, call) for part in parts}
    caller = call.who or held.caller
    if service == "iam" and kind.type == "user" and call.whole and ":user/" in caller and not any(values.values()):
        # "If you do not specify a user name, IAM determines it" from the caller (IAM API reference, such as GetUser).
        return [_exact(caller)]
    if not any(values.values()) or any(len(each) > 1 for each in list(values.values())[1:]):
        return []
    made = []
    for first in values[parts[0]] or ("*",):
        one = {part: each[0] for part, each in values.items() if each} | {parts[0]: first}
        made.append(_one(service, kind, one, len(one) == len(parts) and first != "*", call, held, where))
    return made


def _one(service: str, kind: Format, values: dict[str, str], full: bool, call: Call, held: Held, where: str) -> Target:
    account = _queue_owner(call) if service == "sqs" else None
    arn = kind.glob(_given(values, call.region, account or held.account, where))
    if service == "secretsmanager":
        # Six random characters follow a secret's name ("Secrets Manager", SAR; "What's in a secret").
        return Target((f"{arn}-??????", arn), known=False)
    if service == "lambda" and kind.type == "function" and "qualifier" in call.names:
        return _exact(f"{arn}:{call.names['qualifier'][0]}")
    if service == "lambda" and kind.type == "function" and not call.whole:
        return Target((arn, f"{arn}:*"), known=False)
    if any(part.endswith(_ENDINGS[0]) for part in _parts(kind)):
        # The path stands between, and the name alone does not tell it.
        head, _, name = arn.rpartition("/")
        if known := held.arns.get((kind.type, name)):
            return _exact(known)
        return Target((arn, f"{head}/*/{name}"), known=False)
    return Target((arn,), known=full)


def _values(service: str, part: str, call: Call) -> tuple[str, ...]:
    """What a request gives for one part of an ARN; an ARN or alias instead of a name gives nothing."""
    plain = _plain(part)
    given: tuple[str, ...] = ()
    for member in _MEMBERS.get((service, plain), (plain,)):
        given += call.names.get(member) or _container(call, member)
    values = [_bare(service, plain, each) for each in given]
    return tuple(dict.fromkeys(each for each in values if each))


def _queue_owner(call: Call) -> str | None:
    """The account in a queue's URL, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME."""
    parts = call.names.get("queueurl", ("",))[0].split("/")
    return parts[-2] if len(parts) > 2 and parts[-2].isdigit() else None


def _container(call: Call, member: str) -> tuple[str, ...]:
    found = [value for name, value in call.request.items() if name.lower() == member and isinstance(value, str)]
    return tuple(found)


def _bare(service: str, part: str, value: str) -> str:
    if service == "lambda" and ":function:" in value:
        return value.split(":function:")[1].split(":")[0]
    if service == "sqs":
        return value.rpartition("/")[2]
    if service == "ssm":
        value = value.removeprefix("/")
    return "" if value.startswith(("arn:", "alias/")) or "*" in value or "?" in value else value


def _table(found: list[Target], call: Call, kinds: tuple[Format, ...], held: Held, where: str) -> tuple[Target, ...]:
    """A table, or one of its indexes: a query of an index is checked for the index alone, and the roll-up does not
    tell ("Specifying conditions: using IAM policy conditions", DynamoDB guide)."""
    tables = [each.globs[0] for each in found if each.globs[0].count("/") == 1]
    if found and not tables:
        return tuple(found)
    if not tables:
        globs = tuple(kind.glob(_unnamed("dynamodb", call, held, where)) for kind in kinds)
        return (Target(globs, known=False),)
    if not any(kind.type == "index" for kind in kinds):
        return tuple(map(_exact, tables))
    if not call.whole:
        return tuple(Target((each, f"{each}/index/*"), known=False) for each in tables)
    index = call.names.get("indexname")
    return tuple(_exact(f"{each}/index/{index[0]}" if index else each) for each in tables)
