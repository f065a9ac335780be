"""The request members that the action mapping needs, picked out of `requestParameters` for the usage roll-up.

Only what keeps the roll-up small: a bucket, table, function or key, a passed role, and of what else changes the
actions a call needs, that it was there; never an object key, a tag or a session's name. A JSON object of

- bucketName, tableName, functionName, keyId: the container, by CloudTrail's own names;
- roleArn: the role that is passed (a list of several, true for very many; a bare name where the request gave one),
  instanceProfile;
- true for what the request carried: versionId, sourceVersion (of a copy), tags, sourceIdentity, imageParameter (an
  image named by a parameter), and the S3 headers acl, openAcl (other than private), retention, legalHold,
  bypassGovernance, objectLock, ownership.

`pipeline.iam.requests` reads whole events through the same function, so both map alike.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

# The container of the resource a call works on, by event source.
_CONTAINER = {
    "s3.amazonaws.com": "bucketName",
    "s3express.amazonaws.com": "bucketName",
    "dynamodb.amazonaws.com": "tableName",
    "lambda.amazonaws.com": "functionName",
    "kms.amazonaws.com": "keyId",
}
# Sources whose reading calls have members too; of all others only calls that change something are looked into.
SOURCES = (*_CONTAINER, "sts.amazonaws.com")
# Of sources whose calls are mostly data events, the calls that may set tags or pass a role in a body.
_SEARCHED: dict[str, frozenset[str]] = {
    "s3.amazonaws.com": frozenset(
        (
            *("CreateAccessGrantsLocation", "CreateBucket", "CreateBucketMetadataConfiguration", "CreateJob"),
            *("CreateStorageLensGroup", "PutBucketReplication", "UpdateAccessGrantsLocation"),
        )
    ),
    "s3express.amazonaws.com": frozenset(),
    "dynamodb.amazonaws.com": frozenset(("CreateTable", "ImportTable")),
    "kms.amazonaws.com": frozenset(("CreateKey", "ReplicateKey")),
}
# These services name roles to act on them, not to pass them.
_NOT_PASSING = frozenset({"sts.amazonaws.com", "signin.amazonaws.com"})
_ROLE = re.compile(r"^arn:[^:]+:iam::\d*:role/.+$", re.DOTALL)
_ROLE_MEMBER = re.compile(r"(roles?(arns?)?|credentials)$", re.IGNORECASE)
# Members that hold a bare role name: EMR, SSM, IAM.
_NAME_MEMBERS = ("serviceRole", "jobFlowRole", "autoScalingRole", "iamRole", "roleName")
_NAME = re.compile(r"^[\w+=,.@-]{1,64}$")
_PROFILE_MEMBER = re.compile(r"^(iam)?instanceProfile(Arn|Name)?$", re.IGNORECASE)
# The end of a member's name and the start of a value that is not empty; what comes before the "ag" is looked at
# after, so that the search may run on a plain prefix.
_TAGS = re.compile(
    rb'ag(?:s|Set|List|sList|ging|Specifications?|SpecificationSet)"\s*:\s*(?:\[\s*[^\]\s]|\{\s*[^}\s]|"[^"])'
)
_BEFORE = frozenset({b"t", b"T", b"resourceT", b"ResourceT", b"principalT", b"PrincipalT"})
_SOURCE_IDENTITY = re.compile(rb'(?<!\\)"sourceIdentity"\s*:\s*"[^"]')
_BARE = re.compile(rb'"(?:serviceRole|jobFlowRole|autoScalingRole|iamRole)"')
_DEPTH, _LONGEST, _ROLES = 12, 2_048, 20


class _Members(msgspec.Struct):
    bucketName: Any = None
    tableName: Any = None
    functionName: Any = None
    keyId: Any = None
    versionId: Any = None


class _Headers(_Members):
    """An S3 request's headers, which CloudTrail lists among its members."""

    source: Any = msgspec.field(default=None, name="x-amz-copy-source")
    acl: Any = msgspec.field(default=None, name="x-amz-acl")
    grants: Any = msgspec.field(default=None, name="accessControlList")
    full: Any = msgspec.field(default=None, name="x-amz-grant-full-control")
    read: Any = msgspec.field(default=None, name="x-amz-grant-read")
    read_acp: Any = msgspec.field(default=None, name="x-amz-grant-read-acp")
    write: Any = msgspec.field(default=None, name="x-amz-grant-write")
    write_acp: Any = msgspec.field(default=None, name="x-amz-grant-write-acp")
    mode: Any = msgspec.field(default=None, name="x-amz-object-lock-mode")
    until: Any = msgspec.field(default=None, name="x-amz-object-lock-retain-until-date")
    hold: Any = msgspec.field(default=None, name="x-amz-object-lock-legal-hold")
    bypass: Any = msgspec.field(default=None, name="x-amz-bypass-governance-retention")
    lock: Any = msgspec.field(default=None, name="x-amz-bucket-object-lock-enabled")
    owner: Any = msgspec.field(default=None, name="x-amz-object-ownership")
    tags: Any = msgspec.field(default=None, name="x-amz-tagging")


_members = msgspec.json.Decoder(_Members)
_headers = msgspec.json.Decoder(_Headers)


def request_members(source: str | None, name: str | None, parameters: bytes) -> bytes | None:
    """The JSON object of the members the mapping needs, None for none; `parameters` is the request as JSON text."""
    found: dict[str, Any] = {}
    container = _CONTAINER.get(source or "")
    if container:
        try:
            members = (_headers if b"x-amz-" in parameters else _members).decode(parameters)
        except (msgspec.DecodeError, RecursionError):
            return None
        value = getattr(members, container)
        if isinstance(value, str) and len(value) <= _LONGEST:
            found[container] = value
        if members.versionId:
            found["versionId"] = True
        if isinstance(members, _Headers):
            found |= _of_headers(members)
    searched = _SEARCHED.get(source or "")
    if searched is not None and name not in searched:
        return msgspec.json.encode(found) if found else None
    if b"ag" in parameters and _tags(parameters):
        found["tags"] = True
    if source == "sts.amazonaws.com":
        if _SOURCE_IDENTITY.search(parameters):
            found["sourceIdentity"] = True
    elif source == "ec2.amazonaws.com" and b"resolve:ssm:" in parameters:
        found["imageParameter"] = True
    if source not in _NOT_PASSING and _may_pass(parameters):
        found |= _passed(source, name, parameters)
    return msgspec.json.encode(found) if found else None


def _tags(parameters: bytes) -> bool:
    """Whether the request sets tags: a member of such a name that is not empty."""
    for match in _TAGS.finditer(parameters):
        quote = parameters.rfind(b'"', 0, match.start())
        # A quote that opens a name never follows a backslash.
        if parameters[quote + 1 : match.start()] in _BEFORE and parameters[quote - 1 : quote] != b"\\":
            return True
    return False


def _of_headers(request: _Headers) -> dict[str, bool]:
    grants = (request.full, request.read, request.read_acp, request.write, request.write_acp, request.grants)
    given = any(map(_given, grants))
    flags = {
        "sourceVersion": "versionId=" in _text(request.source),
        "acl": given or _given(request.acl),
        "openAcl": given or _text(request.acl).lower() not in ("", "private"),
        "retention": _given(request.mode) or _given(request.until),
        "legalHold": _given(request.hold),
        "bypassGovernance": _text(request.bypass).lower() == "true",
        "objectLock": _text(request.lock).lower() == "true",
        "ownership": _given(request.owner),
        "tags": _given(request.tags),
    }
    return {name: True for name, flag in flags.items() if flag}


def _text(value: Any) -> str:
    """A header's text; older records list headers as one-element arrays, and flags may be JSON's own."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, bool):
        return "true" if value else ""
    return value if isinstance(value, str) else ""


def _given(value: Any) -> bool:
    return bool(value) if isinstance(value, dict) else bool(_text(value))


def _may_pass(parameters: bytes) -> bool:
    """Whether a search for a passed role is worth decoding the request."""
    if b":role/" in parameters or b"nstanceProfile" in parameters:
        return True
    return b'Role"' in parameters and bool(_BARE.search(parameters))


def _passed(source: str | None, name: str | None, parameters: bytes) -> dict[str, Any]:
    if source == "iam.amazonaws.com" and name != "AddRoleToInstanceProfile":
        return {}
    try:
        plain = msgspec.json.decode(parameters)
    except (msgspec.DecodeError, RecursionError):
        return {}
    roles: set[str] = set()
    profiles: set[str] = set()
    _walk(plain, roles, profiles, _DEPTH)
    found: dict[str, Any] = {}
    if roles:
        # More roles than any call passes: that some were is kept, which is not.
        found["roleArn"] = True if len(roles) > _ROLES else min(roles) if len(roles) == 1 else sorted(roles)
    if profiles:
        found["instanceProfile"] = min(profiles)
    return found


def _walk(value: Any, roles: set[str], profiles: set[str], depth: int, member: str = "") -> None:
    """Collects roles and profiles; `member` is the name that leads to the value, through lists too."""
    if isinstance(value, str):
        if _is_role(member, value):
            roles.add(value)
    elif depth and isinstance(value, list):
        for each in value:
            _walk(each, roles, profiles, depth - 1, member)
    elif depth and isinstance(value, dict):
        for name, each in value.items():
            if not _PROFILE_MEMBER.match(name):
                _walk(each, roles, profiles, depth - 1, name)
            elif text := each if isinstance(each, str) else _named(each):
                profiles.add(text)


def _is_role(member: str, value: str) -> bool:
    if len(value) <= _LONGEST and _ROLE_MEMBER.search(member) and _ROLE.match(value):
        return True
    return member in _NAME_MEMBERS and bool(_NAME.match(value))


def _named(profile: Any) -> str | None:
    """RunInstances names the profile as {"arn": …} or {"name": …}."""
    if not isinstance(profile, dict):
        return None
    return next((profile[name] for name in ("arn", "name", "Arn", "Name") if isinstance(profile.get(name), str)), None)
