"""What unknown condition keys leave open: a decision is conditional only where some values would change it.

Every statement that may apply hangs on literals, all of which must hold. Their outcomes are tried, one literal after
another, and a branch ends as soon as the rest cannot change the decision; so `x` and `not x` together decide, and a
key that makes no difference is not named. Sound in any case: outcomes that no value could bring about together are
tried too, which can only make a decision conditional, and past a bound of work it is called conditional outright.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.iam.conditions import Literal
from pipeline.iam.rules import Hit

Open = tuple[Hit, tuple[Literal, ...]]
Outcome = tuple[str, str | None]

# Literals looked at; what people write needs some hundreds. It bounds the depth of the search too.
_BOUND = 50_000


class _Bound(Exception):
    pass


def explore(
    outcome: Callable[[Iterable[Hit]], Outcome], sure: Sequence[Hit], undecided: Sequence[Open]
) -> tuple[Outcome, tuple[str, ...]]:
    """The outcome, and the keys it hangs on in order of name; no keys where it is the same whatever their values."""
    search = _Search(outcome, undecided)
    try:
        tree = search.tree(_compressed(sure), list(undecided))
    except _Bound:
        keys = {key for _, literals in undecided for each in literals for key in each.keys}
        return ("conditional", None), _names(keys)
    if not isinstance(tree, _Branch):
        return tree, ()
    return ("conditional", None), _names(tree.keys)


def _compressed(sure: Sequence[Hit]) -> list[Hit]:
    """The sure statements less those that add nothing to another of their place."""
    best: dict[tuple[str, int, bool], Hit] = {}
    for hit in sure:
        place = (hit[0].layer, hit[0].level, hit[0].allows)
        if place not in best or best[place][1] < hit[1]:
            best[place] = hit
    return list(best.values())


def _names(keys: Iterable[str]) -> tuple[str, ...]:
    """Keys without regard to case, each in the first of its spellings."""
    found = {key.lower(): key for key in sorted(keys, reverse=True)}
    return tuple(found[key] for key in sorted(found))


@dataclass(frozen=True)
class _Branch:
    """A literal whose two outcomes lead to different decisions; branches of one `shape` are the same function."""

    keys: frozenset[str]
    shape: int


class _Search:
    """A reduced ordered decision diagram (Bryant, "Graph-based algorithms for Boolean function manipulation").

    Its order, literals of Deny statements first, is what makes it name just the keys the decision hangs on.
    """

    def __init__(self, outcome: Callable[[Iterable[Hit]], Outcome], undecided: Sequence[Open]) -> None:
        self.outcome = outcome
        self.work = 0
        self.shapes: dict[tuple[Any, ...], int] = {}
        self.order: dict[tuple[Any, ...], int] = {}
        for _, literals in sorted(undecided, key=lambda each: each[0][0].allows):
            for literal in literals:
                self.order.setdefault(literal.atom, len(self.order))

    def tree(self, sure: list[Hit], undecided: list[Open]) -> Outcome | _Branch:
        """An outcome, or a _Branch where it is open."""
        self.work += 1 + sum(len(literals) for _, literals in undecided)
        if self.work > _BOUND:
            raise _Bound
        low = self.outcome(sure)
        if low[0] == "explicit_deny":
            return low
        open_ = [each for each in undecided if not each[0][0].allows]
        if low[0] != "allowed":
            open_ += self._helpful(sure, undecided)
        if not open_:
            return low
        # The atom, whatever the literal's own sign: shapes of branches must mean the same wherever they arise.
        literal = min((each for _, literals in open_ for each in literals), key=lambda each: self.order[each.atom])
        true = self.tree(*_assume(literal, True, sure, open_))
        false = self.tree(*_assume(literal, False, sure, open_))
        return self._branch(literal, true, false)

    def _helpful(self, sure: list[Hit], undecided: list[Open]) -> list[Open]:
        """The Allows that may still bring a permission about; they only ever help, so all together or none can."""
        best: dict[tuple[str, int], int] = {}
        for rule, grade in sure:
            # How closely a statement names the caller counts in the resource's own policy only.
            worth = int(grade) if rule.layer == "resource" else _ANY
            best[rule.layer, rule.level] = max(worth, best.get((rule.layer, rule.level), 0))
        allows = [each for each in undecided if each[0][0].allows]
        useful = [each for each in allows if each[0][1] > best.get((each[0][0].layer, each[0][0].level), 0)]
        return useful if self.outcome([*sure, *(hit for hit, _ in useful)])[0] == "allowed" else []

    def _branch(self, literal: Literal, true: Outcome | _Branch, false: Outcome | _Branch) -> Outcome | _Branch:
        ends = tuple(each.shape if isinstance(each, _Branch) else each[0] for each in (true, false))
        if ends[0] == ends[1]:
            return true
        keys = literal.keys
        for each in (true, false):
            keys |= each.keys if isinstance(each, _Branch) else frozenset()
        return _Branch(keys, self.shapes.setdefault((literal.atom, *ends), len(self.shapes)))


# More than any grade.
_ANY = 9


def _assume(literal: Literal, holds: bool, sure: list[Hit], undecided: list[Open]) -> tuple[list[Hit], list[Open]]:
    """The statements that are sure and that are open once the literal's atom is known to hold or not."""
    still: list[Open] = []
    found = list(sure)
    for hit, literals in undecided:
        if any(each.atom == literal.atom and each.sign is not holds for each in literals):
            continue
        rest = tuple(each for each in literals if each.atom != literal.atom)
        if rest:
            still.append((hit, rest))
        else:
            found.append(hit)
    return found, still
