"""The request members that the action mapping needs, picked out of `requestParameters` for the usage roll-up.

Only what keeps the roll-up small: a bucket, table, function or key, a passed role, whether a version was named;
never an object key. Members keep CloudTrail's names in a JSON object: bucketName, tableName, functionName,
keyId, roleArn (the role that is passed; a list of several), instanceProfile, versionId (true).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

# The container of the resource a call works on, by event source.
_CONTAINER = {
    "s3.amazonaws.com": "bucketName",
    "dynamodb.amazonaws.com": "tableName",
    "lambda.amazonaws.com": "functionName",
    "kms.amazonaws.com": "keyId",
}
# These services name roles to act on them, not to pass them.
_NOT_PASSING = frozenset({"sts.amazonaws.com", "signin.amazonaws.com", "s3.amazonaws.com", "kms.amazonaws.com"})
_ROLE = re.compile(r"^arn:[^:]+:iam::\d*:role/.+$", re.DOTALL)
_ROLE_MEMBER = re.compile(r"role(arn)?$", re.IGNORECASE)
_PROFILE_MEMBER = re.compile(r"^(iam)?instanceProfile(Arn|Name)?$", re.IGNORECASE)
_DEPTH = 12


class _Members(msgspec.Struct):
    bucketName: Any = None
    tableName: Any = None
    functionName: Any = None
    keyId: Any = None
    versionId: Any = None


_members = msgspec.json.Decoder(_Members)


def request_members(source: str | None, name: str | None, parameters: bytes) -> bytes | None:
    """The JSON object of the members the mapping needs, None for none; `parameters` is the request as JSON text."""
    found: dict[str, Any] = {}
    container = _CONTAINER.get(source or "")
    if container:
        try:
            members = _members.decode(parameters)
        except (msgspec.DecodeError, RecursionError):
            return None
        value = getattr(members, container)
        if isinstance(value, str):
            found[container] = value
        if members.versionId:
            found["versionId"] = True
    if source not in _NOT_PASSING and (b":role/" in parameters or b"nstanceProfile" in parameters):
        found |= _passed(source, name, parameters)
    return msgspec.json.encode(found) if found else None


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
        found["roleArn"] = min(roles) if len(roles) == 1 else sorted(roles)
    if profiles:
        found["instanceProfile"] = min(profiles)
    return found


def _walk(value: Any, roles: set[str], profiles: set[str], depth: int) -> None:
    if depth == 0:
        return
    if isinstance(value, list):
        for each in value:
            _walk(each, roles, profiles, depth - 1)
    if not isinstance(value, dict):
        return
    for name, each in value.items():
        if isinstance(each, str) and _ROLE_MEMBER.search(name) and _ROLE.match(each):
            roles.add(each)
        elif _PROFILE_MEMBER.match(name):
            text = each if isinstance(each, str) else _named(each)
            if text:
                profiles.add(text)
        else:
            _walk(each, roles, profiles, depth - 1)


def _named(profile: Any) -> str | None:
    """RunInstances names the profile as {"arn": …} or {"name": …}."""
    if not isinstance(profile, dict):
        return None
    return next((profile[name] for name in ("arn", "name", "Arn", "Name") if isinstance(profile.get(name), str)), None)
