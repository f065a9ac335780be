"""What new events change: the findings that hold at least one of them, as a run over the whole log would give them.

Events arrive late and out of order, so a new event may complete an older episode or join two. Hence the run looks
back in event time from the earliest new event, as far as windows and pauses reach, and forward to the end of the log;
where an episode may have begun before that, it looks back further. A new event can only add to what `gte` and `gt`
find; what a correlation with `lt`, `lte`, `eq` or `neq` found before may no longer hold, and is not taken back here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pipeline.detect.findings import PAUSE
from pipeline.detect.run import Detected, detect
from pipeline.detect.sigma.correlations import RuleSet
from pipeline.engines.duckdb import Engine

_FURTHER = 8  # times as far, at each further look


def detect_new(engine: Engine, rules: RuleSet, after: datetime) -> Detected:
    """The findings with an event that was ingested after an instant; those without one are as they were.

    A finding's id is made of its first event: where an event arrives that is earlier still, the finding has a new id,
    and the one it replaces shares its events.
    """
    bounds = engine.query(
        "select min(eventTime) as first, (select min(eventTime) from events) as beginning from events"
        " where ingested_at > $after",
        {"after": after},
        "rules",
    ).to_pylist()[0]
    if bounds["first"] is None:
        return Detected(refused=list(rules.refused))
    margin = PAUSE + max((each.span for each in rules.correlations), default=timedelta(0))
    reach = margin
    while True:
        begin = max(bounds["beginning"], bounds["first"] - reach)
        found = detect(engine, rules, begin)
        found.findings = _touched(engine, found, after)
        whole = begin == bounds["beginning"]
        if whole or all(each["first_seen"] - begin > margin for each in found.findings):
            return found
        reach *= _FURTHER


def _touched(engine: Engine, found: Detected, after: datetime) -> list[dict[str, object]]:
    ids = [each for finding in found.findings for each in finding["event_ids"]]
    new = engine.query(
        "select coalesce(eventID, record_sha256) as id from events"
        " where ingested_at > $after and coalesce(eventID, record_sha256) in (select unnest($ids::varchar[]))",
        {"after": after, "ids": ids},
        "rules",
    )
    known = set(new["id"].to_pylist())
    return [each for each in found.findings if not known.isdisjoint(each["event_ids"])]
