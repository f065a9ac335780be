"""Who may become which role: trust policies evaluated against everybody in the snapshot, and those outside it.

An edge leads from a principal to a role it may assume. Outsiders are what trust policies name that no snapshot
holds: services, identity providers, other accounts, everybody. Sources: "How to use trust policies with IAM roles",
"AWS STS AssumeRole" (the root user cannot assume roles).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.access.granted import Principal, parsed
from pipeline.access.world import World, names
from pipeline.errors import PolicyError, UsageError
from pipeline.iam.decisions import request
from pipeline.iam.evaluate import Evaluator
from pipeline.iam.globs import overlap
from pipeline.iam.policy import Policy, Statement

ASSUME = "sts:AssumeRole"
# The action by which each kind of outsider takes a role; all others call sts:AssumeRole.
BY_KIND = {"service": ASSUME, "saml": "sts:AssumeRoleWithSAML", "web_identity": "sts:AssumeRoleWithWebIdentity"}


@dataclass(frozen=True)
class Edge:
    """`who` may assume `role`; `decision` is allowed or conditional, the latter on `keys`."""

    who: str
    role: str
    decision: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Trusted:
    """What a trust policy's Allow statements name: ARNs and account ids under AWS, the rest by kind."""

    names: frozenset[str]
    accounts: frozenset[str]
    everybody: bool
    outside: frozenset[tuple[str, str]]


class Trust:
    """The trust policies of a world's roles."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._edges: dict[tuple[str, str], Edge | None] = {}
        self._named: dict[str, Trusted] = {}

    @cached_property
    def _callers(self) -> list[Principal]:
        """Principals some policy of which allows sts:AssumeRole."""
        return [each for each in self.world.principals.values() if any(_assumed(each))]

    def assumers(self, role: Principal) -> list[Edge]:
        """Users and roles of the snapshot that may assume the role, in order of ARN."""
        trusted = self._trusted(role)
        # An account, or everybody, leaves the choice to identity policies, unless the policy names the caller.
        able = [each for each in self._callers if _reaches(each, role.arn)]
        found = {each.arn for each in able if trusted.everybody or each.account_id in trusted.accounts}
        found |= {name for name in trusted.names if name in self.world.principals}
        if trusted.everybody:
            found |= {each.arn for each in self.world.principals.values() if each.account_id == role.account_id}
        edges = (self.edge(self.world.principals[each], role) for each in sorted(found - {role.arn}))
        return [each for each in edges if each is not None]

    def assumable(self, who: Principal) -> list[Edge]:
        """Roles of the snapshot that the principal may assume, in order of ARN."""
        named = {each.arn: each for each in self._by_trust.get(who.arn, ())}
        open_ = self._by_trust.get("*", [])
        named |= {each.arn: each for each in open_ if each.account_id == who.account_id}
        if any(_assumed(who)):
            left = [*open_, *self._by_trust.get(who.account_id, ())]
            named |= {each.arn: each for each in left if _reaches(who, each.arn)}
        edges = (self.edge(who, role) for arn, role in sorted(named.items()) if arn != who.arn)
        return [each for each in edges if each is not None]

    @cached_property
    def _by_trust(self) -> dict[str, list[Principal]]:
        """Roles by what their trust policies name: an ARN, an account, or * for everybody."""
        found: dict[str, list[Principal]] = {}
        for role in self.world.roles:
            trusted = self._trusted(role)
            for each in {*trusted.names, *trusted.accounts, *(["*"] if trusted.everybody else [])}:
                found.setdefault(each, []).append(role)
        return found

    def _trusted(self, role: Principal) -> Trusted:
        """What a role's trust policy names; nothing where it has none that can be read."""
        if role.arn not in self._named:
            try:
                self._named[role.arn] = _named(parsed(role.item.get("AssumeRolePolicyDocument") or {}))
            except PolicyError:
                self._named[role.arn] = Trusted(frozenset(), frozenset(), False, frozenset())
        return self._named[role.arn]

    def edge(self, who: Principal, role: Principal) -> Edge | None:
        """The edge between two, if there is one."""
        key = (who.arn, role.arn)
        if key not in self._edges:
            made = self.world.decide(who, ASSUME, role.arn, role.account_id, role.item.get("AssumeRolePolicyDocument"))
            open_ = made.decision in ("allowed", "conditional")
            self._edges[key] = Edge(who.arn, role.arn, made.decision, made.conditions) if open_ else None
        return self._edges[key]

    def outsiders(self, role: Principal) -> Iterator[tuple[str, Edge]]:
        """What the trust policy lets in beside the snapshot's principals, each with its kind.

        Kinds: service, saml, web_identity, account, principal (of an account that the snapshot does not hold),
        anonymous. Edges to another account's principals are conditional: its own policies must allow too.
        """
        trusted = self._trusted(role)
        document = role.item.get("AssumeRolePolicyDocument")
        for kind, name in sorted(trusted.outside):
            who = {"service": name} if kind == "service" else {"federated": name}
            called = BY_KIND[kind]
            decision, keys = self._foreign(who, called, role, document)
            if decision:
                yield kind, Edge(name, role.arn, decision, keys)
        foreign = [(each, "principal") for each in trusted.names if each not in self.world.principals]
        foreign += [(f"arn:aws:iam::{each}:root", "account") for each in trusted.accounts]
        for name, kind in sorted(foreign):
            if name.split(":")[4:5] and name.split(":")[4] in self.world.accounts:
                continue
            yield kind, Edge(name, role.arn, "conditional", ("(policies of its account)",))
        if trusted.everybody:
            yield "anonymous", Edge("*", role.arn, "conditional", ("(policies of its account)",))

    def _foreign(self, who: dict[str, str], action: str, role: Principal, document: Any) -> tuple[str, tuple[str, ...]]:
        """The decision for a service or a federated caller; "" where it may not."""
        levels = self.world.organization.levels(role.account_id, "rcp")
        policies = {"rcps": [each.documents for each in levels], "resource": document}
        asked = {"principal": who, "action": action, "resource": role.arn, "resource_account": role.account_id}
        try:
            made = Evaluator(policies).decide(request(asked, partial=True))
        except (PolicyError, UsageError):
            return "", ()
        return (made.decision, made.conditions) if made.decision in ("allowed", "conditional") else ("", ())


def _assumed(principal: Principal) -> Iterator[Statement]:
    """Allow statements of a principal that name sts:AssumeRole."""
    for attached in principal.attached:
        for each in attached.policy.allows:
            if names(each, ASSUME.lower()):
                yield each


def _reaches(principal: Principal, arn: str) -> bool:
    """Whether some statement that lets it assume roles may be about this one; variables may stand for anything."""
    return any(
        each.not_resource or any("${" in pattern or overlap(pattern, arn) for pattern in each.resources)
        for each in _assumed(principal)
    )


def _named(policy: Policy) -> Trusted:
    names: set[str] = set()
    accounts: set[str] = set()
    outside: set[tuple[str, str]] = set()
    everybody = False
    for statement in policy.allows:
        given = statement.principal
        if statement.not_principal or given == "*":
            everybody = True
            continue
        for kind, value in given.items() if isinstance(given, dict) else ():
            for each in value if isinstance(value, list) else [value]:
                if not isinstance(each, str):
                    continue
                if kind == "Service":
                    outside.add(("service", each))
                elif kind == "Federated":
                    outside.add(("saml" if ":saml-provider/" in each else "web_identity", each))
                elif kind == "AWS" and each == "*":
                    everybody = True
                elif kind == "AWS" and (each.isdigit() or each.endswith(":root")):
                    accounts.add(each if each.isdigit() else each.split(":")[4])
                elif kind == "AWS":
                    names.add(each)
    return Trusted(frozenset(names), frozenset(accounts), everybody, frozenset(outside))
