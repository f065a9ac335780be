"""What a principal may do after everything that takes away: its grants less what is blocked, and what stays open.

A permission is `allowed` where some resource of its scope is allowed whatever the request brings, and `conditional`
where that hangs on condition keys, or on a resource within a boundary or SCP. What is taken away for certain is gone.
Sets of actions are bits over the catalogue, so an administrator costs no more than a reader.
Sources: "Policy evaluation logic", "Permissions boundaries for IAM entities", "SCP evaluation" (AWS's pages).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipeline.access.granted import Library, Principal, allowed, blocks, parsed
from pipeline.iam.catalogue import Catalogue
from pipeline.iam.globs import matches, overlap
from pipeline.iam.policy import Statement

ALLOWED, CONDITIONAL = "allowed", "conditional"
# What is not a key of the request stands in brackets among the conditions.
TRUST = "(the role's trust policy)"
_NAMED = 3  # resources told by name


@dataclass(frozen=True)
class Permission:
    """Actions of one scope that share their fate: `bits` of them, `decision`, the `keys` it hangs on, what limits
    them in words, and the policies that grant them."""

    bits: int
    scope: str
    decision: str
    keys: tuple[str, ...]
    limits: tuple[str, ...]
    granted_by: tuple[str, ...]


@dataclass(frozen=True)
class Limit:
    """A statement that takes `bits` away in part: a Deny, or one of those that alone allow them at a `bound`.

    `bound` names the boundary, or the level of SCPs, all of whose limits together are what it allows.
    """

    bits: int
    statement: Statement
    text: str
    keys: tuple[str, ...]
    bound: str | None = None

    def meets(self, grant: Statement) -> bool:
        """Whether some resource of the grant may be among the statement's."""
        mine = self.statement
        if mine.not_resource:
            return grant.not_resource or not all(_inside(each, mine.resources) for each in grant.resources)
        return grant.not_resource or any(overlap(one, other) for one in mine.resources for other in grant.resources)

    def holds(self, grant: Statement) -> bool:
        """Whether all resources of the grant surely are among the statement's."""
        mine = self.statement
        if "*" in mine.resources and not mine.not_resource:
            return True
        if grant.not_resource or not grant.resources:
            return False
        if mine.not_resource:
            return not any(overlap(one, other) for one in mine.resources for other in grant.resources)
        return all(_inside(each, mine.resources) for each in grant.resources)


def _inside(scope: str, patterns: Iterable[str]) -> bool:
    """Whether every text of one glob surely fits one of the patterns: its wildcards stand where that has a star."""
    return any(
        "${" not in scope + each and not ("?" in each and ("*" in scope or "?" in scope)) and matches(each, scope)
        for each in patterns
    )


class Effective:
    """Permissions of the principals of one snapshot; what the SCPs of an account take is worked out once."""

    def __init__(self, library: Library, catalogue: Catalogue) -> None:
        self.library, self.catalogue = library, catalogue
        self._scps: dict[str, list[Limit]] = {}
        self._assume = catalogue.match("sts:AssumeRole*")

    def of(self, principal: Principal) -> list[Permission]:
        """Everything the principal's own policies let it do, one entry a scope × fate, in the order of its policies.

        What a resource's own policy grants is not in it: a snapshot holds none, but for roles' trust policies.
        """
        gone = 0
        for block in blocks(principal, self.library.organization, self.catalogue):
            gone |= block.bits
        limits = self._limits(principal)
        found: list[Permission] = []
        for attached in principal.attached:
            for statement in attached.policy.allows:
                found += _split(statement, statement.expand(self.catalogue).bits & ~gone, limits, attached.by)
        return _merged([part for each in found for part in self._mandatory(each)])

    def _mandatory(self, given: Permission) -> list[Permission]:
        """Assuming a role needs the role's trust policy as well, whatever the caller's own policies say."""
        bits = given.bits & self._assume
        if not bits:
            return [given]
        keys = (*given.keys, TRUST)
        parted = replace(given, bits=bits, decision=CONDITIONAL, keys=keys)
        return [parted, replace(given, bits=given.bits & ~bits)] if given.bits & ~bits else [parted]

    def _limits(self, principal: Principal) -> list[Limit]:
        """Everything that takes something from the principal in part, wherever it is attached."""
        found: list[Limit] = []
        for attached in principal.attached:
            found += _denials(attached.policy.statements, attached.by, self.catalogue)
        arn, boundary = principal.boundary or ("", None)
        if boundary is not None:
            found += _denials(boundary.policy.statements, f"the boundary {arn}", self.catalogue)
            found += _bounds(boundary.policy.statements, f"the boundary {arn}", self.catalogue)
        return found if principal.service_linked else found + self._of_organization(principal.account_id)

    def _of_organization(self, account: str) -> list[Limit]:
        """What the SCPs of an account's levels limit in part."""
        if account not in self._scps:
            found: list[Limit] = []
            for level in self.library.organization.levels(account, "scp"):
                together: tuple[Statement, ...] = ()
                for name, document in level.policies:
                    statements = parsed(document).statements
                    together += statements
                    found += _denials(statements, f"the SCP {name}", self.catalogue)
                found += _bounds(together, f"the SCPs of {level.place}", self.catalogue)
            self._scps[account] = found
        return self._scps[account]


def actions(found: Iterable[Permission]) -> tuple[int, int]:
    """Sets of actions allowed on some resource, and of those that are only conditional."""
    sure = maybe = 0
    for each in found:
        if each.decision == ALLOWED:
            sure |= each.bits
        else:
            maybe |= each.bits
    return sure, maybe & ~sure


def _split(grant: Statement, bits: int, limits: list[Limit], by: str) -> list[Permission]:
    """One statement's actions, parted by the limits that bear on them."""
    parts: list[tuple[int, tuple[Limit, ...]]] = [(bits, ())]
    for limit in limits:
        if limit.bits & bits and (limit.bound or limit.meets(grant)):
            parts = [
                (part, mine)
                for whole, before in parts
                for part, mine in ((whole & limit.bits, (*before, limit)), (whole & ~limit.bits, before))
                if part
            ]
    made = (_permission(grant, part, mine, by) for part, mine in parts if part)
    return [each for each in made if each is not None]


def _permission(grant: Statement, bits: int, limits: tuple[Limit, ...], by: str) -> Permission | None:
    """The fate of actions that share their limits; None where nothing of them is left."""
    telling: list[Limit] = []
    cuts = narrows = 0
    for bound in dict.fromkeys(each.bound for each in limits):
        mine = [each for each in limits if each.bound == bound]
        if bound is None:
            if any(each.holds(grant) and not each.keys for each in mine):
                return None
            cuts += sum(not each.statement.not_resource for each in mine)
            narrows += sum(each.statement.not_resource for each in mine)
            telling += mine
        elif not any(each.holds(grant) and not each.keys for each in mine):
            open_ = [each for each in mine if each.meets(grant)]
            if not open_:
                return None
            narrows += 1
            telling += open_
    keys = {*_keys(grant), *(key for each in telling for key in each.keys)}
    # What two narrow scopes have in common, or one keeps from a Deny, may be nothing.
    sure = not keys and narrows < 2 and not (narrows and cuts)
    texts = tuple(dict.fromkeys(each.text for each in telling))
    return Permission(bits, grant.scope, ALLOWED if sure else CONDITIONAL, tuple(sorted(keys)), texts, (by,))


def _merged(found: list[Permission]) -> list[Permission]:
    """Entries of one scope and fate as one, where they grant the same actions or share their policies."""
    by: dict[tuple[object, ...], Permission] = {}
    for each in found:
        key = (each.scope, each.decision, each.keys, each.limits, each.granted_by)
        before = by.get(key)
        by[key] = each if before is None else Permission(before.bits | each.bits, *key)  # type: ignore[arg-type]
    return list(by.values())


def _denials(statements: tuple[Statement, ...], by: str, catalogue: Catalogue) -> list[Limit]:
    """Deny statements that do not take an action away altogether."""
    return [
        Limit(each.expand(catalogue).bits, each, f"{by} denies it{_where(each)}", _keys(each))
        for each in statements
        if not each.allows and not each.everywhere
    ]


def _bounds(statements: tuple[Statement, ...], by: str, catalogue: Catalogue) -> list[Limit]:
    """Actions that a boundary, or the SCPs of a level, allow only on some resources or under conditions."""
    free = allowed(tuple(each for each in statements if each.everywhere), catalogue)
    return [
        Limit(bits, each, f"{by} allows it only{_where(each)}", _keys(each), by)
        for each in statements
        if each.allows and not each.everywhere and (bits := each.expand(catalogue).bits & ~free)
    ]


def _keys(statement: Statement) -> tuple[str, ...]:
    """Condition keys of a statement, as written."""
    tests = statement.condition.values()
    return tuple(sorted({key for test in tests if isinstance(test, dict) for key in test}))


def _where(statement: Statement) -> str:
    """A statement's resources and condition keys, in words; nothing for every resource."""
    shown = ", ".join(statement.resources[:_NAMED])
    more = len(statement.resources) - _NAMED
    shown += f" and {more:,} more" if more > 0 else ""
    every = "*" in statement.resources and not statement.not_resource
    on = "" if every else f" on all but {shown}" if statement.not_resource else f" on {shown}"
    keys = _keys(statement)
    return on + (f" by {', '.join(keys)}" if keys else "")
