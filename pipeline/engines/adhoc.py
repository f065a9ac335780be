"""Somebody's own SQL, under lock: one SELECT, no file but the lake's, no settings, a time-out and a row cap.

Three layers, since any one of them has holes. The parse tree must hold nothing but reading: DuckDB counts a SELECT
whose WITH clause writes a file as a SELECT, and would let it overwrite a file that may be read. The database is one
of its own, shut before the text is run (`allowed_paths`, no external access, configuration locked). And it is
thrown away afterwards, so that nothing a statement does outlives it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.engines import parse
from pipeline.engines.duckdb import Engine, bindings, whole_numbers
from pipeline.errors import QueryError

_BATCH = 2048


@dataclass(frozen=True)
class Answer:
    """The rows of an ad-hoc statement; `truncated` says that there were more than the cap."""

    table: pa.Table
    truncated: bool


def run(engine: Engine, sql: str, timeout: float, max_rows: int, params: dict[str, Any], place: str = "sql") -> Answer:
    """At most `max_rows` rows of `sql` over what `engine` reads; raises QueryError after `timeout` seconds."""
    with Engine(engine.plan, engine.tables, memory=engine.memory) as locked:
        statement = parse.statement(locked.con, sql, place)
        parse.refuse_more_than_reading(locked.con, sql, place)
        for name, table in engine.registered.items():
            locked.register(name, table)
        needed = _needed(locked, engine.views, sql)
        for name, view in engine.views.items():
            if name in needed:
                locked.create_view(name, view)
        locked.allow_only_own_files()
        bound = bindings(statement, params, place)
        done = threading.Event()
        threading.Thread(target=_watch, args=(locked.con, done, timeout), daemon=True).start()
        try:
            return _fetch(locked.con, statement, bound, max_rows)
        except duckdb.InterruptException:
            problem = f"took longer than {timeout:g} seconds and was stopped"
            raise QueryError(place, problem, "narrow it, or give it more time (--timeout)") from None
        except duckdb.Error as error:
            raise parse.fault(error, sql, place, locked.con, bound) from None
        finally:
            done.set()


def _needed(locked: Engine, views: dict[str, str], sql: str) -> set[str]:
    """The views that `sql` reads, directly or through others; all of them where it asks what there is."""
    if parse.asks_what_there_is(locked.con, sql):
        return set(views)
    found: set[str] = set()
    queue = [sql]
    while queue:
        fresh = (parse.tables(locked.con, queue.pop()) & set(views)) - found
        found |= fresh
        queue += [views[name] for name in fresh]
    return found


def _watch(con: duckdb.DuckDBPyConnection, done: threading.Event, timeout: float) -> None:
    """Interrupts again and again: an interrupt that falls between two statements is forgotten."""
    wait = timeout
    while not done.wait(wait):
        con.interrupt()
        wait = 0.05


def _fetch(con: duckdb.DuckDBPyConnection, statement: duckdb.Statement, bound: dict[str, Any], max_rows: int) -> Answer:
    rows = con.sql(statement, params=bound) if bound else con.sql(statement)
    reader = rows.to_arrow_reader(_BATCH)
    batches: list[pa.RecordBatch] = []
    count = 0
    for batch in reader:
        batches.append(batch)
        count += batch.num_rows
        if count > max_rows:
            break
    table = pa.Table.from_batches(batches, reader.schema)
    return Answer(whole_numbers(table.slice(0, max_rows)), count > max_rows)
