"""A request to be judged, and the decision with its reason: what `iam evaluate` reads and writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError
from pipeline.iam.principals import Principal, principal
from pipeline.iam.rules import Hit
from pipeline.iam.variables import Context

# The order in which AWS looks at the kinds of policy, so that the first to block is named.
LAYERS = ("rcp", "scp", "vpc_endpoint", "resource", "identity", "boundary", "session")
_MEMBERS = ("principal", "action", "resource", "resource_account", "context", "partial_context")
# AWS's ARNs have at most 2,048 characters ("IAM and AWS STS quotas").
_LONGEST_ARN = 8192
_ACCOUNT = re.compile(r"\d{12}\Z", re.ASCII)


@dataclass(frozen=True)
class Request:
    """One call. `resource` is an ARN, or `*` for an action that has none; `account` the resource's, where known.

    `within`, where it is given: nobody knows the resource, only that it fits one of these globs, of which `resource`
    is the first; a statement that names some of what they name and not all is then open.
    """

    principal: Principal
    action: str
    resource: str
    account: str | None
    context: Context
    within: tuple[str, ...] = ()


def truth(given: Mapping[str, Any], name: str, place: str) -> bool:
    """A member that is true, false, null or not there. Raises UsageError for anything else."""
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise UsageError(f"{place}.{name}", "is neither true nor false", "write true, or leave it out")
    return value is True


def request(given: object, partial: bool = False) -> Request:
    """The request of a line of `iam evaluate`; `partial`: its context does not tell all keys.

    Raises UsageError, whose place is the member at fault.
    """
    if not isinstance(given, Mapping):
        raise UsageError("request", "is no JSON object", "give principal, action and resource")
    for name in ("action", "resource"):
        if not isinstance(given.get(name), str) or not given[name]:
            raise UsageError(f"request.{name}", "is no text", f"name the {name}")
    for name in given:
        if name not in _MEMBERS:
            raise UsageError(f"request.{name}", "is no member of a request", f"give some of {', '.join(_MEMBERS)}")
    action, resource, account = given["action"], given["resource"], given.get("resource_account")
    if ":" not in action or "*" in action or "?" in action:
        raise UsageError(
            "request.action", f"{action[:80]!r} is no action", "write SERVICE:ACTION, such as s3:GetObject"
        )
    if resource != "*" and (resource.count(":") < 5 or not resource.startswith("arn:") or len(resource) > _LONGEST_ARN):
        raise UsageError("request.resource", f"{resource[:80]!r} is neither an ARN nor *", "give the resource's ARN")
    if account is not None and not (isinstance(account, str) and _ACCOUNT.match(account)):
        raise UsageError("request.resource_account", "is no account id", "give the account's twelve digits as a text")
    context = given.get("context")
    if context is not None and not isinstance(context, Mapping):
        raise UsageError("request.context", "is no JSON object", 'give {"key": value or [values]}')
    partial = truth(given, "partial_context", "request") or partial
    return Request(principal(given.get("principal")), action, resource, account, Context(context or {}, partial))


@dataclass(frozen=True)
class Matched:
    """A statement that is about the request; `unknown` holds the keys that would tell, where it may be."""

    policy: str
    index: int
    sid: str | None
    effect: str
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """`decision`: allowed, implicit_deny, explicit_deny, conditional; `conditions` the keys the last hangs on."""

    decision: str
    blocked_by: str | None
    matched: tuple[Matched, ...]
    conditions: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The answer of `iam evaluate`."""
        matched = [
            {"policy": each.policy, "index": each.index, "sid": each.sid, "effect": each.effect}
            | ({"unknown": list(each.unknown)} if each.unknown else {})
            for each in self.matched
        ]
        return {
            "decision": self.decision,
            "blocked_by": self.blocked_by,
            "matched": matched,
            "conditions": list(self.conditions),
        }


def matched(hits: Iterable[Hit], unknown: Mapping[int, tuple[str, ...]] | None = None) -> tuple[Matched, ...]:
    """The statements as an answer names them; `unknown`: keys that would tell, by the id of the rule."""
    open_ = unknown or {}
    return tuple(
        Matched(rule.policy, rule.index, rule.sid, "Allow" if rule.allows else "Deny", open_.get(id(rule), ()))
        for rule, _ in hits
    )
