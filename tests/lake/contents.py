"""What a lake holds, told so that two lakes of the same logs compare equal however they were filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.lake.tables import Lake
from pipeline.records.schema import EVENTS, PROVENANCE, USAGE_KEYS


def table(path: Path, name: str, sql: str = "select * from rows") -> pa.Table:
    """Rows of one of the lake's tables, as the newest snapshot has them."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        rows = connection.read_parquet(Lake.open(path).files(name), union_by_name=True, hive_partitioning=False)
        connection.register("rows", rows)
        return connection.sql(sql).to_arrow_table()


def contents(path: Path) -> dict[str, list[Any]]:
    """Events without their provenance, and the roll-up summed by its key; both sorted."""
    columns = ", ".join(f'"{name}"' for name in EVENTS.names if name not in PROVENANCE)
    keys = ", ".join(f'"{name}"' for name in USAGE_KEYS)
    events = table(path, "events", f"select {columns} from rows").to_pylist()
    usage = table(
        path, "usage", f"select {keys}, sum(count), min(first_seen), max(last_seen) from rows group by {keys}"
    )
    return {"events": sorted(map(repr, events)), "usage": sorted(map(repr, usage.to_pylist()))}


def check_sums(path: Path, **expected: int) -> None:
    """The ledger's sums equal the tables' counts, and what the caller knows."""
    names = ("records_read", "events_new", "duplicates", "quarantined", "other_tables")
    sums = table(path, "ledger", f"select {', '.join(f'sum({n})::bigint {n}' for n in names)} from rows").to_pylist()[0]
    assert sums["records_read"] == sum(sums[name] for name in names[1:])
    assert sums["events_new"] == table(path, "events").num_rows
    counted = table(path, "usage", "select coalesce(sum(count), 0)::bigint n from rows").to_pylist()[0]["n"]
    assert sums["events_new"] == counted
    refused = table(path, "quarantine", "select * from rows where kind = 'record'").num_rows
    assert sums["quarantined"] == refused
    assert {name: sums[name] for name in expected} == expected
