"""The commit protocol: one compare-and-swap on `events`, the other tables rolled forward from its snapshots.

There is no transaction over several Iceberg tables. So the events snapshot is the commit point: it names its
attempt in its summary, and the attempt's rows for every other table lie ready in files named after it. Whoever
comes next appends those files to their tables, moving the table's watermark in the same commit, so that nothing
is applied twice and nothing is lost wherever a writer dies. A lost race is never retried blindly: the caller
looks at the new head, removes what others committed meanwhile, and tries again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.errors import LakeError
from pipeline.lake.datafiles import data_files
from pipeline.lake.failpoints import hit
from pipeline.lake.tables import APPLIED, Lake
from pipeline.records.schema import FOLLOWING

if TYPE_CHECKING:
    from pyiceberg.table import Table

BATCH, ATTEMPT, FOLLOWERS = "lake.batch-id", "lake.attempt", "lake.tables"
OPERATION = "lake.op"
_TRIES = 100


def stage(lake: Lake, attempt: str, tables: dict[str, pa.Table]) -> list[str]:
    """Writes an attempt's rows for the following tables, ready to be applied; gives the names with rows."""
    names = [name for name, rows in tables.items() if rows.num_rows]
    for name in names:
        lake.storage.write(follower_file(lake, name, attempt), tables[name].cast(lake.schema(name)))
    return names


def follower_file(lake: Lake, name: str, attempt: str) -> str:
    """Where an attempt keeps its rows of a following table."""
    return f"{lake.data}/{name}/{attempt}.parquet"


def commit_events(events: Table, batch: str, attempt: str, followers: Iterable[str], files: Iterable[str]) -> bool:
    """Appends data files (none is fine) to `events` if its head is still the one pinned; False for a lost race.

    Any other failure is looked into: if the commit landed all the same it counts, else the error is raised.
    """
    from pyiceberg.exceptions import CommitFailedException

    summary = {BATCH: batch, ATTEMPT: attempt, FOLLOWERS: ",".join(followers)}
    try:
        _append(events, files, summary)
        return True
    except CommitFailedException:
        return False
    except Exception:
        fresh = events.catalog.load_table(events.name())
        if any(_told(each, ATTEMPT) == attempt for each in fresh.snapshots()):
            return True
        raise


def roll_forward(lake: Lake, events: Table | None = None) -> None:
    """Applies to every following table what committed events snapshots hold for it and it does not have yet."""
    events = events or lake.load("events")
    for name in FOLLOWING:
        _follow(lake, name, events)
    hit("all-applied")


def _follow(lake: Lake, name: str, events: Table) -> None:
    from pyiceberg.exceptions import CommitFailedException

    named = [each for each in sorted(events.snapshots(), key=_sequence) if name in _followers(each)]
    if not named:
        return  # most tables, most of the time: not even loaded
    for _ in range(_TRIES):
        table = lake.load(name)
        due = [each for each in named if _sequence(each) > applied(table)]
        if not due:
            return
        files = [follower_file(lake, name, _told(each, ATTEMPT)) for each in due]
        try:
            _append(table, files, {}, {APPLIED: str(_sequence(due[-1]))})
        except CommitFailedException:
            continue
        hit(f"{name}-applied")
        return
    raise LakeError(lake.location, f"table {name} could not be brought up to date", "run the command again")


def _append(
    table: Table, files: Iterable[str], summary: dict[str, str], properties: dict[str, str] | None = None
) -> None:
    """One commit that appends files and moves properties; a snapshot is made even of no files."""
    from pipeline.lake.transaction import Change

    with Change(table) as change:
        with change.update_snapshot(snapshot_properties=summary).merge_append() as append:
            for each in data_files(table, [file if "://" in file else f"file://{file}" for file in files]):
                append.append_data_file(each)
        if properties:
            change.set_properties(properties)


def applied(table: Table) -> int:
    """How far a following table has come: the sequence number of the last events snapshot whose rows it has."""
    return int(table.properties.get(APPLIED, "0"))


def complete(events: Table, followed: dict[str, int]) -> int:
    """The sequence number up to which no following table lacks rows of `events`; `followed` tells how far each is.

    A table that no later snapshot has rows for lacks nothing, however far behind its own number is.
    """
    lacking = [
        _sequence(each)
        for each in events.snapshots()
        if any(_sequence(each) > followed[name] for name in _followers(each) if name in followed)
    ]
    return min(lacking) - 1 if lacking else int(events.metadata.last_sequence_number)


def followers_of(lake: Lake, snapshot: Any) -> list[str]:
    """The staged files that hold a snapshot's rows for the following tables."""
    attempt = _told(snapshot, ATTEMPT)
    return [follower_file(lake, name, attempt) for name in _followers(snapshot) if name]


def _sequence(snapshot: Any) -> int:
    return int(snapshot.sequence_number or 0)


def batch_of(snapshot: Any) -> str:
    """The id of the batch a snapshot of `events` committed, "" for any other snapshot."""
    return _told(snapshot, BATCH)


def harmless(snapshot: Any) -> bool:
    """Whether a snapshot of `events` added no event: upkeep writes rows anew, and says so in the summary."""
    return bool(_told(snapshot, OPERATION))


def _followers(snapshot: Any) -> list[str]:
    return _told(snapshot, FOLLOWERS).split(",")


def _told(snapshot: Any, name: str) -> str:
    """What a snapshot's summary says under a name of ours."""
    return (snapshot.summary.additional_properties.get(name) or "") if snapshot.summary else ""
