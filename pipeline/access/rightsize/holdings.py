"""Policies as principals hold them: where each is attached, by which name, and to whom else.

A right-sized policy goes where the old one was, so that place must be known: inline, a customer managed policy of
this principal alone, one that is shared, one of AWS's own that nobody can edit, or any of these on a group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.access.granted import Attached, Library, Principal

# Roles under it are made, and their policies written, by permission sets ("Permission sets", Identity Center guide).
IDENTITY_CENTER = "/aws-reserved/sso.amazonaws.com/"
INLINE, CUSTOMER, AWS = "inline", "customer managed", "AWS managed"


@dataclass(frozen=True)
class Holding:
    """One policy that reaches a principal; `group` names the group it comes through, `arn` a managed policy.

    `others` are the ARNs of further users, roles and groups that a managed policy is attached to or bounds.
    """

    name: str
    kind: str
    attached: Attached
    arn: str | None = None
    group: str | None = None
    others: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"{self.kind} policy {self.name}" + (f" of group {self.group}" if self.group else "")

    @property
    def editable(self) -> bool:
        """Whether changing it in place changes nobody else's permissions."""
        return self.kind == INLINE or (self.kind == CUSTOMER and not self.others)


class Holders:
    """Who holds what in a snapshot: members of groups, and everybody a managed policy is attached to."""

    def __init__(self, library: Library, principals: list[Principal]) -> None:
        self.library = library
        self.members: dict[tuple[str, str], list[Principal]] = {}
        self._attached: dict[str, list[str]] = {}
        for principal in principals:
            for name in principal.item.get("GroupList") or []:
                self.members.setdefault((principal.account_id, name), []).append(principal)
            self._note(principal.item, principal.arn)
            if principal.boundary:
                self._attached.setdefault(principal.boundary[0], []).append(f"{principal.arn} (as its boundary)")
        for group in library.groups.values():
            self._note(group, group["Arn"])

    def _note(self, item: dict[str, Any], arn: str) -> None:
        for each in item.get("AttachedManagedPolicies") or []:
            self._attached.setdefault(each["PolicyArn"], []).append(arn)

    def of(self, principal: Principal) -> list[Holding]:
        """Every policy that reaches the principal, in the order of its `attached`; its groups' come last."""
        by = {each.by: each for each in principal.attached}
        inline = "UserPolicyList" if principal.kind == "user" else "RolePolicyList"
        found = list(self._held(principal.item, inline, principal.arn, None, by))
        for name in principal.item.get("GroupList") or []:
            group = self.library.groups.get((principal.account_id, name))
            if group is not None:
                found += self._held(group, "GroupPolicyList", group["Arn"], name, by)
        return found

    def _held(
        self, item: dict[str, Any], inline: str, owner: str, group: str | None, by: dict[str, Attached]
    ) -> Iterator[Holding]:
        via = f" via group {group}" if group else ""
        for each in item.get(inline) or []:
            name = each["PolicyName"]
            yield Holding(name, INLINE, by[f"inline policy {name}{via}"], None, group)
        for each in item.get("AttachedManagedPolicies") or []:
            arn = each["PolicyArn"]
            if (attached := by.get(f"{arn}{via}")) is not None:
                kind = AWS if ":iam::aws:" in arn else CUSTOMER
                others = tuple(sorted({who for who in self._attached.get(arn, []) if who != owner}))
                yield Holding(arn.rpartition("/")[2], kind, attached, arn, group, others)
