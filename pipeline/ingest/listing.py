"""What a round of ingestion has listed: every wanted object once, by day of delivery, in bounded memory.

A first run over years of a large organization lists millions of objects. They are kept in DuckDB, which spills to
disk, and come back in chunks sorted by day, so that a batch touches few days of the lake.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from pipeline.sources.base import SourceObject

CHUNK = 50_000
_SCHEMA = pa.schema(
    [
        ("source", pa.int32()),
        ("uri", pa.string()),
        ("etag", pa.string()),
        ("size", pa.int64()),
        ("address", pa.string()),
        ("day", pa.date32()),
    ]
)


class Listing:
    """Objects by (uri, etag, size); one that two sources give is taken from the first."""

    def __init__(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="trailsift-listing-", ignore_cleanup_errors=True)
        self._duckdb = duckdb.connect(config={"memory_limit": "256MB", "threads": 1})
        self._duckdb.execute("set temp_directory = $folder", {"folder": self._scratch.name})
        empty = _SCHEMA.empty_table()
        self._duckdb.register("empty", empty)
        self._duckdb.execute("create table listed as select * from empty")
        self._rows: list[tuple[int, SourceObject]] = []
        self._count: int | None = None

    def add(self, source: int, item: SourceObject) -> None:
        """Adds an object of the source with that number."""
        self._rows.append((source, item))
        self._count = None
        if len(self._rows) >= CHUNK:
            self._store()

    def __len__(self) -> int:
        if self._count is None:
            self._store()
            rows = self._duckdb.execute("select count(*) from (select distinct uri, etag, size from listed)")
            self._count = int(rows.fetchall()[0][0])
        return self._count

    def chunks(self) -> Iterator[pa.Table]:
        """Tables of source, uri, etag, size and address, in the order of (day of delivery, uri)."""
        self._store()
        rows = self._duckdb.sql(
            "select min(source) as source, uri, etag, size, arg_min(address, source) as address "
            "from listed group by uri, etag, size order by min(day) nulls first, uri, etag, size"
        )
        for batch in rows.to_arrow_reader(CHUNK) if rows else ():
            yield pa.Table.from_batches([batch])

    def close(self) -> None:
        """Frees memory and scratch files."""
        self._duckdb.close()
        self._scratch.cleanup()

    def _store(self) -> None:
        if not self._rows:
            return
        columns = [
            [source for source, _ in self._rows],
            *(
                [getattr(item, name) for _, item in self._rows]
                for name in ("uri", "etag", "size", "address", "delivered")
            ),
        ]
        rows = pa.table(
            [pa.array(each, kind.type) for each, kind in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA
        )
        self._rows = []
        self._duckdb.register("more", rows)
        self._duckdb.execute("insert into listed select * from more")
        self._duckdb.unregister("more")


def objects(chunk: pa.Table) -> Iterator[tuple[int, SourceObject]]:
    """(source, object) for each row of a chunk."""
    columns = [chunk[name].to_pylist() for name in ("source", "uri", "etag", "size", "address")]
    for source, uri, etag, size, address in zip(*columns, strict=True):
        yield source, SourceObject(uri, etag, size, address)
