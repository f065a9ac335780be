"""What new events change: the findings that hold at least one of them, as a run over the whole log would give them.

Events arrive late and out of order, so a new event may complete an older episode or join two. Hence the run looks
back in event time from the earliest new event, as far as windows and pauses reach, and forward to the end of the log;
where an episode may have begun before that, it looks back further. That is enough for rules to which a new event can
only add (`adds_only`). What a correlation with `lt`, `lte`, `eq` or `neq` found before may no longer hold: those are
asked about the whole log.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.detect.findings import PAUSE
from pipeline.detect.run import Detected, detect
from pipeline.detect.sigma.correlations import Correlation, RuleSet
from pipeline.engines.duckdb import Engine
from pipeline.times import shifted

_FURTHER = 8  # times as far, at each further look
_ADDING = ("gte", "gt")
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Found(Detected):
    """What was found, and all that stands: the ids of every finding that begins after `since` (None: of all)."""

    standing: frozenset[str] = field(default_factory=frozenset)
    since: datetime | None = None


def adds_only(correlation: Correlation) -> bool:
    """Whether more events can only make a correlation find more."""
    return correlation.operator in _ADDING


def among(rules: RuleSet, ids: Collection[str]) -> RuleSet:
    """Those of the rules that make findings and have one of these ids, with what their correlations are about."""
    correlations = [each for each in rules.correlations if each.about.id in ids]
    parts = {part for each in correlations for part in each.parts}
    told = [replace(each, shown=each.shown and each.about.id in ids) for each in rules.rules]
    return RuleSet([each for each in told if each.shown or each.about.id in parts], correlations, [])


def detect_all(engine: Engine, rules: RuleSet) -> Found:
    """The findings of the whole log."""
    found = detect(engine, rules)
    return Found(found.findings, found.refused, _ids(found.findings))


def detect_new(engine: Engine, rules: RuleSet, batches: Collection[str]) -> Found:
    """The findings with an event that came with one of these batches; those without one are as they were.

    A finding's id is made of its first event: where an event arrives that is earlier still, the finding has a new id,
    and the one it replaces, which shares its events, does not stand any more.
    """
    bounds = engine.query(
        "select min(eventTime) filter (coalesce(batch_id, '') in (select unnest($batches::varchar[]))) as first,"
        " min(eventTime) as beginning from events",
        {"batches": sorted(batches)},
        "rules",
    ).to_pylist()[0]
    if bounds["first"] is None:
        return Found(refused=list(rules.refused), since=_NEVER)
    margin = PAUSE + max((each.span for each in rules.correlations), default=timedelta(0))
    reach = margin
    while True:
        begin = max(bounds["beginning"], shifted(bounds["first"], -reach))
        found = detect(engine, rules, begin)
        whole = begin == bounds["beginning"]
        touched = _touched(engine, found, batches)
        if whole or all(each["first_seen"] - begin > margin for each in touched):
            since = None if whole else begin + margin
            return Found(touched, found.refused, _ids(found.findings), since)
        reach *= _FURTHER


def _touched(engine: Engine, found: Detected, batches: Collection[str]) -> list[dict[str, Any]]:
    """Those of the findings that have an event of one of the batches."""
    ids = [each for finding in found.findings for each in finding["event_ids"]]
    new = engine.query(
        "select coalesce(eventID, record_sha256) as id from events"
        " where coalesce(batch_id, '') in (select unnest($batches::varchar[]))"
        " and coalesce(eventID, record_sha256) in (select unnest($ids::varchar[]))",
        {"batches": sorted(batches), "ids": ids},
        "rules",
    )
    known = set(new["id"].to_pylist())
    return [each for each in found.findings if not known.isdisjoint(each["event_ids"])]


def _ids(findings: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(each["id"] for each in findings)
