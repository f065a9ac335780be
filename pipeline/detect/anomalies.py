"""Findings from the questions of queries/anomalies: rows that stand out, grouped into episodes somebody can act on.

Most questions give points (`most` in their header): what is unusual of one principal within a day adds up, and is one
finding where it reaches the threshold, whichever questions saw it (`pipeline.detect.baselines`). A question without
points is a rule of its own: an episode is then what one principal did in one account under that rule without a pause
longer than a week. An id is made of what began an episode, so that it stays however much is added later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog, Query
from pipeline.catalog.header import SEVERITIES
from pipeline.detect.baselines.asking import UNKNOWN, Judging, parts, prepared, scored
from pipeline.detect.baselines.scoring import Stretch, stretches
from pipeline.detect.baselines.telling import RULE, findings, folded, in_roles
from pipeline.engines.duckdb import Engine
from pipeline.times import iso

__all__ = ["SCHEMA", "SEVERITIES", "Examined", "examine"]

PAUSE = timedelta(days=7)
_BEGINNING = "0001-01-01T00:00:00Z"

# Of a finding that points made, one row a part; null for what a rule found.
PART = pa.struct(
    [
        *[(name, pa.string()) for name in ("rule", "attribute", "usual", "unusual", "class")],
        ("points", pa.int64()),
        ("first_seen", pa.timestamp("us", tz="UTC")),
    ]
)
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
        ("score", pa.int64()),
        ("parts", pa.list_(PART)),
    ]
)


@dataclass
class Examined:
    """What was found in a window, and who could not be judged: (rule, principal, why), its history being too short.

    `stretches` are all that was unusual, whatever the threshold: what a forecast counts.
    """

    since: datetime | None
    until: datetime
    findings: list[dict[str, Any]] = field(default_factory=list)
    unjudged: list[tuple[str, str, str]] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)

    def table(self) -> pa.Table:
        """The findings as rows in the design's format, the gravest first."""
        return pa.Table.from_pylist(self.findings, schema=SCHEMA)


def examine(
    engine: Engine,
    catalog: Catalog,
    since: datetime | None,
    until: datetime,
    judging: Judging | None = None,
    keep: Callable[[dict[date, pa.Table]], None] | None = None,
) -> Examined:
    """Asks every anomaly question about the window; None for `since` means from the beginning of the log.

    What is usual is learnt from the whole log before. `keep` stores habits that had to be worked out for it
    (`pipeline.lake.habits.replace_days`); without it they are forgotten again.
    """
    judging = judging or Judging()
    examined = Examined(since, until)
    window = {"since": iso(since) if since else _BEGINNING, "until": until.isoformat()}
    for query in catalog.queries.values():
        if query.id.startswith("anomalies/") and query.most is None:
            _by_rule(engine, catalog, query, window, examined)
    with prepared(engine, judging, keep):
        queries = scored(catalog)
        most = {each.id: each.most or 0 for each in queries.values()}
        examined.stretches = stretches(parts(engine, catalog, window, until), most)
        episodes = [each for stretch in examined.stretches for each in stretch.episodes(judging.threshold)]
        examined.findings += findings(engine, queries, episodes, judging, since, until)
        for row in engine.query(UNKNOWN, {"since": since or datetime.min, "until": until}, "unknown").to_pylist():
            why = f"known on {row['days']} days by {row['events']} events"
            examined.unjudged.append((RULE, row["principal_arn"], why))
    examined.findings = in_roles(folded(examined.findings, judging.budget))
    examined.findings.sort(key=lambda each: (SEVERITIES.index(each["severity"]), each["first_seen"], each["id"]))
    return examined


def _by_rule(engine: Engine, catalog: Catalog, query: Query, window: dict[str, str], examined: Examined) -> None:
    rows = catalog.run(engine, query.id, window, examined.until).to_pylist()
    for row in rows:
        if not row["baseline"]:
            examined.unjudged.append((query.id, row["principal_arn"], row["detail"]))
    for episode in _episodes([row for row in rows if row["baseline"]]):
        examined.findings.append(_finding(query, episode))


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
    grades = (row.get("severity") or query.severity or "medium" for row in episode)
    return {
        "id": hashlib.sha256(begun.encode()).hexdigest()[:16],
        "rule": query.id,
        "title": query.title,
        "severity": min(grades, key=SEVERITIES.index),
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
