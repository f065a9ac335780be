"""Everybody of a snapshot, ready to be asked of: single requests decided with every policy that bears on them.

Keys of a request that the snapshot settles (the caller's ARN, account, tags, organization) are given; all others
are unknown, so that a decision which hangs on them comes out conditional.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.access.effective import Effective
from pipeline.access.granted import Library, Principal
from pipeline.access.snapshots import Snapshot
from pipeline.errors import PolicyError
from pipeline.iam.catalogue import Catalogue
from pipeline.iam.decisions import Decision, request
from pipeline.iam.evaluate import Evaluator

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
        try:
            evaluator = Evaluator(self.policies(caller, account or caller.account_id) | {"resource": policy})
        except PolicyError:
            return _UNREADABLE
        return evaluator.decide(request(asked, partial=True))

    def policies(self, caller: Principal | Root, owner: str) -> dict[str, Any]:
        """The policies of the caller, in the shape of `iam evaluate`, with RCPs of the resource's owner."""
        found: dict[str, Any] = {
            "scps": [each.documents for each in self.organization.levels(caller.account_id, "scp")],
            "rcps": [each.documents for each in self.organization.levels(owner, "rcp")],
        }
        if isinstance(caller, Principal):
            found["identity"] = [each.document for each in caller.attached]
            _, boundary = caller.boundary or ("", None)
            found["boundary"] = [boundary.document] if boundary else None
        return found

    def _context(self, caller: Principal | Root, resource: str, account: str | None) -> dict[str, Any]:
        """Keys that are the same whatever the request ("AWS global condition context keys")."""
        organization = self.organization.id_of(caller.account_id)
        region = resource.split(":")[3] if resource.count(":") >= 5 else ""
        known: dict[str, Any] = {
            "aws:PrincipalArn": caller.arn,
            "aws:PrincipalAccount": caller.account_id,
            "aws:PrincipalIsAWSService": False,
            "aws:PrincipalServiceName": None,
            "aws:PrincipalServiceNamesList": None,
        }
        if isinstance(caller, Principal):
            known["aws:PrincipalType"] = "User" if caller.kind == "user" else "AssumedRole"
            known["aws:username"] = caller.name if caller.kind == "user" else None
            # A session may bring tags that go before its role's, so only a user's are certain.
            tags = caller.item.get("Tags") or [] if caller.kind == "user" else []
            known |= {f"aws:PrincipalTag/{each['Key']}": each["Value"] for each in tags if _is_tag(each)}
        known |= {"aws:PrincipalOrgID": organization} if organization else {}
        known |= {"aws:RequestedRegion": region} if region else {}
        known |= {"aws:ResourceAccount": account} if account else {}
        return known | self.given


def _is_tag(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("Key"), str) and isinstance(value.get("Value"), str)
