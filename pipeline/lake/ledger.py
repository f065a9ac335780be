"""The ledger: which objects were read, and what became of their records."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.lake.tables import Lake


def known_objects(lake: Lake) -> set[tuple[str, str, int]]:
    """(uri, etag, size) of every object the lake has taken or refused for good; call `roll_forward` before."""
    known: set[tuple[str, str, int]] = set()
    for path in lake.files("ledger"):
        columns: dict[str, Any] = pq.read_table(path, columns=["uri", "etag", "size"], partitioning=None).to_pydict()
        known.update(zip(columns["uri"], columns["etag"], columns["size"], strict=True))
    return known


def unknown(lake: Lake, objects: pa.Table) -> pa.Table:
    """The rows of `objects` (with uri, etag, size) that the lake has neither taken nor refused for good, in order."""
    with duckdb.connect(config={"memory_limit": "256MB", "threads": 1}) as connection:
        connection.register("objects", objects.append_column("row", pa.array(range(objects.num_rows), pa.int64())))
        rows = connection.sql(
            "select row from objects anti join read_parquet(?, union_by_name=true, hive_partitioning=false) "
            "using (uri, etag, size) order by row",
            params=[lake.files("ledger")],
        ).fetchall()
    return objects.take(pa.array([row for (row,) in rows], pa.int64()))
