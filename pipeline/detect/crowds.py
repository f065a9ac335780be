"""Crowds: the candidates among which windows that meet a correlation may lie.

Most of what the parts of correlations match is daily life, far from the number that a window must hold. That can be
seen in few columns: whose the events are, when they were, and at most how many values they hold of what is counted.
A crowd may turn out to be none; no window that meets its correlation is lost.

Time is cut into stretches as long as a correlation's span, so that a window lies in two that follow each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.detect.kinds import BITS, Kinds
from pipeline.detect.kinds import TABLE as KINDS
from pipeline.detect.sigma import fields, windows
from pipeline.detect.sigma.correlations import Correlation
from pipeline.engines.duckdb import Engine

# A row an event that may meet a rule: which it is (`FOUND`), `moment` (microseconds), bits `s0`… and `m0`… as kinds
# have them, and marks (`Field.mark`) `x0`….
TABLE = "sigma_candidates"
# What tells an event from all others, as SQL over a row by the column that has it: its place in the lake is read far
# quicker than its id, which no two of millions share.
EVENT = {"in_file": "hash(file)", "at_row": "row"}
FOUND = ", ".join(EVENT)
_MICRO = 1_000_000
_ANY = 1 << 31  # how many values `MANY` may be
# By a field's name the column that has its marks, and the rules for whose matches they are wanted.
Marks = dict[str, tuple[str, set[int]]]


@dataclass(frozen=True)
class Sought:
    """A correlation with the numbers of its rules, its span in microseconds, and the columns of its group.

    `keys` has for each part the marks by which it is grouped, as far as they lie in narrow columns for every part; the
    others are not looked at. `counted` is the mark of what is counted, if anything is.
    """

    correlation: Correlation
    parts: list[int]
    keys: list[tuple[str, ...]]
    counted: str | None

    @property
    def span(self) -> int:
        """How far back a window looks, in microseconds."""
        return int(self.correlation.span.total_seconds() * _MICRO)


def marked(engine: Engine, correlations: Iterable[Correlation], numbers: dict[str, int], kinds: Kinds) -> Marks:
    """The fields that correlations group by or count; `numbers` says which rule an id is.

    Fields that no kind of event needs both share a column, since there are millions of candidates.
    """
    found: dict[str, set[int]] = {}
    for each in correlations:
        for part, keys in zip(each.parts, _keys(each), strict=True):
            for name in [*keys, *([each.counted] if each.counted else [])]:
                found.setdefault(name, set()).add(numbers[part])
    words = ", ".join(f"s{word} | m{word}" for word in range(kinds.words))
    every = engine.query(f"select distinct [{words}] as bits from {KINDS}")["bits"].to_pylist() if found else []
    columns: list[set[int]] = []  # by column the places in `every` of the kinds that it is taken by
    marks = {}
    for name, rules in sorted(found.items()):
        masks = kinds.masks(rules)
        mine = {n for n, bits in enumerate(every) if any(mask & bit for mask, bit in zip(masks, bits, strict=True))}
        column = next((n for n, taken in enumerate(columns) if not taken & mine), len(columns))
        columns[column:] = [columns[column] | mine, *columns[column + 1 :]] if column < len(columns) else [mine]
        marks[name] = (f"x{column}", rules)
    return marks


def crowds(
    correlations: list[Correlation], numbers: dict[str, int], kinds: Kinds, marks: Marks
) -> tuple[dict[str, str], list[str]]:
    """SQL of the crowd of each correlation, before them by its name what they read besides `TABLE`."""
    alike: dict[object, list[Sought]] = {}
    for each in correlations:
        keys = [tuple(marks[name][0] for name in names) for names in _keys(each)]
        counted = marks[each.counted][0] if each.counted else None
        sought = Sought(each, [numbers[part] for part in each.parts], keys, counted)
        alike.setdefault((sought.span, *keys), []).append(sought)
    named: dict[str, str] = {}
    found = []
    for some in (every[at : at + BITS] for every in alike.values() for at in range(0, len(every), BITS)):
        # Where a pair is enough, or parts lie in different columns, counting would leave out nothing.
        counted_first = [one for one in some if (one.correlation.least or 0) > 2 and len(set(one.keys)) == 1]
        name = f"busy{len(named)}"
        if counted_first:
            named[name] = _stretches(counted_first, kinds)
        for one in some:
            bit = 1 << counted_first.index(one) if one in counted_first else 0
            found.append(_crowd(one, kinds, f"(select * from {name} where busy & {bit} <> 0)" if bit else ""))
    return named, found


def bits(kinds: Kinds, rules: set[int]) -> str:
    """SQL of the columns that say which event it is, and the bits of some rules."""
    masks = kinds.masks(rules)
    kept = [f"{prefix}{word} & {mask} as {prefix}{word}" for prefix in "sm" for word, mask in enumerate(masks)]
    return ", ".join([FOUND, *kept])


def may(kinds: Kinds, rules: set[int]) -> str:
    """SQL: whether a candidate may meet one of the rules."""
    return kinds.any_of(rules, "s", "m")


def _keys(correlation: Correlation) -> list[list[str]]:
    """By part the keys of a group that lie in narrow columns for every part; the others are not looked at."""
    places = range(len(correlation.keys[0]))
    narrow = [place for place in places if all(fields.field(keys[place]).narrow for keys in correlation.keys)]
    return [[keys[place] for place in narrow] for keys in correlation.keys]


def _stretches(alike: list[Sought], kinds: Kinds) -> str:
    """SQL of the groups (`g0`…) and stretches in which events may be enough; bit n of `busy` stands for the n-th.

    Of two stretches that follow each other one has at least half of what a window in them holds.
    """
    columns, span = alike[0].keys[0], alike[0].span
    enough = []
    for number, each in enumerate(alike):
        most = _most(f"count(*) filter ({may(kinds, set(each.parts))})", each)
        enough.append(f"case when 2 * ({most}) >= {each.correlation.least} then {1 << number} else 0 end")
    groups = [f"{column} as g{place}" for place, column in enumerate(columns)]
    by = "".join(f"g{place}, " for place in range(len(columns)))
    asked = [may(kinds, {part for each in alike for part in each.parts}), *(f"{each} is not null" for each in columns)]
    return f"""
        select {by}unnest([stretch - 1, stretch, stretch + 1]) as stretch, busy
        from (
            select {", ".join([*groups, f"moment // {span} as stretch"])}, ({" + ".join(enough)})::bigint as busy
            from {TABLE} where {" and ".join(asked)} group by {by}stretch
        ) where busy <> 0"""


def _crowd(sought: Sought, kinds: Kinds, busy: str) -> str:
    """SQL of the crowd of one correlation, where it is known within the `busy` stretches."""
    groups, matches = [f"g{place}" for place in range(len(sought.keys[0]))], []
    for place, (part, keys) in enumerate(zip(sought.parts, sought.keys, strict=True)):
        named = dict(zip(groups, keys, strict=True))
        x = sought.counted or str(1 << place if sought.correlation.by_parts else place)
        held = [bits(kinds, {part}), "moment", f"{x} as x"]
        held += [f"{column} as {group}" for group, column in named.items()]
        same = [f"busy.{group} = {column}" for group, column in named.items()]
        within = f"semi join {busy} as busy on {' and '.join([*same, f'stretch = moment // {sought.span}'])}"
        asked = " and ".join([may(kinds, {part}), *(f"{column} is not null" for column in keys)])
        matches.append(f"select {', '.join(held)} from {TABLE} {within if busy else ''} where {asked}")
    every, words = " union all ".join(matches), ", ".join([FOUND, *kinds.columns])
    correlation = sought.correlation
    if correlation.least is None:
        return f"select {words} from ({every})"
    if correlation.by_parts:
        crowd = windows.crowded(sought.span, groups, correlation.least, "bit_or(x)", "every", windows.PARTS)
    else:
        number = _most("count(*)" if correlation.kind == "event_count" else "count(distinct x)", sought, "x")
        crowd = windows.crowded(sought.span, groups, correlation.least, number, "every")
    return f"select {words} from (with every as ({every}) {crowd})"


def _most(number: str, sought: Sought, mark: str = "") -> str:
    """SQL of how many values a group of rows may hold, of which `number` is SQL if each holds one at most."""
    counted = sought.correlation.counted
    if counted is None or fields.field(counted).narrow:
        return number
    return f"case when bool_or({mark or sought.counted} = {fields.MANY}) then {_ANY} else {number} end"
