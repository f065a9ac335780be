"""What the lake holds, told by its tables' own metadata, without reading a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from pipeline.lake import compact, retention
from pipeline.lake.released import notes
from pipeline.lake.tables import Lake
from pipeline.lake.upkeep import day_of, planned
from pipeline.records.schema import TABLES

SCHEMA = pa.schema(
    [
        ("table", pa.string()),
        ("rows", pa.int64()),
        ("files", pa.int64()),
        ("bytes", pa.int64()),
        ("snapshot", pa.int64()),
        ("days", pa.int64()),
        ("snapshots", pa.int64()),
        ("metadata_bytes", pa.int64()),
    ]
)


def tables(lake: Lake) -> pa.Table:
    """One row a table: rows, data files, their bytes, the snapshot's id (null before the first commit), days (of
    `events` only), snapshots that are kept, and bytes of the metadata that every commit reads and writes."""
    rows = []
    for name in TABLES:
        table = lake.load(name)
        snapshot = table.current_snapshot()
        told = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
        row = {"table": name, "snapshot": snapshot.snapshot_id if snapshot else None}
        for column, total in (("rows", "total-records"), ("files", "total-data-files"), ("bytes", "total-files-size")):
            row[column] = int(told.get(total, 0))
        if name == "events":
            row["days"] = len({day_of(each) for each in planned(table)})
        row["snapshots"] = len(table.snapshots())
        row["metadata_bytes"] = lake.storage.size(lake.storage.path(table.metadata_location))
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@dataclass(frozen=True)
class Upkeep:
    """What there is to do: `jobs` for compaction, and files nothing needs, with those whose time is not over yet."""

    jobs: int
    files_to_merge: int
    unneeded: int
    unneeded_bytes: int
    waiting: int

    def as_text(self) -> list[str]:
        """A line for each thing that is due, none where nothing is."""
        lines = []
        if self.jobs:
            lines.append(f"{self.files_to_merge:,} files of {self.jobs:,} days or tables can be merged: lake compact")
        if self.unneeded:
            size = f"{self.unneeded_bytes / 1e6:,.1f} MB"
            lines.append(f"{self.unneeded:,} files ({size}) are needed by nothing: lake expire deletes them")
        if self.waiting:
            lines.append(f"{self.waiting:,} notes of files that were given up wait for the grace period to end")
        return lines


def upkeep(lake: Lake, now: datetime | None = None) -> Upkeep:
    """Looks through the lake's files for what upkeep is due; takes as long as listing them."""
    jobs = compact.due(lake, now)
    orphans = list(retention.unneeded(lake, now or datetime.now(UTC)))
    size = sum(each.size for each in orphans)
    return Upkeep(len(jobs), sum(len(each.files) for each in jobs), len(orphans), size, len(notes(lake)))
