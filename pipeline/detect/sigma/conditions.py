"""The tree of a rule's condition, and two readings of it: SQL over a row, and what `eventSource` and `eventName` say.

Every leaf is true or false, never NULL, so that AND, OR and NOT mean what they say: `not filter` keeps a row that
lacks the filter's field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.detect.sigma.fields import WIDE, Field, Test
from pipeline.detect.sigma.literals import joined

MAX_LEAVES = 20_000


@dataclass(frozen=True)
class Leaf:
    """Whether some value of a field is met: one of the texts (`equal` folded, `exact` as they are), or one test.

    `others` are columns that the tests read besides the field's own.
    """

    field: Field
    equal: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()
    others: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.field.texts  # noqa: B018  a structure has no texts, and is refused here


@dataclass(frozen=True)
class Present:
    """Whether a field has a value."""

    field: Field


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: Node


@dataclass(frozen=True)
class Every:
    """All of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Some:
    """At least one of the parts."""

    parts: tuple[Node, ...]


Node = Leaf | Present | Not | Every | Some


def some(parts: list[Node]) -> Node:
    """At least one of the parts; leaves of one field become one, which looks for its values once."""
    leaves: dict[str, Leaf] = {}
    rest: list[Node] = []
    for each in parts:
        if not isinstance(each, Leaf):
            rest.append(each)
        elif (known := leaves.get(each.field.name)) is None:
            leaves[each.field.name] = each
        else:
            leaves[each.field.name] = Leaf(
                each.field,
                known.equal + each.equal,
                known.exact + each.exact,
                known.tests + each.tests,
                known.others | each.others,
            )
    found = [*leaves.values(), *rest]
    return found[0] if len(found) == 1 else Some(tuple(found))


def sql(node: Node) -> str:
    """The condition as SQL over a row of `events`; never NULL."""
    if isinstance(node, Leaf):
        return node.field.any(lambda value: _met(node, value))
    if isinstance(node, Present):
        return node.field.present
    if isinstance(node, Not):
        return f"(not {sql(node.part)})"
    word = "and" if isinstance(node, Every) else "or"
    cheap = [sql(each) for each in node.parts if not _costly(each)]
    costly = [sql(each) for each in node.parts if _costly(each)]
    if not cheap or not costly:
        return joined(word, cheap or costly)
    # DuckDB tries the parts of AND and OR in any order; a CASE keeps the reading of JSON for the rows that are left.
    first, rest = joined(word, cheap), joined(word, costly)
    if isinstance(node, Every):
        return f"(case when {first} then {rest} else false end)"
    return f"(case when {first} then true else {rest} end)"


def _costly(node: Node) -> bool:
    """Whether some value is looked for in JSON or a list, rather than in a column."""
    return any(each.field.many for each in leaves(node))


Known = Callable[["Leaf | Present", bool], str | None]


def anchored(leaf: Leaf | Present, negated: bool) -> str | None:
    """A leaf, or its opposite, as SQL, if it is on an anchor column alone."""
    if not leaf.field.anchor or (isinstance(leaf, Leaf) and leaf.others):
        return None
    return f"(not {sql(leaf)})" if negated else sql(leaf)


def narrow(leaf: Leaf | Present) -> bool:
    """Whether a leaf looks at columns that hold little."""
    return leaf.field.narrow and WIDE.isdisjoint(columns(leaf))


def glanced(leaf: Leaf | Present, negated: bool) -> str | None:
    """A leaf, or its opposite, as SQL, if it is on narrow columns; of one in the request whether its name is there."""
    if narrow(leaf):
        return f"(not {sql(leaf)})" if negated else sql(leaf)
    return None if negated else leaf.field.hint


def left_open(node: Node) -> Node:
    """What is still to be asked of a row of a kind for which the condition is open: not what only kinds decide.

    Of what must all be met, whatever looks at the columns of kinds alone is met by every row of such a kind.
    """
    parts = [(part, no) for part, no in _parts(node, False) if any(anchored(each, no) is None for each in leaves(part))]
    return Every(tuple(Not(part) if no else part for part, no in parts)) if parts else node


def _parts(node: Node, negated: bool) -> Iterator[tuple[Node, bool]]:
    """What must all be met, each with whether its opposite is meant."""
    if isinstance(node, Not):
        yield from _parts(node.part, not negated)
    elif isinstance(node, Some if negated else Every):
        for each in node.parts:
            yield from _parts(each, negated)
    else:
        yield node, negated


def weakened(node: Node, known: Known, negated: bool = False) -> str | None:
    """What a row that meets the condition must have in some columns, as SQL; None where that is nothing.

    Every leaf of which nothing is `known` is taken for met, whichever way it is asked, so that no row is lost.
    """
    if isinstance(node, Not):
        return weakened(node.part, known, not negated)
    if isinstance(node, Leaf | Present):
        return known(node, negated)
    parts = [weakened(each, known, negated) for each in node.parts]
    told = [each for each in parts if each is not None]
    if isinstance(node, Every) != negated:
        return joined("and", told) if told else None
    return joined("or", told) if len(told) == len(parts) else None


def tests(node: Node, value: str) -> list[str]:
    """What the condition asks of the values it finds besides whether they are some texts, as SQL of one value."""
    return [test(value) for each in leaves(node) if isinstance(each, Leaf) for test in each.tests]


def columns(leaf: Leaf | Present) -> frozenset[str]:
    """The columns of `fields.ROWS` that a leaf reads."""
    return leaf.field.columns | (leaf.others if isinstance(leaf, Leaf) else frozenset())


def leaves(node: Node) -> Iterator[Leaf | Present]:
    """Every leaf of the tree."""
    if isinstance(node, Leaf | Present):
        yield node
    else:
        for each in (node.part,) if isinstance(node, Not) else node.parts:
            yield from leaves(each)


def _met(leaf: Leaf, value: str) -> str:
    parts = []
    if leaf.equal:
        parts.append(f"lower({value}) in ({', '.join(leaf.equal)})")
    if leaf.exact:
        parts.append(f"{value} in ({', '.join(leaf.exact)})")
    return joined("or", parts + [each(value) for each in leaf.tests])
