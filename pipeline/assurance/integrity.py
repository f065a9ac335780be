"""What the lake knows of its logs' integrity: the verifications kept in it, summed up for a window of time.

Each hour counts by the newest verification that looked at it, so that verifying again replaces and never adds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.assurance.logs import SLACK
from pipeline.assurance.outcome import verdict
from pipeline.assurance.problems import GAPS, Problem

if TYPE_CHECKING:
    from pipeline.engines.duckdb import Engine

_SEAM = timedelta(minutes=5)

# Digests and problems that no later verification of their chain has looked at again.
_DIGESTS = """
select d.*, r.verified_at
from lake.verified_digests as d join lake.verifications as r using (run_id, chain)
where ($start::timestamptz is null or d.end_time > $start) and ($until::timestamptz is null or d.start_time < $until)
    and not exists (select 1 from lake.verifications as n where n.chain = r.chain and n.verified_at > r.verified_at
        and n.from_time <= d.start_time and n.to_time >= d.end_time)
"""
_TOTALS = f"""
with current as ({_DIGESTS})
select chain, count(*) as digests_checked, count(*) filter (status = 'valid') as digests_valid,
    count(*) filter (status = 'unsigned') as digests_unsigned, sum(logs_listed)::bigint as logs_listed,
    sum(logs_in_lake)::bigint as logs_in_lake, sum(logs_valid)::bigint as logs_valid,
    min(start_time) as since, max(end_time) as until, max(verified_at) as verified_at
from current group by chain order by chain
"""
_SPANS = f"""
with current as ({_DIGESTS}),
broken as (
    select chain, start_time, end_time, start_time - max(end_time) over before > $seam as broken
    from current where status = 'valid' and not ends_with(chain, ' backfill')
    window before as (partition by chain order by end_time, start_time rows between unbounded preceding and 1 preceding)
),
runs as (
    select *, sum(coalesce(broken, false)::int) over (partition by chain order by end_time, start_time) as run
    from broken
)
select chain, min(start_time) as since, max(end_time) as until from runs group by chain, run order by chain, since
"""
_PROBLEMS = """
with dated as (
    select p.*, r.verified_at, coalesce(p.from_time, p.to_time) as since, coalesce(p.to_time, p.from_time) as until
    from lake.verification_problems as p join lake.verifications as r using (run_id, chain)
),
current as (
    select * from dated as p
    where ($start::timestamptz is null or until is null or until >= $start)
        and ($until::timestamptz is null or since is null or since < $until)
        and not exists (select 1 from lake.verifications as n where n.chain = p.chain and n.verified_at > p.verified_at
            and (p.since is null or (n.from_time <= p.since and n.to_time >= p.until)))
)
select chain, kind, object, arg_max(detail, verified_at) as detail, arg_max(from_time, verified_at) as since,
    arg_max(to_time, verified_at) as until
from current group by chain, kind, object order by chain, since nulls first, kind, object
"""
_NEWER = """
select count(*) as count from lake.ledger
where status = 'loaded' and ingested_at > $verified_at and not contains(uri, '_CloudTrail-Digest_')
"""


@dataclass
class Integrity:
    """The summary. `verdict` is valid, incomplete, invalid, or no_evidence where nothing was verified.

    `signed` are the spans of time over which signatures are valid without a break, `uncovered` those of the window
    for which no valid signature speaks, both (chain, begin, end). `newer_objects` counts logs that the lake has
    taken since the last verification, about which it says nothing.
    """

    verdict: str = "no_evidence"
    verified_at: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    digests_checked: int = 0
    digests_valid: int = 0
    digests_unsigned: int = 0
    logs_listed: int = 0
    logs_in_lake: int = 0
    logs_valid: int = 0
    signed: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    uncovered: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    gaps: list[Problem] = field(default_factory=list)
    newer_objects: int = 0


def integrity(engine: Engine, start: datetime | None = None, end: datetime | None = None) -> Integrity:
    """What verifications say of [start, end); without limits, of everything they looked at."""
    window = {"start": start, "until": end}
    totals = engine.rows(_TOTALS, window)
    problems = [
        Problem(row["kind"], row["object"], row["detail"], row["chain"], row["since"], row["until"])
        for row in engine.rows(_PROBLEMS, window)
    ]
    if not totals and not problems:
        return Integrity()
    found = Integrity(
        problems=[each for each in problems if each.kind not in GAPS],
        gaps=[each for each in problems if each.kind in GAPS],
        verified_at=max((row["verified_at"] for row in totals), default=None),
        since=min((row["since"] for row in totals), default=None),
        until=max((row["until"] for row in totals), default=None),
    )
    for name in ("digests_checked", "digests_valid", "digests_unsigned", "logs_listed", "logs_in_lake", "logs_valid"):
        setattr(found, name, sum(row[name] for row in totals))
    spans = engine.rows(_SPANS, window | {"seam": _SEAM})
    found.signed = [(row["chain"], row["since"], row["until"]) for row in spans]
    found.uncovered = _uncovered(totals, found.signed, start, end)
    if found.verified_at:
        found.newer_objects = engine.query(_NEWER, {"verified_at": found.verified_at})["count"][0].as_py()
    gaps = len(found.gaps) + len(found.uncovered)
    found.verdict = verdict(len(found.problems), gaps, found.digests_unsigned)
    return found


def _uncovered(
    totals: list[dict[str, Any]],
    signed: list[tuple[str, datetime, datetime]],
    start: datetime | None,
    end: datetime | None,
) -> list[tuple[str, datetime, datetime]]:
    """Parts of the window without a valid signature, chain by chain; the last hours are due only later."""
    found = []
    for row in totals:
        chain = row["chain"]
        if chain.endswith(" backfill"):
            continue
        at, last = start or row["since"], (end - SLACK if end else row["until"])
        for name, since, until in signed:
            if name == chain:
                if since - at > _SEAM:
                    found.append((chain, at, since))
                at = max(at, until)
        if last - at > _SEAM:
            found.append((chain, at, end or last))
    return found
