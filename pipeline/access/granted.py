"""What each principal may do, by its snapshot: grants through groups, managed and inline policies, and what takes
them away again: explicit Deny, the permission boundary, the organization's SCPs.

A grant is a set of actions (bits over the catalogue) on one scope by one policy. A removal counts only where it is
sure: a Deny without condition on every resource, a boundary or SCP that allows the action nowhere.
Sources: "Policy evaluation logic", "Permissions boundaries for IAM entities", "SCP evaluation" (AWS's pages).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pipeline.access.organization import Organization
from pipeline.access.snapshots import Snapshot
from pipeline.iam.catalogue import Catalogue
from pipeline.iam.policy import Policy, Statement, parse


@dataclass(frozen=True)
class Attached:
    """A policy as it reaches a principal: `by` names it and the group it came through, `document` is AWS's own.

    `older` are versions in force before the present one, with their dates; `since` is the present one's date, if
    known.
    """

    by: str
    policy: Policy
    document: Any
    since: datetime | None = None
    older: tuple[tuple[datetime, Policy], ...] = ()


@dataclass(frozen=True)
class Grant:
    """Actions one statement allows on one scope. `fresh` are those its policy did not grant before `fresh_since`."""

    bits: int
    scope: str
    resources: tuple[str, ...]
    not_resource: bool
    by: str
    unknown: tuple[str, ...] = ()
    fresh: int = 0
    fresh_since: datetime | None = None
    sid: str | None = None


@dataclass(frozen=True)
class Block:
    """Actions something takes away for certain, and what does, in words."""

    bits: int
    reason: str


@dataclass
class Principal:
    """A user or role of the snapshot with every policy that bears on it; `item` is AWS's own JSON for it."""

    arn: str
    kind: str
    account_id: str
    name: str
    id: str | None
    path: str
    created: datetime | None
    item: dict[str, Any]
    attached: list[Attached] = field(default_factory=list)
    boundary: tuple[str, Attached | None] | None = None
    missing: list[str] = field(default_factory=list)

    @property
    def service_linked(self) -> bool:
        """Whether AWS made the role for a service: its policies cannot be changed, SCPs do not bind it."""
        return self.kind == "role" and self.path.startswith("/aws-service-role/")


class Library:
    """The snapshot's managed policies and groups by name, and its principals."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.organization = Organization(snapshot)
        # AWS's own policies are the same everywhere; accounts imported together may have shared one copy.
        self.policies = {each["Arn"]: each for each in snapshot.of("policy")}
        self._attached: dict[tuple[str, str], Attached | None] = {}
        self.groups = {(each["account_id"], each["GroupName"]): each for each in snapshot.of("group")}

    def principals(self) -> list[Principal]:
        """Every user and role, sorted by ARN."""
        made = [self._principal(each, "user") for each in self.snapshot.of("user")]
        made += [self._principal(each, "role") for each in self.snapshot.of("role")]
        return sorted(made, key=lambda each: each.arn)

    def _principal(self, item: dict[str, Any], kind: str) -> Principal:
        made = Principal(
            arn=item["Arn"],
            kind=kind,
            account_id=item["account_id"] or "",
            name=item["UserName" if kind == "user" else "RoleName"],
            id=item.get("UserId" if kind == "user" else "RoleId"),
            path=item.get("Path") or "/",
            created=moment(item.get("CreateDate")),
            item=item,
        )
        self._collect(item, made, "UserPolicyList" if kind == "user" else "RolePolicyList", "")
        for name in item.get("GroupList") or []:
            group = self.groups.get((item["account_id"], name))
            if group is None:
                made.missing.append(f"group {name}")
            else:
                self._collect(group, made, "GroupPolicyList", f" via group {name}")
        arn = (item.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        if arn:
            made.boundary = (arn, self._managed(arn, ""))
            if made.boundary[1] is None:
                made.missing.append(f"boundary {arn}")
        return made

    def _collect(self, item: dict[str, Any], made: Principal, inline: str, via: str) -> None:
        for each in item.get(inline) or []:
            document = each["PolicyDocument"]
            made.attached.append(Attached(f"inline policy {each['PolicyName']}{via}", parsed(document), document))
        for each in item.get("AttachedManagedPolicies") or []:
            found = self._managed(each["PolicyArn"], via)
            if found is None:
                made.missing.append(f"policy {each['PolicyArn']}")
            else:
                made.attached.append(found)

    def _managed(self, arn: str, via: str) -> Attached | None:
        """A managed policy as it reaches a principal; made once for all who have it."""
        key = (arn, via)
        if key not in self._attached:
            self._attached[key] = self._read(arn, via)
        return self._attached[key]

    def _read(self, arn: str, via: str) -> Attached | None:
        versions = (self.policies.get(arn) or {}).get("PolicyVersionList") or []
        present = next((each for each in versions if each.get("IsDefaultVersion") and "Document" in each), None)
        if present is None:
            return None
        older = tuple(
            (made, parsed(each["Document"]))
            for each in versions
            if each is not present and "Document" in each and (made := moment(each.get("CreateDate")))
        )
        document = present["Document"]
        return Attached(f"{arn}{via}", parsed(document), document, moment(present.get("CreateDate")), older)


def parsed(document: object) -> Policy:
    """The policy of a snapshot's document, parsed once for all who share it."""
    return _parsed(document if isinstance(document, str) else json.dumps(document, sort_keys=True))


@lru_cache(maxsize=8192)
def _parsed(text: str) -> Policy:
    return parse(text)


def moment(value: object) -> datetime | None:
    """A date of the snapshot as UTC; None where there is none or it cannot be read."""
    try:
        found = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def grants(principal: Principal, catalogue: Catalogue, start: datetime) -> Iterator[Grant]:
    """What the principal's policies allow; actions that its policies came to allow after `start` are marked fresh."""
    for attached in principal.attached:
        old = _old_bits(attached, catalogue, start)
        for statement in attached.policy.allows:
            found = statement.expand(catalogue)
            yield Grant(
                bits=found.bits,
                scope=statement.scope,
                resources=statement.resources,
                not_resource=statement.not_resource,
                by=attached.by,
                unknown=() if statement.not_action else found.unknown,
                fresh=0 if old is None else found.bits & ~old,
                fresh_since=attached.since,
                sid=statement.sid,
            )


def _old_bits(attached: Attached, catalogue: Catalogue, start: datetime) -> int | None:
    """What the version in force at `start` allowed; None where the present one is as old, or no date is known."""
    if attached.since is None or attached.since <= start:
        return None
    before = [policy for made, policy in sorted(attached.older, key=lambda each: each[0]) if made <= start]
    return allowed(before[-1].statements, catalogue) if before else 0


def allowed(statements: tuple[Statement, ...], catalogue: Catalogue) -> int:
    """Actions some statement allows somewhere."""
    bits = 0
    for statement in statements:
        if statement.allows:
            bits |= statement.expand(catalogue).bits
    return bits


def denied(statements: tuple[Statement, ...], catalogue: Catalogue) -> int:
    """Actions some statement denies on every resource without condition."""
    bits = 0
    for statement in statements:
        if not statement.allows and statement.everywhere:
            bits |= statement.expand(catalogue).bits
    return bits


def blocks(principal: Principal, organization: Organization, catalogue: Catalogue) -> list[Block]:
    """What takes actions from the principal for certain; the first that names an action is the one to tell."""
    found = []
    arn, boundary = principal.boundary or ("", None)
    if boundary is not None:
        statements = boundary.policy.statements
        bits = allowed(statements, catalogue) & ~denied(statements, catalogue)
        found.append(Block(catalogue.everything & ~bits, f"the permission boundary {arn} does not allow it"))
    if not principal.service_linked:
        found += scp_blocks(organization, principal.account_id, catalogue)
    for attached in principal.attached:
        if bits := denied(attached.policy.statements, catalogue):
            found.append(Block(bits, f"{attached.by} denies it"))
    return found


def scp_blocks(organization: Organization, account_id: str, catalogue: Catalogue) -> list[Block]:
    """What the SCPs of an account's levels take from every principal of it: denied, or allowed at no place of one."""
    found = []
    for level in organization.levels(account_id, "scp"):
        granted = 0
        for name, document in level.policies:
            statements = parsed(document).statements
            granted |= allowed(statements, catalogue)
            if bits := denied(statements, catalogue):
                found.append(Block(bits, f"the SCP {name} denies it"))
        if bits := catalogue.everything & ~granted:
            found.append(Block(bits, f"no SCP of {level.place} allows it"))
    return found
