"""Peer (a): DuckDB's `read_json` with the same typed columns, records unnested, into Parquet.

Does: inflate, parse, the typed columns CloudTrail names (structs, lists, a timestamp; JSON for open members), Parquet
(zstd level 1), on two threads, order not kept, one file a thread: the form of `read_json` that was quickest here.
Does not: hash, look for duplicates, keep members the schema does not name, derive columns, split by day, commit.
One value of another type than its column's fails the whole run.
"""

from __future__ import annotations

from pathlib import Path

LETTER = "a"
TITLE = "DuckDB read_json, typed"
NEEDS: tuple[str, ...] = ("duckdb",)
GIVES = "*.parquet"


def run(logs: Path, out: Path) -> None:
    """One COPY statement."""
    import duckdb

    from tests.bench.shape import duckdb_record

    source = (
        f"read_json('{logs}/**/*.json.gz', columns = {{'Records': '{duckdb_record()}[]'}}, "
        "format = 'newline_delimited', maximum_object_size = 268435456)"
    )
    with duckdb.connect(config={"threads": 2, "preserve_insertion_order": False}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            f"copy (select unnest(\"Records\", max_depth := 2) from {source}) to '{out}' "
            "(format parquet, compression zstd, compression_level 1, per_thread_output true)"
        )
