"""Which events meet which rules, kept in a table from which findings are made.

Each event is looked up among the kinds (`pipeline.detect.kinds`), which says of most rules all there is to say; what
is left is chosen by a glance at few columns (`pipeline.detect.candidates`). Here the chosen ones are read, and asked
the whole conditions of rules that are open. What is kept of an event is what a finding tells and what correlations
group by and count. The tables are DuckDB's own, which spills what does not fit.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.detect.candidates import TABLE as CHOSEN
from pipeline.detect.crowds import EVENT
from pipeline.detect.kinds import TABLE as KINDS
from pipeline.detect.kinds import Kinds, there
from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import columns, leaves, left_open, sql
from pipeline.detect.sigma.literals import joined, literal
from pipeline.detect.sigma.rules import Rule
from pipeline.engines.duckdb import Engine, quoted

TABLE = "sigma_events"
# What `pipeline.detect.findings.EPISODES` reads: a row a rule and event.
MATCHED = "sigma_matched"
_READ = "sigma_read"
_ASIDE = "sigma_aside"
# The chosen events among all.
_FOUND = f"({fields.ROWS}) join {CHOSEN} on {' and '.join(f'{sql} = {name}' for name, sql in EVENT.items())}"
_SHARES = 2
_FEW = 0.05  # of the events that are read: a wide column that is looked at in fewer is read by itself
_MANY = 200  # names from which on it does not pay to look at the name first
_ID = "coalesce(eventID, record_sha256) as event_id"
_KEPT = (
    "eventTime",
    "principal_arn",
    "account_id",
    "awsRegion",
    "eventName",
    "eventSource",
    "sourceIPAddress",
    "outcome",
)
NOTE = (
    "concat_ws(' ', coalesce(eventName, '?'), '(' || coalesce(eventSource, '?') || ')', 'from',"
    " coalesce(sourceIPAddress, 'an unknown address'), case when outcome <> 'ok' then '– ' || outcome end)"
)


@dataclass(frozen=True)
class Scanned:
    """The table `sigma_events`: a row an event that meets some rule, with bits `w0`… of those it meets.

    `texts` gives SQL of a field's value: a text, or a list of them where the field has many.
    """

    kinds: Kinds
    texts: dict[str, str]

    def met(self, rules: set[int]) -> str:
        """SQL: whether an event meets one of these rules."""
        return self.kinds.any_of(rules, "w")


def scan(engine: Engine, rules: list[Rule], kinds: Kinds, wanted: dict[str, set[int]]) -> Scanned:
    """Reads the chosen events. `wanted` names fields, and the rules for whose matches each is kept.

    They are read into a table before rules are asked, those side by side for which the same rules are open: DuckDB
    takes as long over a rule for a few rows as for thousands. Each share of them has some of all, so that no core is
    left with all that takes long.
    """
    chosen = set(there(engine, CHOSEN, kinds.live, "sm"))
    live = {name: by & chosen for name, by in wanted.items() if by & chosen}
    texts = {name: f"(null::varchar{'[]' if fields.field(name).many else ''})" for name in wanted}
    texts |= {name: name if name in _KEPT else f"f{number}" for number, name in enumerate(live)}
    left = there(engine, CHOSEN, kinds.live, "m")
    readers = _readers(rules, kinds, left, live)
    rare = _rare(engine, kinds, chosen, readers)
    try:
        together = ", ".join([f"at_row % {_SHARES}", *(f"m{word}" for word in range(kinds.words))])
        rows = _rows(kinds, {column: tests for column, tests in readers.items() if column not in rare})
        named = _named(engine, kinds.any_of(chosen, "s", "m"))
        engine.keep(_READ, f"{rows} where {named} order by {together}", place="rules")
        if rare:
            engine.keep(_ASIDE, _beside(engine, rare), place="rules")
        engine.keep(TABLE, statement(rules, kinds, left, live, bool(rare)), place="rules")
    finally:
        engine.drop(_READ, _ASIDE)
    return Scanned(kinds, texts)


def statement(rules: list[Rule], kinds: Kinds, left: list[int], wanted: dict[str, set[int]], beside: bool) -> str:
    """SQL over what was read, in which the rules that are `left` are asked of events for which they are open.

    The words are made in a list and unnested: a filter on them would work them out twice.
    """
    numbers = range(kinds.words)
    words = ", ".join(f"w{number}: {_word(rules, kinds, left, number)}" for number in numbers)
    some = " or ".join(f"each.w{number} <> 0" for number in numbers)
    told = [f"{_texts(name, kinds, by)} as f{n}" for n, (name, by) in enumerate(wanted.items()) if name not in _KEPT]
    read = f"{_READ} left join {_ASIDE} using ({', '.join(EVENT)})" if beside else _READ
    return f"""
        select {", ".join([*(f"met.w{number} as w{number}" for number in numbers), "event_id", *_KEPT, *told])}
        from (select *, unnest(list_filter([{{{words}}}], lambda each: {some})) as met from {read})"""


def matched(rules: set[int], scanned: Scanned) -> str:
    """SQL of the matches of some rules, a row a rule and event: `rule`, and what findings tell of the event."""
    kinds = scanned.kinds
    numbers = []
    for rule in sorted(rules & set(kinds.live)):
        word, value = kinds.bit(rule)
        numbers.append(f"case when w{word} & {value} <> 0 then {rule} end")
    some = f"list_filter([{', '.join(numbers)}]::int[], lambda each: each is not null)"
    return f"""
        select unnest({some}) as rule, eventTime, event_id, principal_arn, account_id, awsRegion, {NOTE} as note
        from {TABLE} where {scanned.met(rules)}"""


def _readers(rules: list[Rule], kinds: Kinds, left: list[int], wanted: dict[str, set[int]]) -> dict[str, str]:
    """The columns that somebody looks at, each with SQL of the events of which it is looked at."""
    found: dict[str, set[str]] = {}
    for rule in left:
        for each in leaves(left_open(rules[rule].condition)):
            for column in columns(each):
                found.setdefault(column, set()).add(kinds.any_of({rule}, "m"))
    for name, by in wanted.items():
        for column in fields.field(name).columns:
            found.setdefault(column, set()).add(kinds.any_of(by, "s", "m"))
    return {column: joined("or", sorted(tests)) for column, tests in sorted(found.items())}


def _rare(engine: Engine, kinds: Kinds, chosen: set[int], readers: dict[str, str]) -> dict[str, str]:
    """Those wide columns that are looked at in few of the events that are read, such as the answers to sign-ins."""
    wide = {column: test for column, test in readers.items() if column in fields.WIDE}
    shares = ", ".join(f"sum(events) filter ({test}) / sum(events)" for test in wide.values())
    sql = f"select [{shares}]::double[] as shares from {KINDS} where {kinds.any_of(chosen, 's', 'm')}"
    found = engine.query(sql, place="rules")["shares"][0].as_py() if wide else []
    return {column: wide[column] for column, share in zip(wide, found, strict=True) if (share or 0) < _FEW}


def _rows(kinds: Kinds, readers: dict[str, str]) -> str:
    """SQL of the chosen events with these columns, wide ones only where somebody looks at them."""
    held = [*EVENT, _ID, *_KEPT, *kinds.columns]
    for column, test in readers.items():
        if column in fields.WIDE:
            held.append(f"case when {test} then {column} end as {column}")
        elif column not in _KEPT:
            held.append(quoted(column))
    return f"select {', '.join(held)} from {_FOUND}"


def _beside(engine: Engine, rare: dict[str, str]) -> str:
    """SQL of these columns of the events in which they are looked at: beside the others they would be read of all."""
    some = joined("or", sorted(set(rare.values())))
    held = ", ".join([*EVENT, *(f"case when {test} then {column} end as {column}" for column, test in rare.items())])
    return f"select {held} from {_FOUND} where {some} and {_named(engine, some)}"


def _named(engine: Engine, test: str) -> str:
    """SQL: whether an event has one of the names of kinds that pass a test."""
    names = engine.query(f"select distinct name from {KINDS} where {test}", place="rules")["name"].to_pylist()
    if len(names) > _MANY:
        return "true"
    some = ", ".join(literal(name) for name in names if name is not None)
    tests = ([f"eventName in ({some})"] if some else []) + (["eventName is null"] if None in names else [])
    # DuckDB asks a list of names, or an OR, only after it has read all columns; a CASE it asks before.
    return f"case when {joined('or', tests)} then true else false end" if tests else "false"


def _word(rules: list[Rule], kinds: Kinds, left: list[int], number: int) -> str:
    """SQL of the bits of the rules that an event meets, of those in one word."""
    cases = []
    for rule in left:
        word, value = kinds.bit(rule)
        if word == number:
            met = f"case when {sql(left_open(rules[rule].condition))} then {value} else 0 end"
            cases.append(f"case when m{number} & {value} <> 0 then {met} else 0 end")
    if not cases:
        return f"s{number}"
    return f"s{number} + case when m{number} = 0 then 0 else {' + '.join(cases)} end"


def _texts(name: str, kinds: Kinds, rules: set[int]) -> str:
    """SQL of what is kept of a field, for events that some of the rules may meet."""
    where = fields.field(name)
    return f"case when {kinds.any_of(rules, 'met.w')} then {where.texts if where.many else where.sql} end"
