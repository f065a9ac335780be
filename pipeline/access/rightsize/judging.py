"""What each statement of a policy may lose, judged over everybody whom a change of the policy would reach.

A principal's own policies are judged by its own log. A group's policy may only lose what no member uses, or may use
without the log showing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pipeline.access.granted import Principal
from pipeline.access.ground import Ground
from pipeline.access.rightsize.fates import ELSEWHERE, Fates
from pipeline.access.rightsize.holdings import Holders, Holding
from pipeline.access.rightsize.narrow import narrowed
from pipeline.access.rightsize.rewrite import Cut
from pipeline.access.rightsize.seen import Seen, elsewhere, seen
from pipeline.access.rightsize.wildcards import protected
from pipeline.iam.catalogue import Catalogue, positions
from pipeline.iam.policy import Statement


@dataclass(frozen=True)
class Options:
    """What may go beyond the default: `resources` narrows resources to those seen; `assume` are those of ASSUMPTIONS
    by which permissions go that the log could not show."""

    resources: bool = False
    assume: frozenset[str] = frozenset()


@dataclass
class Reviewed:
    """A holding with its cuts by statement index, and prefixes of services with unmapped events of those reached."""

    holding: Holding
    cuts: dict[int, Cut]
    unmapped: tuple[str, ...]
    members: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether some statement loses something."""
        return any(cut.changes for cut in self.cuts.values())


class Review:
    """Reviews the policies of one principal; remembers the fates of other members of its groups."""

    def __init__(self, ground: Ground, holders: Holders, principal: Principal, options: Options) -> None:
        self.ground, self.holders, self.principal, self.options = ground, holders, principal, options
        self.catalogue: Catalogue = ground.observe.catalogue
        self.own = Fates(ground, principal)
        self._fates: dict[str, Fates] = {principal.arn: self.own}

    def all(self) -> list[Reviewed]:
        """Every policy that reaches the principal, reviewed, in the order of its attachment."""
        return [self._reviewed(each) for each in self.holders.of(self.principal)]

    def _reviewed(self, holding: Holding) -> Reviewed:
        asked = self._asked(holding)
        unmapped = tuple(sorted({prefix for each in asked for prefix in each.unmapped}))
        statements = holding.attached.policy.allows
        cuts = {each.index: self._cut(each, asked, unmapped, holding.group is None) for each in statements}
        members = tuple(each.principal.arn for each in asked) if holding.group else ()
        return Reviewed(holding, cuts, unmapped, members)

    def _asked(self, holding: Holding) -> list[Fates]:
        """Those by whose logs a policy is judged: the principal, or every member of the group it comes through."""
        if holding.group is None:
            return [self.own]
        members = self.holders.members[(self.principal.account_id, holding.group)]
        for each in members:
            if each.arn not in self._fates:
                self._fates[each.arn] = Fates(self.ground, each)
        return [self._fates[arn] for arn in sorted(each.arn for each in members)]

    def _cut(self, statement: Statement, asked: Sequence[Fates], unmapped: Sequence[str], alone: bool) -> Cut:
        granted = statement.expand(self.catalogue).bits
        free = granted & ~protected(statement, unmapped, self.catalogue)
        drop = assumed = free
        for each in asked:
            fate = each.on(statement.scope)
            drop &= fate.drop
            assumed &= fate.drop | each.assumed(statement.scope, self.options.assume)
        assumed &= ~drop
        cut = Cut(statement, granted & ~drop & ~assumed, drop, assumed)
        if self.options.resources and alone:
            self._narrow(cut, free)
        return cut

    def _narrow(self, cut: Cut, free: int) -> None:
        """Finds fewer resources for used actions that say theirs; what shares its resources shares a statement."""
        fate = self.own.on(cut.statement.scope)
        touched: dict[int, frozenset[str] | set[str] | None] = {}
        for place in positions(cut.kept & fate.used & free):
            use = fate.judged.uses.get(place)
            if use and (use.ok or use.error):
                touched[place] = self._seen.get(place, use.touched)
        if ELSEWHERE in self.options.assume:
            for place in positions(cut.kept & (fate.blind | fate.partly) & free):
                action = self.catalogue.actions[place]
                touched[place] = elsewhere(action, self._by_service.get(action.partition(":")[0], frozenset()))
        for place, patterns in touched.items():
            if where := narrowed(cut.statement, patterns):
                cut.narrowed[where] = cut.narrowed.get(where, 0) | 1 << place

    @cached_property
    def _seen(self) -> Seen:
        return seen(self.ground, self.principal)

    @cached_property
    def _by_service(self) -> dict[str, frozenset[str]]:
        """What the principal's calls named, by service prefix."""
        found: dict[str, frozenset[str]] = {}
        for place, patterns in self._seen.items():
            prefix = self.catalogue.actions[place].partition(":")[0]
            found[prefix] = found.get(prefix, frozenset()) | patterns
        return found
