"""The ledger: which objects were read, and what became of their records."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from pipeline.lake.rewrite import READ, scratch
from pipeline.lake.tables import Lake

# What tells objects apart: a changed object has another etag, and is read as a new one.
OBJECT = pa.schema([("uri", pa.string()), ("etag", pa.string()), ("size", pa.int64())])


def unknown(lake: Lake, listing: pa.Table) -> pa.Array:
    """One bool a row of `listing` (schema OBJECT): whether the lake has neither taken nor refused that object.

    Call `roll_forward` before. The ledger is read column by column and never held whole.
    """
    fresh = pa.array(range(listing.num_rows), pa.int64())
    files = lake.files("ledger")
    if len(files) > 1 and listing.num_rows:
        listing = listing.select(OBJECT.names).append_column("row", fresh)
        with scratch(lake) as connection:
            connection.register("listing", listing)
            fresh = _unmatched(connection, files)
    mask = bytearray(listing.num_rows)
    for row in fresh.to_pylist():
        mask[row] = 1
    return pa.array(map(bool, mask), pa.bool_())


def _unmatched(connection: duckdb.DuckDBPyConnection, files: list[str]) -> pa.ChunkedArray:
    sql = (
        f"select w.row from listing w anti join {READ} l on w.uri = l.uri "
        "and w.etag is not distinct from l.etag and w.size is not distinct from l.size"
    )
    return connection.sql(sql, params=[files]).to_arrow_table()["row"]


def known_objects(lake: Lake) -> set[tuple[str, str, int]]:
    """(uri, etag, size) of every object the lake has taken or refused for good; call `roll_forward` before.

    The whole ledger in memory: for few objects, or where there is no listing to ask `unknown` about.
    """
    known: set[tuple[str, str, int]] = set()
    for path in lake.files("ledger"):
        columns: dict[str, Any] = lake.storage.read(path, OBJECT.names).to_pydict()
        known.update(zip(columns["uri"], columns["etag"], columns["size"], strict=True))
    return known
