"""Findings: matches of a rule grouped into episodes that somebody can act on, in the design's form.

An episode is what one principal did in one account under one rule without a pause longer than an hour. Its id is made
of what began it, so that it stays the same however much is added to the episode later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.detect.anomalies import SCHEMA, SEVERITIES
from pipeline.detect.sigma.rules import About

PAUSE = timedelta(hours=1)
MAX_NOTES = 20


class Row(NamedTuple):
    """One matching event: when, which, whose, where, and in a few words what."""

    time: datetime
    event_id: str
    principal_arn: str | None
    account: str | None
    region: str | None
    note: str


def episodes(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows of one principal and account, in the order of time, cut where nothing happened for longer than PAUSE."""
    groups: dict[tuple[str | None, str | None], list[Row]] = {}
    for row in sorted(rows, key=lambda each: (each.time, each.event_id)):
        episode = groups.setdefault((row.principal_arn, row.account), [])
        if episode and row.time - episode[-1].time > PAUSE:
            yield episode
            episode = groups[row.principal_arn, row.account] = []
        episode.append(row)
    yield from groups.values()


def finding(about: About, episode: list[Row], first_note: str = "") -> dict[str, Any]:
    """The finding that an episode is; its rows are in the order of time, those of one event become one."""
    by_event = {row.event_id: row for row in episode}
    principal = _single(row.principal_arn for row in episode)
    account = _single(row.account for row in episode)
    begun = "|".join(str(each) for each in (about.key, principal, account, episode[0].event_id))
    notes = list(dict.fromkeys(row.note for row in by_event.values()))
    more = [f"and {len(notes) - MAX_NOTES:,} more"] if len(notes) > MAX_NOTES else []
    return {
        "id": hashlib.sha256(begun.encode(errors="replace")).hexdigest()[:16],
        "rule": about.id,
        "title": about.title,
        "severity": about.severity,
        "status": "open",
        "principal_arn": principal,
        "account": account,
        "region": ", ".join(sorted({row.region for row in episode if row.region})),
        "first_seen": episode[0].time,
        "last_seen": episode[-1].time,
        "count": len(by_event),
        "event_ids": list(by_event),
        "evidence": [*([first_note] if first_note else []), *notes[:MAX_NOTES], *more],
        "controls": about.controls,
        "mitre": about.mitre,
        "action": " ".join(about.next_steps),
    }


def table(findings: list[dict[str, Any]]) -> pa.Table:
    """Findings as rows, the gravest first, then by time."""
    ranked = sorted(findings, key=lambda each: (SEVERITIES.index(each["severity"]), each["first_seen"], each["id"]))
    return pa.Table.from_pylist(ranked, schema=SCHEMA)


def _single(values: Iterable[str | None]) -> str | None:
    """The one value that all have; None where they differ, as in a correlation across principals."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
