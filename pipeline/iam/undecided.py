"""What unknown condition keys leave open: a decision is conditional only where some values would change it.

Every statement that may apply hangs on literals, all of which must hold. Their outcomes are tried, one literal after
another, and a branch ends as soon as the rest cannot change the decision; so `x` and `not x` together decide, and a
key that makes no difference is not named. Sound in any case: outcomes that no value could bring about together are
tried too, which can only make a decision conditional, and past a bound of work it is called conditional outright.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    search = _Search(outcome)
    try:
        tree = search.tree(list(sure), list(undecided))
    except _Bound:
        keys = {key for _, literals in undecided for each in literals for key in each.keys}
        return ("conditional", None), _names(keys)
    if not isinstance(tree, _Branch):
        return tree, ()
    return ("conditional", None), _names(tree.keys)


def _names(keys: Iterable[str]) -> tuple[str, ...]:
    """Keys without regard to case, each in the first of its spellings."""
    found = {key.lower(): key for key in sorted(keys, reverse=True)}
    return tuple(found[key] for key in sorted(found))


class _Branch:
    """A literal whose two outcomes lead to different decisions, directly or further on."""

    def __init__(self, literal: Literal, true: Any, false: Any) -> None:
        self.keys: frozenset[str] = literal.keys
        for each in (true, false):
            self.keys |= each.keys if isinstance(each, _Branch) else frozenset()
        self.shape = (literal.atom, _shape(true), _shape(false))


def _shape(tree: Any) -> Any:
    return tree.shape if isinstance(tree, _Branch) else tree[0]


class _Search:
    def __init__(self, outcome: Callable[[Iterable[Hit]], Outcome]) -> None:
        self.outcome = outcome
        self.work = 0

    def tree(self, sure: list[Hit], undecided: list[Open]) -> Any:
        """An outcome, or a _Branch where it is open."""
        self.work += 1 + sum(len(literals) for _, literals in undecided)
        if self.work > _BOUND:
            raise _Bound
        low = self.outcome(sure)
        if low[0] == "explicit_deny":
            return low
        denies = [each for each in undecided if not each[0][0].allows]
        allows = [each for each in undecided if each[0][0].allows]
        # Allows only ever help, so what they cannot bring about together none of them can.
        helpful = allows if low[0] != "allowed" else []
        if helpful and self.outcome([*sure, *(hit for hit, _ in allows)])[0] != "allowed":
            helpful = []
        choice = denies or helpful
        if not choice:
            return low
        literal = choice[0][1][0]
        # By the atom, not by this literal: shapes are compared, and opposite signs must not look alike.
        true = self.tree(*_assume(literal, True, sure, [*denies, *helpful]))
        false = self.tree(*_assume(literal, False, sure, [*denies, *helpful]))
        return true if _shape(true) == _shape(false) else _Branch(literal, true, false)


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
