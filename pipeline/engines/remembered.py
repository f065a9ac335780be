"""What the last reader of a lake found out about its files, kept in `plan.json` beside them.

A table's state is the metadata file that the catalogue points to, and such a file never changes; so while every table
points where it did, the plan is the same, and neither Iceberg's metadata need be read nor pyiceberg be imported.
Only a lake with its own SQLite catalogue remembers: another catalogue would have to be asked over the network anyway.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.records.schema import TABLES

if TYPE_CHECKING:
    from pipeline.engines.snapshot import Plan
    from pipeline.lake.tables import Lake

_FORM = 2  # of the file; a program that writes another form reads no older one
_NAME = "plan.json"


def state(lake: Lake) -> str | None:
    """A text that changes with every commit to any table, and with the schemas; None where that cannot be told."""
    catalogue = Path(lake.location) / "catalog.db"
    if lake.storage.remote or lake.settings.catalog_type not in ("", "sqlite") or not catalogue.is_file():
        return None
    sql = "select table_namespace, table_name, metadata_location from iceberg_tables order by 1, 2, 3"
    try:
        with closing(sqlite3.connect(f"{catalogue.as_uri()}?mode=ro", uri=True, timeout=60)) as connection:
            pointers = connection.execute(sql).fetchall()
    except sqlite3.Error:
        return None
    schemas = [f"{name}: {schema.to_string()}" for name, schema in TABLES.items()]
    return hashlib.sha256(json.dumps([_FORM, pointers, schemas]).encode()).hexdigest()


def recall(lake: Lake, now: str | None) -> Plan | None:
    """The plan that was kept for this state of the lake; None where there is none."""
    from pipeline.engines.snapshot import Plan

    if now is None:
        return None
    try:
        kept = json.loads(lake.storage.get(f"{lake.location}/{_NAME}"))
        if kept["state"] != now:
            return None
        spans = {path: tuple(span) if span else None for path, span in kept["spans"].items()}
        mixed, snapshot, sequence = frozenset(kept["mixed"]), kept["snapshot_id"], kept["sequence"]
        rows = {name: int(number) for name, number in kept["rows"].items()}
        return Plan(kept["files"], mixed, snapshot, spans, lake.storage, sequence, kept["counts"], rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def keep(lake: Lake, now: str, plan: Plan) -> None:
    """Keeps a plan for the next reader; a lake that cannot be written is only read."""
    kept = {
        "state": now,
        "files": plan.files,
        "mixed": sorted(plan.mixed),
        "snapshot_id": plan.snapshot_id,
        "spans": plan.spans,
        "sequence": plan.sequence,
        "counts": plan.counts,
        "rows": plan.rows,
    }
    with suppress(OSError):
        lake.storage.put(f"{lake.location}/{_NAME}", json.dumps(kept).encode())
