"""Who asks, and whether a policy's Principal names them, and how.

How closely a resource policy names the caller decides which other policies can still take the grant away.
Sources: "AWS JSON policy elements: Principal", "… NotPrincipal", "Policy evaluation logic" (AWS's pages).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pipeline.errors import PolicyError, UsageError

_ACCOUNT = re.compile(r"\d{12}\Z")
# Unique ids stand where a principal was deleted ("IAM identifiers": unique identifiers).
_UNIQUE = re.compile(r"A[A-Z0-9]{15,127}\Z")
_CALLERS = {"iam": ("user", "role", "root"), "sts": ("assumed-role", "federated-user")}
_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")


class Grade(IntEnum):
    """How a Principal element names the caller.

    ACCOUNT leaves the decision to the account's identity policies. ROLE (a session's role, or the user who federated)
    needs no identity policy, yet boundary and session policy bind. DIRECT (the user, the session, everybody) is bound
    by none of these.
    """

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


@dataclass(frozen=True)
class Principal:
    """The caller. `kind`: user, role (also its sessions), root, federated_user, service, federated, anonymous.

    `grades` holds the names a policy may know it by, each with how closely it names it; `account` is None where the
    caller belongs to none. `role` is the ARN of a session's role without its path, which a session does not tell.
    """

    kind: str
    account: str | None
    grades: Mapping[tuple[str, str], Grade]
    key: str
    service_linked: bool = False
    role: str | None = None
    session: str | None = None

    @property
    def limited(self) -> bool:
        """Whether identity policy, boundary and session policy are asked at all; the root user has all permissions."""
        return self.kind in ("user", "role", "federated_user")


def principal(given: object) -> Principal:
    """The caller of a request: an ARN (or account id, its root user), {"service"}, {"federated"} or {"anonymous"}."""
    if isinstance(given, str):
        return _from_arn(f"arn:aws:iam::{given}:root" if _ACCOUNT.match(given) else given)
    if isinstance(given, Mapping) and len(given) == 1:
        ((kind, value),) = given.items()
        if kind in ("service", "federated") and isinstance(value, str) and value:
            grades = {(kind.capitalize(), value): Grade.DIRECT}
            return Principal(kind, None, grades, f"{kind} {value}")
        if kind == "anonymous" and value is True:
            return Principal(kind, None, {}, kind)
    raise UsageError(
        "request.principal", "is no principal", 'give an ARN, {"service": …}, {"federated": …} or {"anonymous": true}'
    )


def _from_arn(arn: str) -> Principal:
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not _ACCOUNT.match(parts[4]):
        raise _no_principal(arn)
    kind, _, name = parts[5].partition("/")
    if kind not in _CALLERS.get(parts[2], ()) or (kind == "root") is bool(name):
        raise _no_principal(arn)
    partition, account = parts[1], parts[4]
    root = f"arn:{partition}:iam::{account}:root"
    grades = {("AWS", account): Grade.ACCOUNT, ("AWS", root): Grade.ACCOUNT}
    if kind == "root":
        return Principal("root", account, dict.fromkeys(grades, Grade.DIRECT), arn)
    if kind in ("user", "federated-user"):
        grades[("AWS", arn)] = Grade.DIRECT
        if kind == "federated-user":
            # The session bears the name of the user who federated, and the user's grants are bound as a role's are.
            grades[("AWS", f"arn:{partition}:iam::{account}:user/{name}")] = Grade.ROLE
        return Principal(kind.replace("-", "_"), account, grades, arn)
    role_name = name.split("/")[0] if kind == "assumed-role" else name.rsplit("/", 1)[-1]
    role = f"arn:{partition}:iam::{account}:role/{role_name}"
    grades[("AWS", role)] = Grade.ROLE
    if kind == "assumed-role":
        grades[("AWS", arn)] = Grade.DIRECT
    linked = name.startswith("aws-service-role/") or role_name.startswith("AWSServiceRoleFor")
    return Principal("role", account, grades, arn, linked, role, arn if kind == "assumed-role" else None)


def _no_principal(arn: str) -> UsageError:
    remedy = "give the ARN of a user, role, session or root"
    return UsageError("request.principal", f"{arn[:80]!r} is no principal", remedy)


@dataclass(frozen=True)
class Named:
    """A Principal or NotPrincipal element: its entries by type; `everybody` where `*` is among them."""

    names: frozenset[tuple[str, str]]
    everybody: bool
    negated: bool

    def grade(self, caller: Principal, bounded: bool) -> Grade:
        """How closely it names the caller; `bounded`: the caller has a permissions boundary.

        A Deny with NotPrincipal always meets a caller with a boundary, whatever it lists ("Permissions boundaries
        for IAM entities").
        """
        if self.negated:
            spared = not (bounded and caller.limited) and (self.everybody or self._spares(caller))
            return Grade.NONE if spared else Grade.DIRECT
        if self.everybody:
            return Grade.DIRECT
        return max((grade for name, grade in caller.grades.items() if name in self.names), default=Grade.NONE)

    def _spares(self, caller: Principal) -> bool:
        """Whether the exception covers the caller, tried as AWS does: the account, then user or role, then session.

        A finer level counts only where the list names something of that level in the account.
        """
        if caller.account is None:
            return any(name in self.names for name in caller.grades)
        found = {grade for name, grade in caller.grades.items() if name in self.names}
        if caller.kind == "root":
            return bool(found)
        if Grade.ACCOUNT not in found:
            return False
        finer = [text for kind, text in self.names if kind == "AWS" and _within(text, caller.account)]
        if not finer:
            return True
        if caller.role is None:
            return Grade.DIRECT in found
        name = caller.role.rsplit("/", 1)[-1]
        sessions = [text for text in finer if f":assumed-role/{name}/" in text]
        return Grade.ROLE in found and (not sessions or Grade.DIRECT in found)


def _within(text: str, account: str) -> bool:
    """Whether an entry names something finer than the account itself."""
    parts = text.split(":", 5)
    return len(parts) == 6 and parts[4] == account and parts[5] != "root"


def compile_principal(given: object, negated: bool, place: str) -> Named:
    """A Principal element. Raises PolicyError for what AWS refuses: unknown types, wildcards in part of a name."""
    if given == "*":
        return Named(frozenset(), True, negated)
    if not isinstance(given, Mapping) or not given:
        raise PolicyError(place, "is no principal", 'write "*" or {"AWS": …}')
    names: set[tuple[str, str]] = set()
    everybody = False
    for kind, value in given.items():
        if kind not in _TYPES:
            raise PolicyError(f"{place}.{kind}", "is no type of principal", f"write one of {', '.join(_TYPES)}")
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, str) or not each:
                raise PolicyError(f"{place}.{kind}", "is no text or list of texts", "name principals by their ARN")
            if kind == "AWS" and each == "*":
                everybody = True
            else:
                names.add((kind, _name(kind, each, f"{place}.{kind}")))
    return Named(frozenset(names), everybody, negated)


def _name(kind: str, text: str, place: str) -> str:
    """An entry as callers know themselves: a role's ARN loses its path."""
    if kind != "AWS":
        return text
    parts: list[Any] = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        if _ACCOUNT.match(text) or _UNIQUE.match(text):
            return text
        raise PolicyError(place, f"{text[:80]!r} is no principal", "give an account id or an ARN")
    if "*" in text or "?" in text:
        raise PolicyError(place, f"{text[:80]!r} has a wildcard", 'name each in full; "*" alone is everybody')
    if parts[2] == "iam" and parts[5].startswith("role/"):
        parts[5] = "role/" + parts[5].rsplit("/", 1)[-1]
    return ":".join(parts)
