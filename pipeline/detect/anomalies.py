"""Findings from the questions of queries/anomalies: rows that stand out, grouped into episodes somebody can act on.

An episode is what one principal did in one account under one rule without a pause longer than a week. Its id is made
of what began it, so that the same episode keeps its id however much is added to it later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog, Query
from pipeline.engines.duckdb import Engine
from pipeline.times import iso

PAUSE = timedelta(days=7)
SEVERITIES = ("critical", "high", "medium", "low", "informational")
_BEGINNING = "0001-01-01T00:00:00Z"

SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("id", "rule", "title", "severity", "status", "principal_arn")],
        ("account", pa.string()),
        ("region", pa.string()),
        ("first_seen", pa.timestamp("us", tz="UTC")),
        ("last_seen", pa.timestamp("us", tz="UTC")),
        ("count", pa.int64()),
        ("event_ids", pa.list_(pa.string())),
        ("evidence", pa.list_(pa.string())),
        ("controls", pa.list_(pa.string())),
        ("mitre", pa.list_(pa.string())),
        ("action", pa.string()),
    ]
)


@dataclass
class Examined:
    """What was found in a window, and who could not be judged: (rule, principal, why), its history being too short."""

    since: datetime | None
    until: datetime
    findings: list[dict[str, Any]] = field(default_factory=list)
    unjudged: list[tuple[str, str, str]] = field(default_factory=list)

    def table(self) -> pa.Table:
        """The findings as rows in the design's format, the gravest first."""
        return pa.Table.from_pylist(self.findings, schema=SCHEMA)

    def reaches(self, severity: str) -> bool:
        """Whether a finding is at least as grave as `severity`."""
        grave = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return any(each["severity"] in grave for each in self.findings)


def examine(engine: Engine, catalog: Catalog, since: datetime | None, until: datetime) -> Examined:
    """Asks every anomaly question about the window; None for `since` means from the beginning of the log."""
    examined = Examined(since, until)
    window = {"since": iso(since) if since else _BEGINNING, "until": until.isoformat()}
    for query in catalog.queries.values():
        if not query.id.startswith("anomalies/"):
            continue
        rows = catalog.run(engine, query.id, window, until).to_pylist()
        for row in rows:
            if not row["baseline"]:
                examined.unjudged.append((query.id, row["principal_arn"], row["detail"]))
        for episode in _episodes([row for row in rows if row["baseline"]]):
            examined.findings.append(_finding(query, episode))
    examined.findings.sort(key=lambda each: (SEVERITIES.index(each["severity"]), each["first_seen"], each["id"]))
    return examined


def _episodes(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows of one principal and account, in the order of time, cut where nothing happened for PAUSE."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda each: each["eventTime"]):
        episode = groups.setdefault((row["principal_arn"], row["account_id"]), [])
        if episode and row["eventTime"] - episode[-1]["eventTime"] > PAUSE:
            yield episode
            episode = groups[row["principal_arn"], row["account_id"]] = []
        episode.append(row)
    yield from groups.values()


def _finding(query: Query, episode: list[dict[str, Any]]) -> dict[str, Any]:
    first = episode[0]
    begun = "|".join(str(each) for each in (query.id, first["principal_arn"], first["account_id"], first["eventID"]))
    regions = sorted({row["awsRegion"] for row in episode if row["awsRegion"]})
    return {
        "id": hashlib.sha256(begun.encode()).hexdigest()[:16],
        "rule": query.id,
        "title": query.title,
        "severity": min((row.get("severity") or query.severity for row in episode), key=SEVERITIES.index),
        "status": "open",
        "principal_arn": first["principal_arn"],
        "account": first["account_id"],
        "region": ", ".join(regions),
        "first_seen": first["eventTime"],
        "last_seen": episode[-1]["eventTime"],
        "count": len(episode),
        "event_ids": [row["eventID"] for row in episode],
        "evidence": list(dict.fromkeys(row["detail"] for row in episode)),
        "controls": query.controls,
        "mitre": query.mitre,
        "action": query.action,
    }
