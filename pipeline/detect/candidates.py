"""Which events are worth reading whole: those a rule may be told of by itself, and crowds that may meet a correlation.

Few columns are looked at for that (`Field.narrow`), and of a request whether it has the names that a rule asks for.
Only what is left is read whole, and asked what was left open.
"""

from __future__ import annotations

from datetime import datetime

from pipeline.detect.crowds import EVENT, FOUND, Marks, bits, crowds, marked, may
from pipeline.detect.crowds import TABLE as CANDIDATES
from pipeline.detect.kinds import TABLE as KINDS
from pipeline.detect.kinds import WINDOW, Kinds
from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import glanced, leaves, left_open, narrow, weakened
from pipeline.detect.sigma.correlations import Correlation
from pipeline.detect.sigma.rules import Rule
from pipeline.engines.duckdb import Engine

# A row a chosen event: what says which it is (`crowds.FOUND`), and bits `s0`… and `m0`… as kinds have them.
TABLE = "sigma_chosen"
_BUSY = 10_000  # candidates from which on it pays to look for crowds
_FEW = 0.01  # of all events: a rule open for fewer is asked only when they are read


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
    marks = marked(engine, live, numbers, kinds)
    engine.drop(CANDIDATES, TABLE)
    try:
        many = engine.keep(CANDIDATES, _candidates(rules, kinds, marks), window, "rules") >= _BUSY
        sought = {number for number in kinds.live if rules[number].shown}
        named: dict[str, str] = {}
        crowded: list[str] = []
        if many:
            named, crowded = crowds(live, numbers, kinds, marks)
        else:
            sought |= {numbers[part] for each in live for part in each.parts}
        chosen = [f"select {bits(kinds, sought)} from {CANDIDATES} where {may(kinds, sought)}", *crowded]
        within = f"with {', '.join(f'{name} as materialized ({sql})' for name, sql in named.items())}" if named else ""
        words = ", ".join(f"bit_or({name}) as {name}" for name in kinds.columns)
        engine.keep(TABLE, f"{within} select {FOUND}, {words} from ({' union all '.join(chosen)}) group by {FOUND}")
    finally:
        engine.drop(CANDIDATES)


def _possible(correlation: Correlation, kinds: Kinds, numbers: dict[str, int]) -> bool:
    live = [numbers[part] in kinds.live for part in correlation.parts]
    return all(live) if correlation.kind == "temporal_ordered" else any(live)


def _candidates(rules: list[Rule], kinds: Kinds, marks: Marks) -> str:
    """SQL of every event that may meet some rule, as far as what is quick to read can tell."""
    cases: dict[str, list[str]] = {}
    for name, (column, by) in marks.items():
        cases.setdefault(column, []).append(f"when {may(kinds, by)} then {fields.field(name).mark}")
    told = [f"case {' '.join(each)} end as {column}" for column, each in cases.items()]
    # What comes out of a CASE is the rows' own texts, not the dictionary of a file.
    request = f"case when {may(kinds, set(kinds.live))} then requestParameters end"
    glance = ", ".join(f"{name}: {sql}" for name, sql in _glance(rules, kinds).items())
    some = " or ".join(f"each.{name} <> 0" for name in kinds.columns)
    found = [f"{sql} as {name}" for name, sql in EVENT.items()]
    held = ", ".join([*found, "epoch_us(eventTime) as moment", *told])
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
        needed = weakened(left_open(rules[rule].condition), glanced)
        if share < _FEW or needed is None:
            continue
        word, bit = kinds.bit(rule)
        left[word] &= ~bit
        decided = all(narrow(each) for each in leaves(rules[rule].condition))
        into = (f"{'s' if decided else 'm'}{word}", needed)
        asked[into] = asked.get(into, 0) | bit
    words = {f"s{word}": [f"s{word}"] for word in range(kinds.words)}
    words |= {f"m{word}": [f"m{word} & {mask}"] for word, mask in enumerate(left)}
    for (name, needed), mask in asked.items():
        open_ = f"m{name[1:]} & {mask}"
        words[name].append(f"case when {open_} <> 0 then case when {needed} then {open_} else 0 end else 0 end")
    return {name: " | ".join(f"({each})" for each in parts) for name, parts in words.items()}
