"""Which events are worth reading whole: those a rule may be told of by itself, and crowds that may meet a correlation.

Most of what the parts of correlations match is daily life, far from the number that a window must hold. That can be
seen in few columns: whose the events are, when they were, and at most how many values they hold of what is counted.
Only where that may be enough are events read whole, and asked what was left open. A crowd may turn out to be none; no
window that meets its correlation is lost.
"""

from __future__ import annotations

from datetime import datetime

from pipeline.detect.kinds import TABLE as KINDS
from pipeline.detect.kinds import WINDOW, Kinds
from pipeline.detect.sigma import fields, windows
from pipeline.detect.sigma.conditions import glanced, leaves, narrow, residue
from pipeline.detect.sigma.correlations import Correlation
from pipeline.detect.sigma.rules import Rule
from pipeline.engines.duckdb import Engine

# A row a chosen event: `in_file` and `at_row` by which it is found again, the `key` of its kind, and bits `s0`… and
# `m0`… as kinds have them.
TABLE = "sigma_chosen"
# What tells an event from all others, as SQL over a row by the column that has it: its place in the lake is read far
# quicker than its id, which no two of millions share.
EVENT = {"in_file": "hash(file)", "at_row": "row"}
_ID = ", ".join([*EVENT, "key"])
_SEEN = "sigma_candidates"
_MICRO = 1_000_000
_BUSY = 10_000  # candidates from which on it pays to look for crowds first
_FEW = 0.01  # of all events: a rule open for fewer is asked only when they are read
_ANY = 1 << 31  # how many values `MANY` may be
# By a field's name the column that has its marks, and the rules for whose matches they are wanted.
Marks = dict[str, tuple[str, set[int]]]


def choose(
    engine: Engine,
    rules: list[Rule],
    correlations: list[Correlation],
    numbers: dict[str, int],
    kinds: Kinds,
    window: dict[str, datetime | None],
) -> None:
    """Makes the table `sigma_chosen`. `numbers` says by a rule's id which of `rules` it is."""
    live = [each for each in correlations if _possible(each, kinds, numbers)]
    marks = _marks(live, numbers)
    engine.drop(_SEEN, TABLE)
    try:
        many = engine.keep(_SEEN, _candidates(rules, kinds, marks), window, "rules") >= _BUSY
        shown = {number for number in kinds.live if rules[number].shown}
        chosen = [f"select {_bits(kinds, shown)} from {_SEEN} where {_may(kinds, shown)}"]
        chosen += [_crowd(each, [numbers[part] for part in each.parts], kinds, marks, many) for each in live]
        words = ", ".join(f"bit_or({name}) as {name}" for name in kinds.columns)
        engine.keep(TABLE, f"select {_ID}, {words} from ({' union all '.join(chosen)}) group by {_ID}")
    finally:
        engine.drop(_SEEN)


def _possible(correlation: Correlation, kinds: Kinds, numbers: dict[str, int]) -> bool:
    live = [numbers[part] in kinds.live for part in correlation.parts]
    return all(live) if correlation.kind == "temporal_ordered" else any(live)


def _marks(correlations: list[Correlation], numbers: dict[str, int]) -> Marks:
    """The fields that correlations group by or count: in which column their marks are kept, and for which rules."""
    found: dict[str, set[int]] = {}
    for each in correlations:
        for (part, _), name in _keys(each).items():
            found.setdefault(name, set()).add(numbers[each.parts[part]])
        if each.counted:
            found.setdefault(each.counted, set()).update(numbers[part] for part in each.parts)
    return {name: (f"x{number}", rules) for number, (name, rules) in enumerate(sorted(found.items()))}


def _keys(correlation: Correlation) -> dict[tuple[int, int], str]:
    """By part and place the keys of a group that lie in narrow columns for every part; the others are not looked at."""
    places = range(len(correlation.keys[0]))
    narrow = [place for place in places if all(fields.field(keys[place]).narrow for keys in correlation.keys)]
    return {(part, place): keys[place] for part, keys in enumerate(correlation.keys) for place in narrow}


def _candidates(rules: list[Rule], kinds: Kinds, marks: Marks) -> str:
    """SQL of every event that may meet some rule, as far as what is quick to read can tell."""
    told = []
    for name, (column, by) in marks.items():
        where = fields.field(name)
        mark = where.mark if where.narrow else f"case when {_may(kinds, by)} then {where.mark} end"
        told.append(f"{mark} as {column}")
    # What comes out of a CASE is the rows' own texts, not the dictionary of a file.
    request = f"case when {_may(kinds, set(kinds.live))} then requestParameters end"
    glance = ", ".join(f"{name}: {sql}" for name, sql in _glance(rules, kinds).items())
    some = " or ".join(f"each.{name} <> 0" for name in kinds.columns)
    found = [f"{sql} as {name}" for name, sql in EVENT.items()]
    held = ", ".join([*found, "key", "epoch_us(eventTime) as moment", *told])
    # The bits are made in a list and unnested: a filter on them would work them out twice.
    return f"""
        select * exclude (glance), {", ".join(f"glance.{name} as {name}" for name in kinds.columns)}
        from (
            select {held}, unnest(list_filter([{{{glance}}}], lambda each: {some})) as glance
            from (
                select * replace ({request} as requestParameters)
                from ({fields.ROWS}) join {KINDS} on {kinds.key} = key
                where {WINDOW}
            )
        )"""


def _glance(rules: list[Rule], kinds: Kinds) -> dict[str, str]:
    """SQL of the bits, once narrow columns and the names in a request have been looked at; what many ask, once."""
    asked: dict[tuple[str, str], int] = {}
    left = kinds.masks(set(kinds.live))
    for rule, share in kinds.open.items():
        needed = residue(rules[rule].condition, glanced)
        if share < _FEW or needed is None:
            continue
        word, bit = kinds.bit(rule)
        left[word] &= ~bit
        decided = all(narrow(each) for each in leaves(rules[rule].condition))
        into = (f"{'s' if decided else 'm'}{word}", needed)
        asked[into] = asked.get(into, 0) | bit
    bits = {f"s{word}": [f"s{word}"] for word in range(kinds.words)}
    bits |= {f"m{word}": [f"m{word} & {mask}"] for word, mask in enumerate(left)}
    for (name, needed), mask in asked.items():
        open_ = f"m{name[1:]} & {mask}"
        bits[name].append(f"case when {open_} <> 0 then case when {needed} then {open_} else 0 end else 0 end")
    return {name: " | ".join(f"({each})" for each in parts) for name, parts in bits.items()}


def _crowd(correlation: Correlation, parts: list[int], kinds: Kinds, marks: Marks, many: bool) -> str:
    """SQL of the candidates among which windows that meet the correlation may lie."""
    least, keys = correlation.least, _keys(correlation)
    matches, groups = [], [f"g{place}" for place in sorted({place for _, place in keys})]
    for part, rule in enumerate(parts):
        mine = {f"g{place}": marks[name][0] for (number, place), name in keys.items() if number == part}
        counted = marks[correlation.counted][0] if correlation.counted else f"{part + 1}::ubigint"
        held = [_bits(kinds, {rule}), "moment", f"{counted} as x", *(f"{mark} as {key}" for key, mark in mine.items())]
        asked = [_may(kinds, {rule}), *(f"{mark} is not null" for mark in mine.values())]
        matches.append(f"select {', '.join(held)} from {_SEEN} where {' and '.join(asked)}")
    every, words = " union all ".join(matches), ", ".join([_ID, *kinds.columns])
    if least is None or not many:
        return f"select {words} from ({every})"
    # Events are counted first, since it takes longer to count what differs.
    span, ambiguous = int(correlation.span.total_seconds() * _MICRO), f"{_ANY} * count(*) filter (x = {fields.MANY})"
    crowd = windows.crowded(span, groups, least, f"count(*) + {ambiguous}", "every")
    if correlation.kind != "event_count":
        different = windows.crowded(span, groups, least, f"count(distinct x) + {ambiguous}", "crowd")
        crowd = f"select * from (with crowd as ({crowd}) {different})"
    return f"select {words} from (with every as ({every}) {crowd})"


def _bits(kinds: Kinds, rules: set[int]) -> str:
    """SQL of the columns that say which event it is, and the bits of some rules."""
    masks = kinds.masks(rules)
    kept = [f"{prefix}{word} & {mask} as {prefix}{word}" for prefix in "sm" for word, mask in enumerate(masks)]
    return ", ".join([_ID, *kept])


def _may(kinds: Kinds, rules: set[int]) -> str:
    """SQL: whether a candidate may meet one of the rules."""
    return kinds.any_of(rules, "s", "m")
