"""Peer (a+): DuckDB's quickest way that we found to the same columns; no target names it, honesty does.

`read_json_objects` hands over each object's text, `json_extract` cuts it into records, `json_transform` types them:
the same rows as `read_json` gives, several times faster. Does and does not what peer (a) does and does not, but a
value of another type than its column's becomes null, silently.
"""

from __future__ import annotations

from pathlib import Path

LETTER = "a+"
TITLE = "DuckDB read_json_objects + json_transform"
NEEDS: tuple[str, ...] = ("duckdb",)
GIVES = "*.parquet"


def run(logs: Path, out: Path) -> None:
    """One COPY statement."""
    import duckdb

    from tests.bench.shape import duckdb_transform

    source = f"read_json_objects('{logs}/**/*.json.gz', format = 'unstructured', maximum_object_size = 268435456)"
    with duckdb.connect(config={"threads": 2, "preserve_insertion_order": False}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            f"copy (select unnest(json_transform(record, '{duckdb_transform()}')) from "
            f"(select unnest(json_extract(json, '$.Records[*]')) as record from {source})) to '{out}' "
            "(format parquet, compression zstd, compression_level 1, per_thread_output true)"
        )
