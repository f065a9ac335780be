"""Who acted: the principal behind a `userIdentity`, by the rules of the design, and never a guess.

Source of the variants: AWS, "CloudTrail userIdentity element".
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Any, NamedTuple

UNKNOWN = "unknown"


class Principal(NamedTuple):
    """What a record's `userIdentity` says of the caller; None where it does not say."""

    arn: str
    type: str
    id: str | None
    session_name: str | None
    access_key_id: str | None
    path_unknown: bool
    account_id: str | None
    via_service: str | None


_OWNER = re.compile(r"^arn:[^:]+:iam::\d*:(user/.+|root|role/.+)$", re.DOTALL)


def principal(identity: dict[str, Any] | None) -> Principal:
    """The principal of a decoded `userIdentity` (members as in the schema; absent ones missing or None).

    The session issuer's ARN; else the user's or root's ARN; an assumed role without issuer becomes its role
    with `path_unknown`; a service is its name; an Identity Center user is its store and user id; another
    account is its principalId; anything else is `unknown`.
    """
    identity = identity or {}
    kind = identity.get("type") or None
    arn = identity.get("arn") or ""
    context = identity.get("sessionContext") or {}
    issuer = context.get("sessionIssuer") or {}
    session = _session(arn)
    identifier = (identity.get("principalId") or "").partition(":")
    name, path_unknown = _name(kind, arn, identity, issuer, session)
    invoked_by = identity.get("invokedBy") or None
    return Principal(
        arn=name,
        type=kind or "Unknown",
        id=issuer.get("principalId") or identifier[0] or None,
        session_name=(session[3] if session else identifier[2]) or None,
        access_key_id=identity.get("accessKeyId") or None,
        path_unknown=path_unknown,
        account_id=identity.get("accountId") or issuer.get("accountId") or None,
        via_service=invoked_by if kind != "AWSService" else None,
    )


def _session(arn: str) -> tuple[str, ...] | None:
    """(partition, account, role, session) of `arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION`."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or parts[2] != "sts" or parts[3]:
        return None
    kind, _, named = parts[5].partition("/")
    role, _, session = named.partition("/")
    if kind != "assumed-role" or not (parts[1] and role and session) or not (parts[4].isdecimal() or not parts[4]):
        return None
    return parts[1], parts[4], role, session


def _name(
    kind: str | None, arn: str, identity: dict[str, Any], issuer: dict[str, Any], session: tuple[str, ...] | None
) -> tuple[str, bool]:
    if issuer.get("arn"):
        return issuer["arn"], False
    if _OWNER.match(arn):
        return arn, False
    if session:
        return f"arn:{session[0]}:iam::{session[1]}:role/{session[2]}", True
    if kind == "AWSService":
        return identity.get("invokedBy") or identity.get("principalId") or UNKNOWN, False
    if kind == "IdentityCenterUser":
        person = identity.get("onBehalfOf") or {}
        if person.get("userId") and person.get("identityStoreArn"):
            return f"{person['identityStoreArn']}/{person['userId']}", False
    if kind == "AWSAccount" and identity.get("principalId"):
        return identity["principalId"], False
    return UNKNOWN, False


@lru_cache(maxsize=100_000)
def source_network(address: str | None) -> str | None:
    """The /24 (IPv4) or /48 (IPv6) an address lies in; None for service names and for what is no address."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    if parsed.version == 6 and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


_DENIED = re.compile(
    r"AccessDenied|UnauthorizedOperation|AuthorizationError|UnauthorizedAccess|NotAuthorized", re.IGNORECASE
)


@lru_cache(maxsize=10_000)
def outcome(error_code: str | None, has_message: bool) -> str:
    """`denied` where authorization failed, `error` for any other failure, else `ok`.

    Services spell the refusal in their own ways: AccessDenied, AccessDeniedException, VpceAccessDenied,
    Client.UnauthorizedOperation, AuthorizationErrorException. A failed sign-in carries a message and no code.
    """
    if error_code and _DENIED.search(error_code):
        return "denied"
    return "error" if error_code or has_message else "ok"
