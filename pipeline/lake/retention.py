"""`lake expire`: days past their time leave the lake, and with them every file that nothing needs any more.

The ledger keeps its rows, so that the objects of those days are not read again. Snapshots that a report named by a
tag stay with their files; a report can be recomputed for as long as its tag is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.errors import LakeError
from pipeline.lake.commit import applied
from pipeline.lake.released import alive, grace, named, notes, sweep
from pipeline.lake.rewrite import READ, exchange, scratch, write_rows
from pipeline.lake.storage import Found
from pipeline.lake.tables import Lake
from pipeline.lake.upkeep import day_of, droppable, planned, trim
from pipeline.records.schema import FOLLOWING, TABLES

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

_EPOCH = date(1970, 1, 1)
_TRIES = 5
# The snapshot before the drop would keep the dropped files alive; a reader that comes too late for it looks again.
_KEEP = 1


@dataclass(frozen=True)
class Outcome:
    """What goes, or went: files, their bytes, rows, and of which days."""

    what: str
    files: int
    bytes: int = 0
    rows: int = 0
    first_day: date | None = None
    last_day: date | None = None


def expire(lake: Lake, before: date, dry_run: bool = False, now: datetime | None = None) -> list[Outcome]:
    """Drops the days of `events` before `before` and their usage, then old snapshots, then unneeded files.

    Safe beside ingestion and readers, and to repeat: what a stop leaves undone the next run does.
    """
    now = now or datetime.now(UTC)
    found = [_days(lake, "events", before, dry_run), _usage(lake, before, dry_run)]
    found.append(_days(lake, "habits", before, dry_run))
    snapshots = sum(_old_snapshots(lake, name) if dry_run else trim(lake, name, _KEEP) for name in TABLES)
    found.append(Outcome("snapshots", snapshots))
    orphans = list(unneeded(lake, now))
    found.append(Outcome("unneeded files", len(orphans), sum(each.size for each in orphans)))
    if not dry_run:
        for each in orphans:
            lake.storage.delete(each.path)
        sweep(lake, now, lazily=False)
    return found


def unneeded(lake: Lake, now: datetime) -> Iterable[Found]:
    """Files below data/ that no live snapshot needs, given up or written longer ago than the grace period.

    Files of killed runs, copies that were set aside, rows staged for attempts that lost, and what merging replaced.
    """
    there = [each for each in lake.storage.files(lake.data) if now - each.modified > grace(lake)]
    needed = alive(lake)
    needed |= {path for note, when in notes(lake).items() if now - when <= grace(lake) for path in named(lake, note)}
    return [each for each in there if each.path not in needed]


def _days(lake: Lake, name: str, before: date, dry_run: bool) -> Outcome:
    for _ in range(_TRIES):
        table = lake.load(name)
        old = [each for each in planned(table) if day_of(each) < before]
        if not old or dry_run or exchange(lake, table, old, [], "expire", planned):
            days = [day_of(each) for each in old]
            rows, size = (sum(getattr(each, name) for each in old) for name in ("record_count", "file_size_in_bytes"))
            return Outcome(name, len(old), size, rows, min(days, default=None), max(days, default=None))
    raise LakeError(lake.location, "the days to drop were rewritten each time", "run the same command again")


def _usage(lake: Lake, before: date, dry_run: bool) -> Outcome:
    """Writes the files that hold older days anew without them; those that hold nothing else only go."""
    for _ in range(_TRIES):
        table = lake.load("usage")
        old = [each for each in planned(table) if _begins(table, each) < before]
        if not old:
            return Outcome("usage", 0)
        paths = [lake.carrier("usage"), *(lake.storage.path(each.file_path) for each in old)]
        with scratch(lake) as connection:
            count = f"select count(*), min(day), max(day) from {READ} where day < ?"
            rows, first, last = connection.execute(count, [paths, before]).fetchall()[0]
            outcome = Outcome("usage", len(old), sum(each.file_size_in_bytes for each in old), rows, first, last)
            if dry_run:
                return outcome
            left = connection.sql(f"select * from {READ} where day >= ?", params=[paths, before])
            new = write_rows(lake, "usage", left.to_arrow_reader(), f"{lake.data}/usage/expire", 4_000_000)
        if exchange(lake, table, old, new, "expire", planned):
            return outcome
    raise LakeError(lake.location, "the usage of the days to drop was rewritten each time", "run the command again")


def _begins(table: Table, file: DataFile) -> date:
    """The earliest day a file of `usage` may hold, from the bounds in its manifest."""
    bound = (file.lower_bounds or {}).get(table.schema().find_field("day").field_id)
    return _EPOCH + timedelta(days=int.from_bytes(bound, "little", signed=True)) if bound else date.min


def _old_snapshots(lake: Lake, name: str) -> int:
    followed: Any = {each: applied(lake.load(each)) for each in FOLLOWING} if name == "events" else None
    return len(droppable(lake.load(name), followed, _KEEP))
