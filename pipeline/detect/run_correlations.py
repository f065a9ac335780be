"""Correlations over the events that their rules met: groups, windows, and the findings they make.

Each is one statement over the table of the scan, so that millions of matches are DuckDB's to hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.detect.findings import MAX_NOTES, PAUSE, Episode, finding
from pipeline.detect.scan import NOTE, TABLE, Scanned
from pipeline.detect.sigma import fields, windows
from pipeline.detect.sigma.correlations import Correlation
from pipeline.engines.duckdb import Engine

_MICRO = 1_000_000
_BUSY = 10_000  # matches from which on it pays to look first for where they are many


def wanted(correlations: list[Correlation], numbers: dict[str, int]) -> dict[str, set[int]]:
    """The fields that correlations group by or count, each with the rules whose matches need it."""
    found: dict[str, set[int]] = {}
    for each in correlations:
        for part, keys in zip(each.parts, each.keys, strict=True):
            for name in {*keys, *([each.counted] if each.counted else [])}:
                found.setdefault(name, set()).add(numbers[part])
    return dict(sorted(found.items()))


def correlated(
    engine: Engine, correlations: list[Correlation], numbers: dict[str, int], scanned: Scanned
) -> Iterator[dict[str, Any]]:
    """The findings of every correlation; `numbers` says by a rule's id which bit of the scan is that rule's."""
    counts = _counts(engine, {numbers[part] for each in correlations for part in each.parts}, scanned)
    for each in correlations:
        parts = [numbers[part] for part in each.parts]
        matches = [counts.get(part, 0) for part in parts]
        if not _possible(each, matches):
            continue
        sql = statement(each, parts, scanned, sum(matches) >= _BUSY)
        for row in engine.query(sql, {"count": each.count}, "rules").to_pylist():
            group = row.pop("keys")
            yield finding(each.about, Episode(**row), _told(each, group))


def statement(correlation: Correlation, parts: list[int], scanned: Scanned, busy: bool) -> str:
    """A correlation as SQL: the episodes of each group, with what `Episode` holds and the group's `keys`."""
    keys = [f"g{number}" for number in range(len(correlation.keys[0]))]
    span = int(correlation.span.total_seconds() * _MICRO)
    matches = " union all ".join(_matches(correlation, part, rule, scanned) for part, rule in enumerate(parts))
    least = correlation.least
    if not busy or least is None:
        hits = "from matches"
    elif correlation.by_parts:
        hits = windows.crowded(span, keys, least, "bit_or(1::ubigint << part)", both=windows.PARTS)
    else:
        hits = windows.crowded(span, keys, least, "count(distinct x)")
    if correlation.kind == "temporal_ordered":
        judged = windows.ordered(span, keys, len(parts))
    else:
        judged = windows.sliding(span, keys, _met(correlation))
    pause = int(PAUSE.total_seconds() * _MICRO)
    by = ", ".join([*keys, "episode"])
    return f"""
        with matches as ({matches}), hits as ({hits}),
        found as (select distinct {by}, event from ({windows.episodes(judged, keys, pause)})),
        told as (
            select found.*, eventTime, event_id, principal_arn, account_id, awsRegion, {NOTE} as note,
                row_number() over (partition by {by}, event_id order by eventTime) = 1 as once
            from found join {TABLE} on {TABLE}.rowid = found.event
        )
        select
            [{", ".join(keys)}]::varchar[] as keys, min(eventTime) as first_seen, max(eventTime) as last_seen,
            {_single("principal_arn")} as principal_arn, {_single("account_id")} as account,
            list(distinct awsRegion) as regions,
            list(event_id order by eventTime, event_id) filter (once) as event_ids,
            list_sort(list(distinct note))[1:{MAX_NOTES}] as notes, count(distinct note) as noted
        from told group by {by} order by keys, first_seen"""


def _matches(correlation: Correlation, part: int, rule: int, scanned: Scanned) -> str:
    """SQL of one rule's matches; one without a value for a key is in no group, of several values a key takes one."""
    keys, asked = [], [scanned.met({rule})]
    for number, name in enumerate(correlation.keys[part]):
        column = scanned.texts[name]
        key = f"{column}[1]" if fields.field(name).many else column
        keys.append(f", {key} as g{number}")
        asked.append(f"{key} is not null")
    what = {"event_count": "event_id", "value_count": _values(correlation, scanned)}.get(correlation.kind, str(part))
    return f"""
        select rowid as event, {part} as part, epoch_us(eventTime) as moment, {what} as x{"".join(keys)}
        from {TABLE} where {" and ".join(asked)}"""


def _values(correlation: Correlation, scanned: Scanned) -> str:
    """SQL of what a count of values counts, a row each; an event without one stays, as it lies in the window too."""
    if correlation.counted is None:
        return "null"
    column = scanned.texts[correlation.counted]
    if not fields.field(correlation.counted).many:
        return column
    return f"unnest(case when len({column}) > 0 then {column} else [null] end)"


def _met(correlation: Correlation) -> str:
    """SQL over the window `w`: whether what lies in it meets the correlation."""
    if correlation.sought is not None:
        return correlation.expression(lambda parts: f"count(*) filter (part = any({parts})) over w > 0")
    return f"count(distinct x) over w {windows.COMPARE[correlation.operator]} $count"


def _possible(correlation: Correlation, matches: list[int]) -> bool:
    """Whether so many matches of each part can meet it at all."""
    if correlation.kind == "temporal_ordered":
        return all(matches)
    least = correlation.least
    if least is None or (correlation.counted and fields.field(correlation.counted).many):
        return any(matches)
    return (sum(1 for each in matches if each) if correlation.kind == "temporal" else sum(matches)) >= max(least, 1)


def _counts(engine: Engine, rules: set[int], scanned: Scanned) -> dict[int, int]:
    """How many events met each of these rules."""
    live = sorted(rules & set(scanned.kinds.live))
    if not live:
        return {}
    counts = ", ".join(f"count(*) filter ({scanned.met({each})})" for each in live)
    found = engine.query(f"select [{counts}] as n from {TABLE}", place="rules")["n"][0].as_py()
    return dict(zip(live, found, strict=True))


def _single(column: str) -> str:
    """SQL: the one value that all rows have; null where they differ, as in a correlation across principals."""
    return f"case when count(distinct {column}) = 1 and count({column}) = count(*) then min({column}) end"


def _told(correlation: Correlation, group: list[str]) -> str:
    named = ", ".join(f"{key} {value}" for key, value in zip(correlation.keys[0], group, strict=True))
    what = f"{correlation.kind.replace('_', ' ')} within {correlation.span}"
    return f"{what}: {named}" if named else what
