"""Writes rows of a table anew into fewer files, and exchanges those files for the old ones in one commit.

DuckDB reads and sorts, spilling to disk what does not fit its memory, and the rows stream into Parquet batch by
batch; so a day may be larger than the machine's memory. The exchange names each file it takes out: rows that others
add meanwhile stay, and where another process took one of the files first, nothing is exchanged.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from pipeline.errors import LakeError
from pipeline.lake.commit import OPERATION
from pipeline.lake.datafiles import data_files
from pipeline.lake.failpoints import hit
from pipeline.lake.released import release
from pipeline.lake.storage import found_by_id
from pipeline.lake.tables import Lake
from pipeline.records.schema import USAGE_KEYS

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

READ = "read_parquet(?, union_by_name=true, hive_partitioning=false)"
_MEMORY = 256 << 20
_BATCH = 16_384
_ROW_GROUP = 128_000
_TRIES = 20

# What most questions select by comes first: a compliance or anomaly question names calls, an investigation principals.
ORDER = {
    "events": ("eventSource", "eventName", "principal_arn", "eventTime"),
    "usage": ("day", "account_id", "principal_arn", "eventSource", "eventName"),
    "ledger": ("uri",),
}
# Readers skip row groups by these columns' statistics; those of the other columns would only cost.
STATISTICS = {"events": [*ORDER["events"], "account_id"], "usage": [*ORDER["usage"]], "ledger": ["uri"]}
_FOLDED = ", ".join(f'"{name}"' for name in USAGE_KEYS)
# Partial sums of the roll-up that share a key become one row; it belongs to no single batch any more.
_ROWS = {
    "usage": f"select {_FOLDED}, sum(count)::bigint as count, min(first_seen) as first_seen, "
    "max(last_seen) as last_seen, min_by(sample_event_id, (first_seen, sample_event_id)) as sample_event_id, "
    f"null::varchar as batch_id from {READ} group by {_FOLDED}"
}


@contextmanager
def scratch(lake: Lake, memory: int = _MEMORY, threads: int = 0) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB of bounded memory that reads the lake's storage."""
    with tempfile.TemporaryDirectory(prefix="trailsift-", ignore_cleanup_errors=True) as folder:
        settings: dict[str, Any] = {"memory_limit": f"{memory}B", "threads": threads or len(os.sched_getaffinity(0))}
        with duckdb.connect(config=settings) as connection:
            connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
            connection.execute("set temp_directory = $folder", {"folder": folder})
            lake.storage.attach(connection)
            yield connection


def write_anew(
    lake: Lake, name: str, old: list[str], place: str, parts: int, connection: duckdb.DuckDBPyConnection
) -> list[str]:
    """Writes the rows of `old` sorted into about `parts` new files whose names begin with `place`; gives them.

    Raises LakeError where what was written does not hold what was read.
    """
    files = [lake.carrier(name), *old]
    before = fingerprint(connection, name, files)
    order = ", ".join(f'"{each}"' for each in ORDER.get(name, ()))
    sql = _ROWS.get(name, f"select * from {READ}") + (f" order by {order}" if order else "")
    reader = connection.sql(sql, params=[files]).to_arrow_reader(_BATCH)
    new = write_rows(lake, name, reader, place, -(-before[0] // max(parts, 1)) or 1)
    if fingerprint(connection, name, [lake.carrier(name), *new]) != before:
        for path in new:
            lake.storage.delete(path)
        raise LakeError(place, "the rewritten files do not hold what was read", "report this; nothing was changed")
    return new


def write_rows(lake: Lake, name: str, reader: Any, place: str, rows_per_file: int) -> list[str]:
    """Streams record batches into files of so many rows each; gives their paths."""
    schema = lake.schema(name)
    settings = {"compression_level": 3, "write_statistics": STATISTICS.get(name, True)}
    settings |= found_by_id(_ROW_GROUP) if name == "events" else {}
    paths: list[str] = []
    held: list[pa.RecordBatch] = []
    writer, room, count = None, 0, 0

    def flush() -> None:
        nonlocal held, count
        if writer is not None and held:
            rows = pa.Table.from_batches(held).select(schema.names).cast(schema)
            writer.write_table(rows, row_group_size=_ROW_GROUP)
        held, count = [], 0

    try:
        for batch in reader:
            while batch.num_rows:
                if room == 0:
                    flush()
                    if writer is not None:
                        writer.close()
                    paths.append(f"{place}-{uuid.uuid4().hex}.parquet")
                    writer, room = lake.storage.writer(paths[-1], schema, **settings), rows_per_file
                some = batch.slice(0, min(room, batch.num_rows))
                batch = batch.slice(some.num_rows)
                held.append(some)
                room, count = room - some.num_rows, count + some.num_rows
                if count >= _ROW_GROUP:
                    flush()
        flush()
    finally:
        if writer is not None:
            writer.close()
    return paths


def fingerprint(connection: duckdb.DuckDBPyConnection, name: str, files: list[str]) -> tuple[Any, ...]:
    """Rows and an order-independent hash of their content; of the roll-up by what folding keeps: first its keys."""
    if name == "usage":
        sql = (
            f"select count(*), sum(hash({_FOLDED}, n, a, b)::hugeint), bit_xor(hash({_FOLDED}, n, a, b)) from "
            f"(select {_FOLDED}, sum(count)::bigint n, min(first_seen) a, max(last_seen) b from {READ} "
            f"group by {_FOLDED})"
        )
    else:
        sql = f"select count(*), sum(hash(t)::hugeint), bit_xor(hash(t)) from {READ} t"
    return tuple(connection.execute(sql, [files]).fetchall()[0])


def exchange(
    lake: Lake, table: Table, old: list[DataFile], new: list[str], operation: str, plan: Callable[[Table], Any]
) -> bool:
    """One commit that takes `old` out of the table and puts `new` in; False where another process was first.

    `plan` gives the data files of a newer state of the table among which `old` must still be.
    """
    from pyiceberg.exceptions import CommitFailedException, ValidationException

    name = table.name()[-1]
    wanted = {each.file_path for each in old}
    release(lake, [lake.storage.path(each) for each in wanted])
    hit("exchange-ready")
    for _ in range(_TRIES):
        try:
            swap(lake, table, old, new, operation)
            hit("exchanged")
            return True
        except ValidationException:  # a file of `old` is not in the table any more
            break
        except CommitFailedException:
            time.sleep(random.uniform(0, 0.1))
            table = lake.load(name)
            there = {each.file_path: each for each in plan(table)}
            if not wanted <= there.keys():
                break
            old = [there[each] for each in wanted]
    for path in new:  # never part of a snapshot
        lake.storage.delete(path)
    return False


def swap(lake: Lake, table: Table, old: list[DataFile], new: list[str], operation: str) -> None:
    """One commit on the table as loaded; raises pyiceberg's CommitFailedException or ValidationException."""
    from pipeline.lake.transaction import Change

    summary = {OPERATION: operation}
    with Change(table) as change, change.update_snapshot(snapshot_properties=summary).overwrite() as files:
        for each in old:
            files.delete_data_file(each)
        for made in data_files(table, map(lake.storage.uri, new)):
            files.append_data_file(made)
