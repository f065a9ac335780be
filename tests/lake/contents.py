"""What a lake holds, told so that two lakes of the same logs compare equal however they were filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.lake.tables import Lake
from pipeline.records.schema import EVENTS, PROVENANCE, USAGE_KEYS


def table(path: Path, name: str, sql: str = "select * from rows") -> pa.Table:
    """Rows of one of the lake's tables, as the newest snapshot has them."""
    with _reading(path) as read:
        return read(name, sql)


@contextmanager
def _reading(path: Path) -> Iterator[Callable[[str, str], pa.Table]]:
    """Asks one table after another of the lake as it is now; not by the engine, which is what is tested."""
    lake = Lake.open(path)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")

        def read(name: str, sql: str) -> pa.Table:
            rows = connection.read_parquet(lake.files(name), union_by_name=True, hive_partitioning=False)
            connection.register("rows", rows)
            return connection.sql(sql).to_arrow_table()

        yield read


def contents(path: Path) -> dict[str, list[Any]]:
    """Events without their provenance, and the roll-up summed by its key; both sorted."""
    columns = ", ".join(f'"{name}"' for name in EVENTS.names if name not in PROVENANCE)
    keys = ", ".join(f'"{name}"' for name in USAGE_KEYS)
    with _reading(path) as read:
        events = read("events", f"select {columns} from rows").to_pylist()
        usage = read("usage", f"select {keys}, sum(count), min(first_seen), max(last_seen) from rows group by {keys}")
    return {"events": sorted(map(repr, events)), "usage": sorted(map(repr, usage.to_pylist()))}


def check_sums(path: Path, **expected: int) -> None:
    """The ledger's sums equal the tables' counts, and what the caller knows."""
    names = ("records_read", "events_new", "duplicates", "quarantined", "other_tables")
    with _reading(path) as read:
        sums = read("ledger", f"select {', '.join(f'sum({n})::bigint {n}' for n in names)} from rows").to_pylist()[0]
        assert sums["records_read"] == sum(sums[name] for name in names[1:])
        assert [sums["events_new"]] == read("events", "select count(*) n from rows")["n"].to_pylist()
        counted = read("usage", "select coalesce(sum(count), 0)::bigint n from rows")["n"].to_pylist()
        assert [sums["events_new"]] == counted
        refused = read("quarantine", "select count(*) n from rows where kind = 'record'")["n"].to_pylist()
        assert [sums["quarantined"]] == refused
    assert {name: sums[name] for name in expected} == expected
