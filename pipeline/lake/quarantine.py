"""What ingestion refused and keeps: bad records with their bytes, bad objects by their place, conflicting copies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from pipeline.lake.rewrite import scratch
from pipeline.lake.tables import Lake

SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("id", "kind", "place", "uri", "reason")],
        ("quarantined_at", pa.timestamp("us", tz="UTC")),
    ]
)


@dataclass(frozen=True)
class Entry:
    """One refused thing; `kind` is record, object or conflicting_copy.

    `place` is `object#record` for a record and the object's uri for an object.
    """

    id: str
    kind: str
    place: str
    uri: str
    reason: str
    quarantined_at: datetime


def entries(lake: Lake) -> list[Entry]:
    """What is in quarantine now, oldest first: a later row `released` closes those of its id."""
    with scratch(lake) as connection:
        rows = connection.execute(
            "select id, any_value(kind), any_value(place), any_value(uri), any_value(reason), min(quarantined_at) "
            "from read_parquet(?, union_by_name=true, hive_partitioning=false) "
            "group by id having bool_and(status = 'quarantined') order by min(quarantined_at), any_value(place)",
            [lake.files("quarantine")],
        ).fetchall()
    return [Entry(*row) for row in rows]


def raw(lake: Lake, identity: str) -> bytes:
    """The bytes of a refused record, as they stood in its object."""
    with scratch(lake) as connection:
        found = connection.execute(
            "select any_value(raw) from read_parquet(?, union_by_name=true, hive_partitioning=false) where id = ?",
            [lake.files("quarantine"), identity],
        ).fetchall()
    return bytes(found[0][0] or b"")
