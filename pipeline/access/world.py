"""Everybody of a snapshot, ready to be asked of: single requests decided with every policy that bears on them.

Keys of a request that the snapshot settles (the caller's ARN, account, tags, organization) are given; all others
are unknown, so that a decision which hangs on them comes out conditional.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from pipeline.access.effective import Effective
from pipeline.access.granted import Library, Principal, parsed
from pipeline.access.organization import Organization
from pipeline.access.snapshots import Snapshot
from pipeline.errors import PolicyError
from pipeline.iam.catalogue import Catalogue
from pipeline.iam.decisions import Decision, request
from pipeline.iam.evaluate import Evaluator
from pipeline.iam.globs import matches
from pipeline.iam.policy import Policy, Statement

_KEPT = 4096
_UNREADABLE = Decision("conditional", None, (), ("(a policy that cannot be read)",))


@dataclass(frozen=True)
class Root:
    """The root user of an account, of which no snapshot holds an item."""

    account_id: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:iam::{self.account_id}:root"


class World:
    """The principals of a snapshot by ARN, and decisions on what they ask; `given` are keys the asker knows."""

    def __init__(self, snapshot: Snapshot, catalogue: Catalogue, given: Mapping[str, Any] | None = None) -> None:
        self.library = Library(snapshot)
        self.organization = self.library.organization
        self.catalogue = catalogue
        self.effective = Effective(self.library, catalogue)
        self.given = dict(given or {})
        self._evaluators: dict[tuple[str, str, str, str], Evaluator | None] = {}

    @cached_property
    def principals(self) -> dict[str, Principal]:
        """Users and roles by ARN, in order."""
        return {each.arn: each for each in self.library.principals()}

    @cached_property
    def roles(self) -> list[Principal]:
        """The roles alone."""
        return [each for each in self.principals.values() if each.kind == "role"]

    @cached_property
    def accounts(self) -> list[str]:
        """Accounts that have principals in the snapshot."""
        return sorted({each.account_id for each in self.principals.values() if each.account_id})

    def decide(
        self, caller: Principal | Root, action: str, resource: str, account: str | None, policy: Any = None
    ) -> Decision:
        """Whether the caller may do the action on the resource; `account` owns it, `policy` is its own, if known.

        Raises UsageError for an action or resource that is none. A policy that AWS would refuse makes the answer
        conditional: what it grants is not known.
        """
        asked = {
            "principal": caller.arn,
            "action": action,
            "resource": resource,
            "resource_account": account,
            "context": self._context(caller, resource, account),
        }
        owner = account or caller.account_id
        # Many roles share one trust policy, and one caller is asked about all of them.
        key = (caller.arn, action.lower(), owner, json.dumps(policy))
        if key not in self._evaluators:
            if len(self._evaluators) >= _KEPT:
                self._evaluators.clear()
            try:
                made = Evaluator(self._policies(caller, action.lower(), owner) | {"resource": policy})
            except PolicyError:
                made = None
            self._evaluators[key] = made
        evaluator = self._evaluators[key]
        return evaluator.decide(request(asked, partial=True)) if evaluator else _UNREADABLE

    def _policies(self, caller: Principal | Root, action: str, owner: str) -> dict[str, Any]:
        """The policies that bear on the caller's action, in the shape of `iam evaluate`; the owner's RCPs."""
        scps = self.organization.levels(caller.account_id, "scp")
        found: dict[str, Any] = {
            "scps": [[_about(document, parsed(document), action) for document in each.documents] for each in scps],
            "rcps": [each.documents for each in self.organization.levels(owner, "rcp")],
        }
        if isinstance(caller, Principal):
            found["identity"] = [_about(each.document, each.policy, action) for each in caller.attached]
            _, boundary = caller.boundary or ("", None)
            found["boundary"] = [_about(boundary.document, boundary.policy, action)] if boundary else None
        return found

    def _context(self, caller: Principal | Root, resource: str, account: str | None) -> dict[str, Any]:
        """Keys that are the same whatever the request."""
        region = resource.split(":")[3] if resource.count(":") >= 5 else ""
        known_ = known(caller, self.organization)
        known_ |= {"aws:RequestedRegion": region} if region else {}
        known_ |= {"aws:ResourceAccount": account} if account else {}
        return known_ | self.given


def known(caller: Principal | Root, organization: Organization) -> dict[str, Any]:
    """Keys of any request of the caller's that the snapshot settles ("AWS global condition context keys")."""
    found: dict[str, Any] = {
        "aws:PrincipalArn": caller.arn,
        "aws:PrincipalAccount": caller.account_id,
        "aws:PrincipalIsAWSService": False,
        "aws:PrincipalServiceName": None,
        "aws:PrincipalServiceNamesList": None,
    }
    if isinstance(caller, Principal):
        found["aws:PrincipalType"] = "User" if caller.kind == "user" else "AssumedRole"
        found["aws:username"] = caller.name if caller.kind == "user" else None
        # A session may bring tags that go before its role's, so only a user's are certain.
        tags = caller.item.get("Tags") or [] if caller.kind == "user" else []
        found |= {f"aws:PrincipalTag/{each['Key']}": each["Value"] for each in tags if _is_tag(each)}
    inside = organization.id_of(caller.account_id)
    return found | ({"aws:PrincipalOrgID": inside} if inside else {})


def _about(document: Any, policy: Policy, action: str) -> Any:
    """The document less statements about other actions, which cost more to compile than all else takes.

    One statement stays in any case: a boundary or SCP that does not name the action forbids it.
    """
    listed = document.get("Statement") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return document
    kept = [listed[each.index] for each in policy.statements if names(each, action)]
    return document | {"Statement": kept or listed[:1]}


@lru_cache(maxsize=1 << 18)
def _fits(pattern: str, action: str) -> bool:
    return matches(pattern.lower(), action)


def names(statement: Statement, action: str) -> bool:
    """Whether a statement's Action or NotAction takes in an action, given in lower case."""
    return any(_fits(pattern, action) for pattern in statement.actions) is not statement.not_action


def _is_tag(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("Key"), str) and isinstance(value.get("Value"), str)
