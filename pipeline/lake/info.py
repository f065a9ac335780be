"""What the lake holds, told by its tables' own metadata, without reading a row."""

from __future__ import annotations

import pyarrow as pa

from pipeline.lake.tables import Lake
from pipeline.records.schema import TABLES

SCHEMA = pa.schema(
    [
        ("table", pa.string()),
        ("rows", pa.int64()),
        ("files", pa.int64()),
        ("bytes", pa.int64()),
        ("snapshot", pa.int64()),
    ]
)


def tables(lake: Lake) -> pa.Table:
    """One row a table: rows, data files, their bytes, and the snapshot's id (null before the first commit)."""
    rows = []
    for name in TABLES:
        snapshot = lake.load(name).current_snapshot()
        told = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
        row = {"table": name, "snapshot": snapshot.snapshot_id if snapshot else None}
        for column, total in (("rows", "total-records"), ("files", "total-data-files"), ("bytes", "total-files-size")):
            row[column] = int(told.get(total, 0))
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=SCHEMA)
