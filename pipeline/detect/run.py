"""All rules over the log in one scan: which events each matches, and the findings that makes.

Most rules name an event source and an event name. So the few distinct pairs of the two are asked first, by what of
each condition the pair decides (`weakened`): a rule no pair can meet is done. Then one statement reads the log once.
Its filter takes the event names that some rule can meet, and the conditions of the rules whose pairs are many; for
each row left, a CASE a rule looks at the name before the whole condition. A filter too wide costs time, never a match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from pipeline.detect.findings import PAUSE, Row, episodes, finding
from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import sql, weakened
from pipeline.detect.sigma.correlations import Correlation, RuleSet
from pipeline.detect.sigma.literals import literal
from pipeline.detect.sigma.macros import MACROS
from pipeline.detect.sigma.rules import Rule
from pipeline.detect.sigma.windows import Hit
from pipeline.engines.duckdb import Engine
from pipeline.errors import QueryError

# A rule that so great a part of the events may meet is asked of every event: naming its events would cost more.
WIDE = 0.02
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
    detected = Detected(refused=list(rules.refused))
    asked, unfit = _askable(engine, rules.rules)
    detected.refused += unfit
    known = {each.about.id for each in asked}
    correlations = [each for each in rules.correlations if known.issuperset(each.parts)]
    names = sorted({name for each in correlations for name in _fields(each)})
    matched = matches(engine, asked, names, since, until)
    rows = _rows(matched, len(asked))
    for rule, own in zip(asked, rows, strict=True):
        if rule.shown:
            detected.findings += [finding(rule.about, each) for each in episodes(row for row, _ in own)]
    places = {rule.about.id: number for number, rule in enumerate(asked)}
    for each in correlations:
        detected.findings += _correlated(each, [rows[places[part]] for part in each.parts], names)
    return detected


def matches(
    engine: Engine, rules: list[Rule], names: list[str], since: datetime | None, until: datetime | None
) -> pa.Table:
    """One row a rule and event: `rule` (its number), the columns of `Row`, and the texts of the fields `names`."""
    engine.con.execute(MACROS)
    window = {"since": since, "until": until}
    statement = scan(rules, guards(engine, rules, window), names)
    return engine.query(statement, window, "rules") if statement else _nothing(names)


@dataclass(frozen=True)
class Guard:
    """The event names a rule can meet; None where it is asked of every event."""

    names: frozenset[str] | None


def guards(engine: Engine, rules: list[Rule], window: dict[str, Any]) -> list[Guard]:
    """What event names each rule can meet among those of the window."""
    if not rules:
        return []
    tests = ", ".join(weakened(rule.condition) or "true" for rule in rules)
    pairs = f"select eventSource, eventName, count(*) as events from events where {_WINDOW} group by all"
    found = engine.query(f"select eventName, events, [{tests}] as met from ({pairs})", window, "rules").to_pydict()
    total = sum(found["events"])
    names: list[set[str | None]] = [set() for _ in rules]
    counts = [0] * len(rules)
    for name, events, met in zip(found["eventName"], found["events"], found["met"], strict=True):
        for number, each in enumerate(met):
            if each:
                names[number].add(name)
                counts[number] += events
    # IN cannot select a missing name.
    wide = [None in given or count > total * WIDE for given, count in zip(names, counts, strict=True)]
    return [Guard(None if each else frozenset(n for n in given if n)) for each, given in zip(wide, names, strict=True)]


def scan(rules: list[Rule], guarded: list[Guard], names: list[str]) -> str:
    """The one statement that finds what every rule matches; empty where none can match anything."""
    cases: list[str] = []
    wanted: set[str] = set()
    filters: list[str] = []
    for number, (rule, guard) in enumerate(zip(rules, guarded, strict=True)):
        condition = sql(rule.condition)
        if guard.names is None:
            filters.append(condition)
            cases.append(f"case when {condition} then {number} end")
        elif guard.names:
            wanted |= guard.names
            cases.append(f"case when {_named(guard.names)} and {condition} then {number} end")
    if not cases:
        return ""
    if wanted:
        filters.insert(0, _named(wanted))
    texts = "".join(f", {fields.field(name).texts} as f{number}" for number, name in enumerate(names))
    return f"""
        select
            unnest(met) as rule, eventTime, {_ID} as event_id, principal_arn, account_id, awsRegion,
            {_NOTE} as note{texts}
        from (
            select *, list_filter([{", ".join(cases)}], lambda r: r is not null) as met
            from events
            where {_WINDOW} and ({" or ".join(filters)})
        )
        where len(met) > 0"""


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


Fielded = tuple[Row, tuple[list[str], ...]]


def _rows(matched: pa.Table, rules: int) -> list[list[Fielded]]:
    """The matches of each rule, with the texts of the fields asked for."""
    found: list[list[Fielded]] = [[] for _ in range(rules)]
    columns = [each.to_pylist() for each in matched.columns]
    for rule, *rest in zip(*columns, strict=True):
        found[rule].append((Row(*rest[:6]), tuple(rest[6:])))
    return found


def _fields(correlation: Correlation) -> Iterator[str]:
    for keys in correlation.keys:
        yield from keys
    if correlation.counted:
        yield correlation.counted


def _correlated(correlation: Correlation, parts: list[list[Fielded]], names: list[str]) -> Iterator[dict[str, Any]]:
    """The findings of one correlation: a group's stretches, joined where no more than PAUSE lies between them."""
    place: Callable[[str], int] = names.index
    groups: dict[tuple[str, ...], list[Hit]] = {}
    for number, (rows, keys) in enumerate(zip(parts, correlation.keys, strict=True)):
        wanted = [place(key) for key in keys]
        counted = place(correlation.counted) if correlation.counted else None
        for row, texts in rows:
            if all(texts[each] for each in wanted):
                group = tuple(texts[each][0] for each in wanted)
                values = tuple(texts[counted]) if counted is not None else ()
                groups.setdefault(group, []).append(Hit(row.time, row.event_id, number, values, row))
    for group, hits in sorted(groups.items()):
        hits.sort(key=lambda hit: (hit.time, hit.event_id, hit.part))
        for episode in _joined(hits, correlation.met(hits)):
            yield finding(correlation.about, episode, _told(correlation, group))


def _joined(hits: list[Hit], stretches: list[tuple[int, int]]) -> Iterator[list[Row]]:
    episode: list[Row] = []
    for first, last in stretches:
        if episode and hits[first].time - episode[-1].time > PAUSE:
            yield episode
            episode = []
        episode += [hit.row for hit in hits[first : last + 1]]
    if episode:
        yield episode


def _told(correlation: Correlation, group: tuple[str, ...]) -> str:
    named = ", ".join(f"{key} {value}" for key, value in zip(correlation.keys[0], group, strict=True))
    what = f"{correlation.kind.replace('_', ' ')} within {correlation.span}"
    return f"{what}: {named}" if named else what


def _nothing(names: list[str]) -> pa.Table:
    kinds = [("rule", pa.int32()), ("eventTime", pa.timestamp("us", tz="UTC"))]
    kinds += [(name, pa.string()) for name in ("event_id", "principal_arn", "account_id", "awsRegion", "note")]
    kinds += [(f"f{number}", pa.list_(pa.string())) for number in range(len(names))]
    return pa.table({name: pa.array([], kind) for name, kind in kinds})
