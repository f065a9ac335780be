"""All rules over the log in one scan: which events each matches, and the findings that makes.

Most rules name an event source and an event name. So the few distinct pairs of the two are asked first, by what of
each condition the pair decides (`weakened`): a rule no pair can meet is done. Then one statement reads the log once.
Its filter takes the event names that some rule can meet, and the conditions of the rules whose pairs are many; for
each row left, a CASE a rule looks at the name before the whole condition. A filter too wide costs time, never a match.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.detect.findings import EPISODES, Episode, finding
from pipeline.detect.run_correlations import correlated
from pipeline.detect.run_correlations import fields as fields_of
from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import sql, weakened
from pipeline.detect.sigma.correlations import RuleSet
from pipeline.detect.sigma.literals import literal
from pipeline.detect.sigma.macros import MACROS
from pipeline.detect.sigma.rules import Rule
from pipeline.engines.duckdb import Engine
from pipeline.errors import QueryError

# Where so great a part of the events has a name that a rule can meet, the name alone does not let an event in.
WIDE = 0.01
BITS = 60
_WINDOW = "($since is null or eventTime >= $since) and ($until is null or eventTime <= $until)"
_ID = "coalesce(eventID, record_sha256)"
_NOTE = (
    "concat_ws(' ', coalesce(eventName, '?'), '(' || coalesce(eventSource, '?') || ')', 'from',"
    " coalesce(sourceIPAddress, 'an unknown address'), case when outcome <> 'ok' then '– ' || outcome end)"
)


@dataclass
class Detected:
    """What was found, and the rules that could not be asked, each with place and reason."""

    findings: list[dict[str, Any]] = field(default_factory=list)
    refused: list[QueryError] = field(default_factory=list)


def detect(engine: Engine, rules: RuleSet, since: datetime | None = None, until: datetime | None = None) -> Detected:
    """The findings of every rule in a window (both ends included); None leaves it open.

    The view `events` must be there (`Catalog.install_views`).
    """
    asked, unfit = _askable(engine, rules.rules)
    numbers = {rule.about.id: number for number, rule in enumerate(asked)}
    correlations = [each for each in rules.correlations if numbers.keys() >= set(each.parts)]
    names = fields_of(correlations)
    matched = matches(engine, asked, names, since, until)
    detected = Detected(refused=rules.refused + unfit)
    detected.findings += _single_events(engine, asked, matched)
    parts = pa.array([numbers[part] for each in correlations for part in each.parts], pa.int32())
    matched = matched.filter(pc.is_in(matched["rule"], parts))
    detected.findings += correlated(correlations, numbers, matched, names)
    return detected


def _single_events(engine: Engine, rules: list[Rule], matched: pa.Table) -> list[dict[str, Any]]:
    """The findings of the rules that are told of by themselves."""
    engine.con.register("sigma_matched", matched)
    try:
        shown = [number for number, rule in enumerate(rules) if rule.shown]
        found = engine.query(EPISODES, {"rules": shown}, "rules").to_pylist()
    finally:
        engine.con.unregister("sigma_matched")
    return [finding(rules[each.pop("rule")].about, Episode(**each)) for each in found]


def matches(
    engine: Engine, rules: list[Rule], names: list[str], since: datetime | None, until: datetime | None
) -> pa.Table:
    """One row a rule and event: `rule` (its number), the columns of `Row`, and the texts of the fields `names`."""
    engine.con.execute(MACROS)
    window = {"since": since, "until": until}
    guarded = guards(engine, rules, window)
    live = [number for number, guard in enumerate(guarded) if guard.names is None or guard.names]
    if not live:
        return _nothing(names)
    return _by_rule(engine.query(scan(rules, guarded, live, names), window, "rules"), live)


def _by_rule(events: pa.Table, live: list[int]) -> pa.Table:
    """From events with the bits of the rules they match to a row a rule and event."""
    words = [np.asarray(events[f"w{number}"]) for number in range(-(-len(live) // BITS))]
    found = [np.flatnonzero((words[bit // BITS] >> bit % BITS) & 1) for bit in range(len(live))]
    numbers = np.repeat(np.array(live, np.int32), [len(each) for each in found])
    rows = events.drop_columns([f"w{number}" for number in range(len(words))]).take(np.concatenate(found))
    return rows.add_column(0, "rule", pa.array(numbers))


@dataclass(frozen=True)
class Guard:
    """The event names a rule can meet, None where they may be any; `wide` where many events have them."""

    names: frozenset[str] | None
    wide: bool


def guards(engine: Engine, rules: list[Rule], window: dict[str, Any]) -> list[Guard]:
    """What event names each rule can meet among those of the window."""
    if not rules:
        return []
    tests = [weakened(rule.condition) or "true" for rule in rules]
    pairs = f"select eventSource, eventName, count(*) as events from events where {_WINDOW} group by all"
    statement = f"select eventName, events, [{', '.join(tests)}] as met from ({pairs})"
    found = engine.query(statement, window, "rules").to_pydict()
    total = sum(found["events"])
    names: list[set[str | None]] = [set() for _ in rules]
    counts = [0] * len(rules)
    for name, events, met in zip(found["eventName"], found["events"], found["met"], strict=True):
        for number, each in enumerate(met):
            if each:
                names[number].add(name)
                counts[number] += events
    return [
        # IN cannot select a missing name
        Guard(None if None in given or weak == "true" else frozenset(filter(None, given)), count > total * WIDE)
        for weak, given, count in zip(tests, names, counts, strict=True)
    ]


def scan(rules: list[Rule], guarded: list[Guard], live: list[int], names: list[str]) -> str:
    """The one statement that finds what every rule matches, of those whose numbers are `live`.

    A row's matches are bits of a few whole numbers, `w0` and on: adding CASEs costs far less than a list a row, of
    which most are empty, and unlike arithmetic on conditions a CASE does not look at what its guard has decided.
    """
    cases: list[str] = []
    wanted: set[str] = set()
    filters: list[str] = []
    for bit, number in enumerate(live):
        guard, condition = guarded[number], sql(rules[number].condition)
        if guard.names is not None:
            condition = f"(case when {_named(guard.names)} then {condition} else false end)"
        if guard.names is None or guard.wide:
            filters.append(condition)
        else:
            wanted |= guard.names
        cases.append(f"case when {condition} then {1 << bit % BITS} else 0 end")
    if wanted:
        filters.insert(0, _named(wanted))
    words = ["(" + " + ".join(cases[at : at + BITS]) + ")::bigint" for at in range(0, len(cases), BITS)]
    met = "".join(f", {word} as w{number}" for number, word in enumerate(words))
    texts = "".join(f", {fields.field(name).texts} as f{number}" for number, name in enumerate(names))
    bits = ", ".join(f"w{number}" for number in range(len(words)))
    return f"""
        select {bits}, eventTime, {_ID} as event_id, principal_arn, account_id, awsRegion, {_NOTE} as note{texts}
        from (select *{met} from events where {_WINDOW} and ({" or ".join(filters)}))
        where {" or ".join(f"w{number} <> 0" for number in range(len(words)))}"""


def _named(names: Any) -> str:
    return f"eventName in ({', '.join(literal(each) for each in sorted(names))})"


def _askable(engine: Engine, rules: list[Rule]) -> tuple[list[Rule], list[QueryError]]:
    """The rules DuckDB takes, and for the others why not. All are bound at once, and one by one if that fails."""
    engine.con.execute(MACROS)

    def bind(some: list[Rule]) -> None:
        engine.columns(f"select [{', '.join(sql(each.condition) for each in some)}] as met from events limit 0")

    try:
        bind(rules)
        return rules, []
    except QueryError:
        pass
    fit: list[Rule] = []
    refused: list[QueryError] = []
    for rule in rules:
        try:
            bind([rule])
            fit.append(rule)
        except QueryError as error:
            refused.append(rule.document.fault(("detection",), error.problem, "mend the rule"))
    return fit, refused


def _nothing(names: list[str]) -> pa.Table:
    kinds = [("rule", pa.int32()), ("eventTime", pa.timestamp("us", tz="UTC"))]
    kinds += [(name, pa.string()) for name in ("event_id", "principal_arn", "account_id", "awsRegion", "note")]
    kinds += [(f"f{number}", pa.list_(pa.string())) for number in range(len(names))]
    return pa.table({name: pa.array([], kind) for name, kind in kinds})
