"""Who can do an action, role chains included, answered from a snapshot.

A principal that can is `allowed`, or `conditional` on keys of the request. Where several ways lead to it, the surer
goes before the shorter. What the snapshot does not hold (policies of buckets, keys and other resources, of accounts
that are not in it) is not guessed: notes say so, and an answer that hangs on it is conditional.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.access.effective import ALLOWED, CONDITIONAL
from pipeline.access.granted import Principal, scp_blocks
from pipeline.access.trust import ASSUME, BY_KIND, Edge, Trust
from pipeline.access.world import Root, World, names
from pipeline.errors import UsageError
from pipeline.iam.decisions import Decision

_ROLE = re.compile(r"arn:[^:]*:iam::\d+:role/.")
_KEY = re.compile(r"arn:[^:]*:kms:[^:]*:\d+:key/")
_IDENTITY = re.compile(r"identity\[(\d+)\]$")


@dataclass(frozen=True)
class Can:
    """One principal that can; `through` are the roles it assumes for it, in order, `granted_by` the policies."""

    principal_arn: str
    kind: str
    decision: str
    conditions: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    resource_scope: str = "*"
    granted_by: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


@dataclass
class Answer:
    """Everybody who can, in order of ARN, and what the answer does not know."""

    rows: list[Can]
    notes: list[str] = field(default_factory=list)


def who_can(
    world: World,
    action: str,
    resource: str | None = None,
    account: str | None = None,
    policy: Any = None,
    direct: bool = False,
) -> Answer:
    """Everybody who can do the action on the resource; without one, on any that their policies name.

    `account` owns the resource where its ARN names none; `policy` is the resource's own. `direct` leaves role chains
    out. Raises UsageError for what is no action or ARN.
    """
    asked = _Asked(world, action, resource, account, policy)
    rows = list(asked.direct())
    trust = Trust(world)
    if resource and _ROLE.match(resource) and action.lower().startswith("sts:assumerole"):
        outside, note = _outside(trust, resource, action)
        rows += outside
        asked.notes += note
    if not direct:
        rows = _chained(trust, rows)
    order = {ALLOWED: 0, CONDITIONAL: 1}
    rows.sort(key=lambda each: (order[each.decision], each.principal_arn, each.through))
    return Answer(rows, asked.notes)


class _Asked:
    """The question, and what of it the snapshot can answer directly."""

    def __init__(self, world: World, action: str, resource: str | None, account: str | None, policy: Any) -> None:
        self.world, self.action, self.resource, self.policy = world, action, resource, policy
        self.place = world.catalogue.index.get(action.lower())
        self.account = account or (_owner(resource) if resource else None)
        self.notes: list[str] = []
        self.supposed = False
        if self.place is None:
            self._unknown()
        if resource and policy is None:
            self._own_policy(resource)

    def _unknown(self) -> None:
        near = ", ".join(self.world.catalogue.starting_with(self.action[:-1])[:3])
        if self.resource is None:
            remedy = f"perhaps {near}; or name a RESOURCE to evaluate it all the same" if near else "name a RESOURCE"
            raise UsageError(self.action, "is no action of the catalogue", remedy)
        self.notes.append(f"{self.action} is unknown to the catalogue: evaluated as it is spelt")

    def _own_policy(self, resource: str) -> None:
        """The resource's own policy: a role's is in the snapshot, a key must have one, of others nothing is known."""
        role = self.world.principals.get(resource)
        if role is not None and role.kind == "role":
            self.policy = role.item.get("AssumeRolePolicyDocument")
            return
        self.notes.append(
            "the resource's own policy is not in the snapshot: what it grants or denies, and other accounts, are "
            "left out (give it with --resource-policy)"
        )
        if _KEY.match(resource):
            # Every key has a policy; AWS's default one leaves the choice to the account's own policies.
            self.supposed = True
            root = f"arn:aws:iam::{self.account}:root"
            grant = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
            self.policy = {"Version": "2012-10-17", "Statement": [grant]}
        if self.account is None and resource != "*":
            self.notes.append(
                "which account owns the resource is not known: taken to be each caller's own (--resource-account)"
            )

    def direct(self) -> Iterator[Can]:
        """Principals that can by themselves."""
        for each in self.world.principals.values():
            if self.resource is None:
                yield from self._by_grants(each)
            elif self.policy is not None or _names(each, self.action):
                yield from self._decided(each, each.kind)
        if self.action.lower() != ASSUME.lower():
            for account in self.world.accounts:
                yield from self._root(Root(account))

    def _by_grants(self, who: Principal) -> Iterator[Can]:
        """What its policies grant of the action, scope by scope."""
        assert self.place is not None
        if not _names(who, self.action):
            return
        for each in self.world.effective.of(who):
            if each.bits >> self.place & 1:
                yield Can(who.arn, who.kind, each.decision, each.keys, (), each.scope, each.granted_by, each.limits)

    def _root(self, root: Root) -> Iterator[Can]:
        if self.resource is not None:
            yield from self._decided(root, "root")
            return
        assert self.place is not None
        taken = scp_blocks(self.world.organization, root.account_id, self.world.catalogue)
        if not any(each.bits >> self.place & 1 for each in taken):
            yield Can(root.arn, "root", ALLOWED, granted_by=("the root user has every permission",))

    def _decided(self, who: Principal | Root, kind: str) -> Iterator[Can]:
        assert self.resource is not None
        made = self.world.decide(who, self.action, self.resource, self.account, self.policy)
        if made.decision not in (ALLOWED, CONDITIONAL):
            return
        conditions = made.conditions
        if self.supposed and kind != "root":
            conditions = (*conditions, "(the key's own policy)")
        if isinstance(who, Principal) and who.boundary and who.boundary[1] is None:
            conditions = (*conditions, f"(the boundary {who.boundary[0]})")
        decision = CONDITIONAL if conditions else made.decision
        yield Can(who.arn, kind, decision, conditions, (), self.resource, _granting(who, made))


def _granting(who: Principal | Root, made: Decision) -> tuple[str, ...]:
    """Names of the policies whose Allow statements are about the request."""
    found = []
    for each in made.matched:
        place = _IDENTITY.match(each.policy)
        if each.effect == "Allow" and place and isinstance(who, Principal):
            found.append(who.attached[int(place[1])].by)
        elif each.effect == "Allow" and each.policy == "resource":
            found.append("the resource's own policy")
    if isinstance(who, Root) and not found:
        found.append("the root user has every permission")
    return tuple(dict.fromkeys(found))


def _names(who: Principal, action: str) -> bool:
    """Whether some Allow of its policies names the action."""
    lower = action.lower()
    return any(names(each, lower) for attached in who.attached for each in attached.policy.allows)


def _owner(resource: str) -> str | None:
    parts = resource.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4].isdigit() else None


def _outside(trust: Trust, role_arn: str, action: str) -> tuple[list[Can], list[str]]:
    """Callers that no snapshot holds and that may take this role by this very action; a note on other actions."""
    role = trust.world.principals.get(role_arn)
    if role is None:
        return [], []
    by = ("the resource's own policy",)
    rows, others = [], set()
    for kind, edge in trust.outsiders(role):
        called = BY_KIND.get(kind, ASSUME)
        if called.lower() == action.lower():
            rows.append(Can(edge.who, kind, edge.decision, edge.keys, (), role_arn, by))
        else:
            others.add(called)
    return rows, [f"its trust policy lets others in by {', '.join(sorted(others))}"] if others else []


def _chained(trust: Trust, rows: list[Can]) -> list[Can]:
    """The rows, and those who reach one of their roles by assuming it, link by link; the surest way of each."""
    found: dict[str, list[Can]] = {}
    for decision in (ALLOWED, CONDITIONAL):
        for each in rows:
            if each.decision == decision and (
                each.principal_arn not in found or not found[each.principal_arn][0].through
            ):
                found.setdefault(each.principal_arn, []).append(each)
        queue = [each[0] for each in found.values() if each[0].kind == "role"]
        while queue:
            following: list[Can] = []
            for reached in queue:
                for longer in _longer(trust, reached, decision):
                    if longer.principal_arn not in found:
                        found[longer.principal_arn] = [longer]
                        following += [longer] if longer.kind == "role" else []
            queue = following
    return [each for listed in found.values() for each in listed]


def _longer(trust: Trust, reached: Can, decision: str) -> Iterable[Can]:
    """The ways one link longer that end in what a role can; only those as sure as asked."""
    role = trust.world.principals[reached.principal_arn]
    edges: list[tuple[str, Edge]] = [(trust.world.principals[each.who].kind, each) for each in trust.assumers(role)]
    edges += list(trust.outsiders(role))
    for kind, edge in edges:
        both = ALLOWED if edge.decision == reached.decision == ALLOWED else CONDITIONAL
        if both == decision or decision == CONDITIONAL:
            keys = tuple(dict.fromkeys((*edge.keys, *reached.conditions)))
            through = (role.arn, *reached.through)
            yield replace(reached, principal_arn=edge.who, kind=kind, decision=both, conditions=keys, through=through)
