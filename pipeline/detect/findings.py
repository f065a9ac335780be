"""Findings: matches of a rule grouped into episodes that somebody can act on, in the design's form.

An episode is what one principal did in one account under one rule without a pause longer than an hour. Its id is made
of what began it, so that it stays the same however much is added to the episode later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pipeline.detect.sigma.rules import About

PAUSE = timedelta(hours=1)
MAX_NOTES = 20

# Episodes of the matches in `sigma_matched`, those of rules whose numbers are $rules.
EPISODES = f"""
    with parted as (
        select *, coalesce(eventTime - lag(eventTime) over whose > interval '{PAUSE.total_seconds():.0f} seconds', true)
            as begins
        from sigma_matched
        where rule in (select unnest($rules))
        window whose as (partition by rule, principal_arn, account_id order by eventTime, event_id)
    ), numbered as (
        select *, count(*) filter (begins) over whose as episode
        from parted
        window whose as (partition by rule, principal_arn, account_id order by eventTime, event_id)
    )
    select
        rule, min(eventTime) as first_seen, max(eventTime) as last_seen, principal_arn, account_id as account,
        list(distinct awsRegion) as regions, list(event_id order by eventTime, event_id) as event_ids,
        list_sort(list(distinct note))[1:{MAX_NOTES}] as notes, count(distinct note) as noted
    from numbered
    group by rule, principal_arn, account_id, episode"""


class Row(NamedTuple):
    """One matching event: when, which, whose, where, and in a few words what."""

    time: datetime
    event_id: str
    principal_arn: str | None
    account: str | None
    region: str | None
    note: str


class Episode(NamedTuple):
    """What belongs together: `event_ids` in the order of time; `notes` are some of so many different ones (`noted`)."""

    first_seen: datetime
    last_seen: datetime
    principal_arn: str | None
    account: str | None
    regions: list[str | None]
    event_ids: list[str]
    notes: list[str]
    noted: int


def episode(rows: list[Row]) -> Episode:
    """The episode of rows in the order of time; those of one event count once."""
    by_event = {row.event_id: row for row in rows}
    notes = sorted({row.note for row in by_event.values()})
    return Episode(
        rows[0].time,
        rows[-1].time,
        _single(row.principal_arn for row in rows),
        _single(row.account for row in rows),
        [row.region for row in rows],
        list(by_event),
        notes[:MAX_NOTES],
        len(notes),
    )


def finding(about: About, found: Episode, first_note: str = "") -> dict[str, Any]:
    """The finding that an episode is."""
    begun = "|".join(str(each) for each in (about.key, found.principal_arn, found.account, found.event_ids[0]))
    left = found.noted - len(found.notes)
    return {
        "id": hashlib.sha256(begun.encode(errors="replace")).hexdigest()[:16],
        "rule": about.id,
        "title": about.title,
        "severity": about.severity,
        "status": "open",
        "principal_arn": found.principal_arn,
        "account": found.account,
        "region": ", ".join(sorted({each for each in found.regions if each})),
        "first_seen": found.first_seen,
        "last_seen": found.last_seen,
        "count": len(found.event_ids),
        "event_ids": found.event_ids,
        "evidence": [*([first_note] if first_note else []), *found.notes, *([f"and {left:,} more"] if left else [])],
        "controls": about.controls,
        "mitre": about.mitre,
        "action": " ".join(about.next_steps),
    }


def _single(values: Iterable[str | None]) -> str | None:
    """The one value that all have; None where they differ, as in a correlation across principals."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
