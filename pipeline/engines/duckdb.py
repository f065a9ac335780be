"""DuckDB over the lake: an in-memory database whose views read the Parquet files that the lake's plan names.

Nothing is kept in a .duckdb file, because a reader that holds one open locks the writer out. Raw tables are the
views `lake.events`, `lake.usage` …; what people ask is made of the views in queries/views (`pipeline.catalog`).
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from pipeline.engines import parse
from pipeline.errors import LakeError, QueryError
from pipeline.machine import memory_limit
from pipeline.records.schema import TABLES

if TYPE_CHECKING:
    from pipeline.engines.adhoc import Answer
    from pipeline.engines.snapshot import Plan
    from pipeline.lake.tables import Lake

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
_TEMPORARY = "select 1 from duckdb_tables() where temporary and lower(table_name) = lower($name)"


def connect(lake: Lake, since: datetime | None = None, until: datetime | None = None) -> Engine:
    """An engine over one consistent view of the lake; event files outside [since, until] are left out.

    The limits choose files, not rows: a query keeps its own filter on eventTime. Leave `since` out where a
    question needs history from before its window. Raises LakeError where a table is missing.
    """
    from pipeline.engines.snapshot import plan

    return Engine(plan(lake, since, until), {})


def over(tables: dict[str, pa.Table]) -> Engine:
    """An engine over Arrow tables in memory, named as the lake's; those left out are empty."""
    unknown = sorted(set(tables) - set(TABLES))
    if unknown:
        raise QueryError("engine", f"the lake has no table {', '.join(unknown)}")
    return Engine(None, {name: tables.get(name, pa.Table.from_batches([], TABLES[name])) for name in TABLES})


class Engine:
    """One in-memory DuckDB. Usable from several threads: statements run one after another, each on all cores."""

    def __init__(self, plan: Plan | None, tables: dict[str, pa.Table], memory: int | None = None) -> None:
        self.plan, self.tables, self.memory = plan, tables, memory or memory_limit()
        self.views: dict[str, str] = {}
        self.registered: dict[str, pa.Table] = {}
        self._lock = threading.RLock()
        self._scratch = tempfile.TemporaryDirectory(prefix="trailsift-", ignore_cleanup_errors=True)
        self.con = duckdb.connect(":memory:", config=_OFFLINE)
        self._settle()
        self._raw_tables()

    @property
    def snapshot_id(self) -> int | None:
        """The Iceberg snapshot of `events` that is read; None before the first commit, and without a lake."""
        return self.plan.snapshot_id if self.plan else None

    @property
    def alone(self) -> AbstractContextManager[object]:
        """To be held by whoever needs several statements in a row without another thread's in between."""
        return self._lock

    def query(self, sql: str, params: dict[str, Any] | None = None, place: str = "query") -> pa.Table:
        """The rows of one SELECT; of `params` only those that `sql` names are bound.

        Whole-number decimals (what DuckDB makes of a sum) come as int64. Raises QueryError, its place with line
        and column where DuckDB tells, and LakeError where a data file has gone.
        """
        with self._lock:
            return whole_numbers(self._read(sql, params, place, lambda rows: rows.to_arrow_table()))

    def batches(self, sql: str, rows: int, params: dict[str, Any] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of `query` in batches of about so many, for results that are large; raises as `query` does."""
        with self._lock:
            try:
                yield from self._read(sql, params, "query", lambda found: found.to_arrow_reader(rows))
            except (duckdb.Error, pa.ArrowException) as error:
                raise parse.fault(error, sql, "query") from None

    def rows(self, sql: str, params: dict[str, Any] | None = None, place: str = "query") -> list[dict[str, Any]]:
        """The rows of `query` as Python has them, times in UTC; pyarrow's own way to these imports pandas."""
        table = self.query(sql, params, place)
        times = [each.name for each in table.schema if pa.types.is_timestamp(each.type) and each.type.tz]
        for name in times:
            index = table.schema.get_field_index(name)
            table = table.set_column(index, name, table.column(index).cast(pa.timestamp("us", "UTC")).cast(pa.int64()))
        found: list[dict[str, Any]] = table.to_pylist()
        for row in found:
            for name in times:
                if row[name] is not None:
                    row[name] = _EPOCH + timedelta(microseconds=row[name])
        return found

    def columns(self, sql: str, params: dict[str, Any] | None = None, place: str = "query") -> dict[str, str]:
        """Names and DuckDB types of the columns `sql` would give, without running it."""
        with self._lock:
            found = self._read(sql, params, place, lambda rows: list(zip(rows.columns, rows.types, strict=True)))
        return {name: str(kind) for name, kind in found}

    def as_of(self) -> datetime | None:
        """The newest eventTime in the whole lake, whatever the window of this engine; None without events."""
        if self.plan is not None:
            with suppress(KeyError):
                return self.plan.newest()
        newest: datetime | None = self.query('select max(eventTime) as newest from lake."events"')["newest"][0].as_py()
        return newest

    def days(self) -> dict[date, int]:
        """How many events there are of each day, whatever the window of this engine."""
        if self.plan is not None:
            return self.plan.days()
        rows = self.query('select eventTime::date as day, count(*) as events from lake."events" group by all')
        return dict(zip(rows["day"].to_pylist(), rows["events"].to_pylist(), strict=True))

    def create_view(self, name: str, sql: str, place: str = "view") -> None:
        """Makes or replaces the view `name` of one SELECT; `adhoc` sees it too."""
        with self._lock:
            # A view is bound when it is made, and where columns are mixed that would open every file of the table;
            # its carrier has all columns and is enough.
            mixed = sorted(self.plan.mixed) if self.plan else []
            for table in mixed:
                self._point(table, carrier=True)
            try:
                self._make_view(name, sql, place)
            finally:
                for table in mixed:
                    self._point(table, carrier=False)
            self.views[name] = sql

    def _make_view(self, name: str, sql: str, place: str) -> None:
        """By a statement, since a relation would be bound once to be had and again to become a view."""
        bindings(parse.statement(self.con, sql, place), {}, place)
        try:
            self.con.execute(f"create or replace view {quoted(name)} as\n{sql}")
        except duckdb.Error as error:
            self._read(sql, None, place, lambda rows: None)  # says where in `sql` itself the fault is
            raise parse.fault(error, sql, place) from None

    def keep(self, name: str, sql: str, params: dict[str, Any] | None = None, place: str = "query") -> int:
        """Adds the rows of one SELECT to the table `name` of this database, made if need be; how many there were.

        The rows stay in DuckDB, which spills to its scratch folder what does not fit. Raises as `query` does.
        """
        with self._lock:
            bound = bindings(parse.statement(self.con, sql, place), params or {}, place)
            there = self.con.execute(_TEMPORARY, {"name": name}).fetchall()
            begin = f"insert into {quoted(name)}" if there else f"create temp table {quoted(name)} as"
            try:
                added = self.con.execute(f"{begin} select * from (\n{sql.rstrip().rstrip(';')}\n)", bound).fetchone()
            except duckdb.IOException as error:
                raise LakeError(place, str(parse.fault(error, sql, place).problem), "run the command again") from None
            except duckdb.Error as error:
                raise parse.fault(error, sql, place) from None
        return int(added[0]) if added else 0

    def drop(self, *names: str) -> None:
        """Forgets tables that `keep` made; one that is not there is no error."""
        with self._lock:
            for name in names:
                self.con.execute(f"drop table if exists temp.main.{quoted(name)}")

    @contextmanager
    def reading(self, files: Iterable[str]) -> Iterator[None]:
        """Within it `events` is read from these of its data files alone, and by this thread alone.

        For who knows where the rows are: a file that is left out is not even opened. Without a lake all is read.
        """
        wanted = set(files)
        with self._lock:
            if self.plan is None:
                yield
                return
            carrier, *there = self.plan.files["events"]
            self._read_from("events", [carrier, *(each for each in there if each in wanted)])
            try:
                yield
            finally:
                self._point("events", carrier=False)

    def register(self, name: str, table: pa.Table) -> None:
        """Makes an Arrow table readable as `name`."""
        with self._lock:
            self.con.register(name, table)
            self.registered[name] = table

    def adhoc(
        self,
        sql: str,
        timeout: float = 60,
        max_rows: int = 10_000,
        params: dict[str, Any] | None = None,
        place: str = "sql",
    ) -> Answer:
        """The rows of somebody's own SELECT, run in a locked database of its own; see `pipeline.engines.adhoc`."""
        from pipeline.engines.adhoc import run

        return run(self, sql, timeout, max_rows, params or {}, place)

    def allow_only_own_files(self) -> None:
        """Shuts the database: it reads the planned files and its scratch folder, nothing else, and stays so."""
        files = sorted({path for each in self.plan.files.values() for path in each}) if self.plan else []
        self.con.execute("set allowed_paths = $files", {"files": files})
        self.con.execute("set max_temp_directory_size = '20GB'")
        self.con.execute("set enable_external_access = false")
        self.con.execute("set lock_configuration = true")

    def close(self) -> None:
        """Frees the memory and the scratch folder; safe to call twice."""
        self.con.close()
        self._scratch.cleanup()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()

    def _settle(self) -> None:
        self.con.execute("set TimeZone = 'UTC'")
        self.con.execute("set temp_directory = $folder", {"folder": self._scratch.name})
        self.con.execute("set memory_limit = $limit", {"limit": f"{self.memory}B"})
        self.con.execute("set threads = $threads", {"threads": len(os.sched_getaffinity(0))})
        # Data files never change, so that their footers are read once; what was read of a local one the system keeps.
        self.con.execute("set parquet_metadata_cache = true")
        if self.plan and self.plan.storage and not self.plan.storage.remote:
            self.con.execute("set enable_external_file_cache = false")
        self.con.execute("set python_enable_replacements = false")  # a Python variable is no table
        self.con.execute("set enable_progress_bar = false")  # it would stand among the data on stdout
        self.con.execute("set errors_as_json = true")  # gives the position of an error
        if self.plan and self.plan.storage:
            self.plan.storage.attach(self.con)

    def _raw_tables(self) -> None:
        self.con.execute("create schema lake")
        for name, table in self.tables.items():
            self.con.register(f"lake_{name}", table)
            self.con.execute(f"create view lake.{quoted(name)} as select * from {quoted('lake_' + name)}")
        for name in self.plan.files if self.plan else ():
            self._point(name, carrier=False)
            self.con.execute(f"create view lake.{quoted(name)} as select * from {self._parquet(name)}")
        by_file = f"select *, filename as file, file_row_number as row from {self._parquet('events')}"
        alone = "select *, null::varchar as file, row_number() over () - 1 as row from lake.events"
        self.con.execute(f"create view lake.events_by_file as {by_file if self.plan else alone}")

    def _parquet(self, name: str) -> str:
        """SQL that reads a table. DuckDB guesses rows by the first file, the empty carrier, and would join by that."""
        mixed = "true" if self.plan and name in self.plan.mixed else "false"
        rows = self.plan.rows.get(name, 0) if self.plan else 0
        told = f", explicit_cardinality = {rows}" if rows else ""
        return f"read_parquet(getvariable('files_{name}'), union_by_name = {mixed}, hive_partitioning = false{told})"

    def _point(self, name: str, carrier: bool) -> None:
        """Points a raw table at its carrier alone, or at all planned files."""
        files = self.plan.files[name] if self.plan else []
        self._read_from(name, files[:1] if carrier else files)

    def _read_from(self, name: str, files: list[str]) -> None:
        self.con.execute(f"set variable files_{name} = $files", {"files": files})

    def _read(self, sql: str, params: dict[str, Any] | None, place: str, use: Callable[[Any], Any]) -> Any:
        """What `use` makes of the relation of `sql`, with DuckDB's errors made ours."""
        statement = parse.statement(self.con, sql, place)
        bound = bindings(statement, params or {}, place)
        try:
            return use(self.con.sql(statement, params=bound) if bound else self.con.sql(statement))
        except duckdb.IOException as error:
            raise LakeError(place, str(parse.fault(error, sql, place).problem), "run the command again") from None
        except duckdb.Error as error:
            raise parse.fault(error, sql, place, self.con, bound) from None


def bindings(statement: duckdb.Statement, params: dict[str, Any], place: str) -> dict[str, Any]:
    """Of `params` those the statement names; raises QueryError where one is missing."""
    missing = sorted(statement.named_parameters - set(params))
    if missing:
        raise QueryError(place, f"the parameter {', '.join(missing)} has no value", f"give -p {missing[0]}=VALUE")
    return {name: params[name] for name in statement.named_parameters}


def quoted(name: str) -> str:
    """An SQL identifier, for names of our own tables and views."""
    return '"' + name.replace('"', '""') + '"'


def whole_numbers(table: pa.Table) -> pa.Table:
    """The same table with decimals of scale 0 as int64, where every value fits."""
    for index, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            with suppress(pa.ArrowInvalid):
                table = table.set_column(index, field.name, table.column(index).cast(pa.int64()))
    return table
