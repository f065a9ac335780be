"""Peer (b): ClickHouse, embedded as chDB, reading the same structure into Parquet.

Does: inflate, parse, the typed columns CloudTrail names (Nullable values; its tuples cannot be null, so an absent
struct becomes one of nulls), open members as text, Parquet (zstd, output_format_compression_level 1, no Bloom
filters, which nobody else writes), on two threads. `JSONEachRow` with the typed structure and `arrayJoin` was the
quickest form here beside JSONExtract over texts. Does not: hash, look for duplicates, keep members the schema does
not name, derive columns, split by day, commit.
"""

from __future__ import annotations

from pathlib import Path

LETTER = "b"
TITLE = "ClickHouse (chDB), typed"
NEEDS: tuple[str, ...] = ("chdb",)
GIVES = "*.parquet"


def run(logs: Path, out: Path) -> None:
    """One INSERT statement; two more forms of the same question are slower or within noise of it."""
    import chdb

    from pipeline.records.schema import RECORD
    from tests.bench.shape import clickhouse_record

    out.mkdir(parents=True, exist_ok=True)
    columns = ", ".join(f"record.`{each.name}` as `{each.name}`" for each in RECORD)
    structure = f"Records Array({clickhouse_record()})".replace("'", "\\'")
    chdb.query(
        f"insert into function file('{out}/events.parquet', 'Parquet') select {columns} from "
        f"(select arrayJoin(Records) as record from file('{logs}/**/*.json.gz', 'JSONEachRow', '{structure}')) "
        "settings max_threads = 2, date_time_input_format = 'best_effort', "
        "output_format_parquet_compression_method = 'zstd', output_format_compression_level = 1, "
        "output_format_parquet_write_bloom_filter = 0"
    )
