"""What there is and what the digests list, side by side in DuckDB, which spills to disk: logs come by the million."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.assurance import places
from pipeline.assurance.digests import HASH, Log
from pipeline.assurance.places import DIGEST, Match
from pipeline.sources.base import SourceObject

_ROWS = 20_000
_TIME = pa.timestamp("us", tz="UTC")
_OBJECT = pa.schema(
    [
        ("number", pa.int64()),
        *[(each, pa.string()) for each in ("uri", "etag", "address", "suffix", "place", "root", "account")],
        *[(each, pa.string()) for each in ("region", "kind", "chain", "trail")],
        ("size", pa.int64()),
        ("time", _TIME),
    ]
)
_LISTED = pa.schema(
    [
        ("digest", pa.int64()),
        *[(each, pa.string()) for each in ("object", "place", "name", "hash")],
        ("known", pa.bool_()),
    ]
)
_DIGEST = pa.schema(
    [
        ("number", pa.int64()),
        *[(each, pa.string()) for each in ("chain", "uri", "root", "sha256", "status", "key")],
        ("start_time", _TIME),
        ("end_time", _TIME),
    ]
)
_READ = pa.schema([("number", pa.int64()), ("sha256", pa.string()), ("fault", pa.string())])
# SQL for `places.place(uri, Match.NAME)`.
_BASE = r"regexp_replace(regexp_extract(uri, '[^/]*$'), '\.gz$', '')"
_TABLES = {"objects": _OBJECT, "listed": _LISTED, "digests": _DIGEST, "found": _READ}


class Inventory:
    """Tables: `objects` at hand, `digests` that were judged, the logs they list (`listed`), hashes of what was read
    (`found`), and what the lake says of the logs listed (`ledger`)."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.match = Match.KEY if places.in_bucket(location) else Match.NAME
        self._scratch = tempfile.TemporaryDirectory(prefix="trailsift-verify-", ignore_cleanup_errors=True)
        self.duckdb = duckdb.connect(config={"memory_limit": "512MB", "threads": 2})
        self.duckdb.execute("set TimeZone = 'UTC'")
        self.duckdb.execute("set temp_directory = $folder", {"folder": self._scratch.name})
        self._waiting: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _TABLES}
        for name, schema in _TABLES.items():
            self.duckdb.register("empty", schema.empty_table())
            self.duckdb.execute(f"create table {name} as select * from empty")
        self.duckdb.execute("create table ledger (uri text, etag text, size bigint, sha256 text, name text)")
        self.count = 0

    def fill(self, objects: Iterable[SourceObject]) -> None:
        """Takes in every object there is."""
        laid_out = False
        for item in objects:
            said, part = places.read(item.uri), places.suffix(item.uri)
            laid_out = laid_out or part is not None
            where = (item.uri, item.etag, item.address, part, None, said.root, said.account)
            self._add(
                "objects", (self.count, *where, said.region, said.kind, said.chain, said.trail, item.size, said.time)
            )
            self.count += 1
        self._store("objects")
        if self.match is Match.NAME and laid_out:
            self.match = Match.SUFFIX
        how = {Match.KEY: "substr(uri, 6)", Match.SUFFIX: f"coalesce(suffix, {_BASE})", Match.NAME: _BASE}[self.match]
        self.duckdb.execute(f"update objects set place = {how}")

    def chains(self) -> list[tuple[str, str, str, str]]:
        """(chain, account, region, trail) of every chain of digests, in order."""
        return self.rows(
            "select chain, any_value(account), any_value(region), any_value(trail) from objects "
            "where chain is not null group by chain order by chain"
        )

    def digests(self, chain: str) -> list[tuple[int, SourceObject, str, str, Any]]:
        """(number, object, place, root, end as its name has it) of a chain's digests, the oldest first."""
        found = self.rows(
            "select number, uri, etag, size, address, place, root, time from objects where chain = ? "
            "order by time, uri",
            [chain],
        )
        return [(number, SourceObject(*item), place, root, end) for number, *item, place, root, end in found]

    def list_logs(self, digest: int, logs: Sequence[Log]) -> None:
        """Takes in the logs that the digest with that number lists."""
        for log in logs:
            where = places.named(log.s3Bucket, log.s3Object, self.match)
            name, known = places.place(log.s3Object, Match.NAME), log.hashAlgorithm == HASH
            self._add("listed", (digest, f"{log.s3Bucket}/{log.s3Object}", where, name, log.hashValue.lower(), known))

    def add_digest(self, row: tuple[Any, ...]) -> None:
        """Takes in a digest that was judged: number, chain, uri, root, sha256, status, key, start and end."""
        self._add("digests", row)

    def forget_logs(self, digests: Sequence[int]) -> None:
        """Leaves out the logs of digests that prove nothing, or that are out of the window."""
        self._store("listed")
        self.duckdb.execute("delete from listed where digest in (select unnest(?))", [list(digests)])

    def add_ledger(self, parts: Iterable[pa.Table]) -> None:
        """Takes in what the lake's ledger says of objects it has loaded, as far as a digest lists them.

        They are matched by name, which CloudTrail makes unique, wherever the lake had them from.
        """
        self._store("listed")
        for part in parts:
            self.duckdb.register("more", part)
            self.duckdb.execute(
                f"insert into ledger select * from (select uri, etag, size, sha256, {_BASE} as name "
                "from more where status = 'loaded') semi join listed using (name)"
            )
            self.duckdb.unregister("more")

    def trust_ledger(self) -> None:
        """Takes the ledger's hash for objects that are still the ones the lake read (uri, etag and size)."""
        self.duckdb.execute(
            "insert into found select distinct number, sha256, null from objects join ledger using (uri, etag, size) "
            "where sha256 is not null and kind is distinct from ?",
            [DIGEST],
        )

    def to_read(self) -> tuple[int, Iterator[tuple[int, SourceObject]]]:
        """How many objects are to be hashed, and (number, object) of each."""
        self._store("listed")
        wanted = "from objects semi join listed using (place) anti join found using (number)"
        count = int(self.rows(f"select count(*) {wanted}")[0][0])
        cursor = self.duckdb.cursor().execute(f"select number, uri, etag, size, address {wanted} order by number")

        def give() -> Iterator[tuple[int, SourceObject]]:
            while rows := cursor.fetchmany(1000):
                for number, *item in rows:
                    yield number, SourceObject(*item)

        return count, give()

    def add_hash(self, number: int, sha256: str | None, fault: str | None = None) -> None:
        """Takes in the hash of an object's content, or why there is none."""
        self._add("found", (number, sha256, fault))

    def settle(self) -> None:
        """Brings into the tables what was taken in so far."""
        for name in _TABLES:
            self._store(name)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Any]:
        """Rows of a query over `objects`, `listed`, `found`, `ledger` and what was registered."""
        self.settle()
        return self.duckdb.execute(sql, list(params)).fetchall()

    def table(self, sql: str) -> pa.Table:
        """The same as an Arrow table."""
        self.settle()
        return self.duckdb.sql(sql).to_arrow_table()

    def register(self, name: str, table: pa.Table) -> None:
        """Makes an Arrow table readable as `name`."""
        self.duckdb.register(name, table)

    def close(self) -> None:
        """Frees memory and scratch files."""
        self.duckdb.close()
        self._scratch.cleanup()

    def _add(self, table: str, row: tuple[Any, ...]) -> None:
        self._waiting[table].append(row)
        if len(self._waiting[table]) >= _ROWS:
            self._store(table)

    def _store(self, name: str) -> None:
        rows, schema = self._waiting[name], _TABLES[name]
        if not rows:
            return
        self._waiting[name] = []
        columns = [pa.array(column, kind.type) for column, kind in zip(zip(*rows, strict=True), schema, strict=True)]
        self.duckdb.register("more", pa.table(columns, schema=schema))
        self.duckdb.execute(f"insert into {name} select * from more")
        self.duckdb.unregister("more")
