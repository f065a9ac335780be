"""Upkeep that goes along with ingestion, so that the cost of a commit does not grow with what was committed before.

Every few commits small files are merged (those of the same size, eight into one, so that a row is rewritten a few
times in its life, however many there are), old snapshots are dropped from the tables' metadata, and files that were
given up long enough ago are deleted. Nothing here takes a lock: whatever another process did first is left to it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.lake.commit import applied, complete
from pipeline.lake.failpoints import hit
from pipeline.lake.released import of_snapshots, release, sweep
from pipeline.lake.rewrite import exchange, scratch, write_anew
from pipeline.lake.tables import Lake
from pipeline.records.schema import FOLLOWING, TABLES
from pipeline.times import day_start

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

TIDIED = "lake.tidied-seq"
EVERY = 8  # commits of a table between two looks at it
FAN = 8  # files of about one size that become one
KEEP = 8  # snapshots
# Files of at least the last size are left to `lake compact`: merging them would hold up ingestion.
SIZES = (1_000, 8_000)
_EPOCH = date(1970, 1, 1)


def tidy(lake: Lake) -> None:
    """Does what is due; call it after `roll_forward`, at the end of a run and every few commits."""
    if not any(_due(lake.load(name)) for name in TABLES if name not in FOLLOWING):
        return
    for name in TABLES:
        table = lake.load(name)
        if table.metadata.last_sequence_number > _tidied(table):
            merge(lake, table)
            trim(lake, name)
    sweep(lake)


def _due(table: Table) -> bool:
    return bool(table.metadata.last_sequence_number - _tidied(table) >= EVERY)


def _tidied(table: Table) -> int:
    return int(table.properties.get(TIDIED, "0"))


def to_merge(files: list[DataFile]) -> list[DataFile]:
    """Of the files of a day, or of a table without days, those that should be one; most often none."""
    small = sorted((each for each in files if each.record_count < SIZES[-1]), key=lambda each: each.record_count)
    for size, next_smaller in zip(reversed(SIZES), (*reversed(SIZES[:-1]), 0), strict=True):
        if sum(next_smaller <= each.record_count for each in small if each.record_count < size) >= FAN:
            return [each for each in small if each.record_count < size]
    return []


def merge(lake: Lake, table: Table) -> bool:
    """Merges a table's small files in one commit; of `events` those of days touched since the last time."""
    name = table.name()[-1]
    if name == "habits":
        return False  # a day is one file already
    groups = [found for each in _groups(table) if (found := to_merge(each))]
    if not groups:
        return False
    new: list[str] = []
    with scratch(lake, threads=1) as connection:
        for group in groups:
            paths = [lake.storage.path(each.file_path) for each in group]
            folder = paths[0].rpartition("/")[0]
            new += write_anew(lake, name, paths, f"{folder}/merge", 1, connection)
    old = [each for group in groups for each in group]
    return exchange(lake, table, old, new, "merge", planned)


def planned(table: Table) -> list[DataFile]:
    """Every data file of the table's head."""
    return [task.file for task in table.scan().plan_files()]


def _groups(table: Table) -> list[list[DataFile]]:
    if not table.spec().fields:
        return [planned(table)]
    found = defaultdict(list)
    for day in touched(table, _tidied(table)):
        found[day] = of_day(table, day)
    return list(found.values())


def of_day(table: Table, day: date) -> list[DataFile]:
    """The data files of one day of `events`."""
    from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan

    low, high = day_start(day), day_start(day) + timedelta(days=1)
    limits = And(GreaterThanOrEqual("eventTime", low.isoformat()), LessThan("eventTime", high.isoformat()))
    return [task.file for task in table.scan(row_filter=limits).plan_files()]


def touched(table: Table, since: int) -> list[date]:
    """Days to which commits after sequence number `since` added files."""
    snapshot = table.current_snapshot()
    days: set[date] = set()
    for manifest in snapshot.manifests(table.io) if snapshot else ():
        if manifest.sequence_number > since:
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                if entry.sequence_number > since:
                    days.add(day_of(entry.data_file))
    return sorted(days)


def day_of(file: DataFile) -> date:
    """The day whose partition of `events` a file belongs to."""
    value: Any = file.partition[0]
    return value if isinstance(value, date) and not isinstance(value, datetime) else _EPOCH + timedelta(days=int(value))


def trim(lake: Lake, name: str, keep: int = KEEP) -> int:
    """Drops all but the newest snapshots, those a tag names, and those a following table still needs.

    Gives the number of those dropped. The data of the others stays what it was.
    """
    from pyiceberg.exceptions import CommitFailedException
    from pyiceberg.table.update.snapshot import ExpireSnapshots

    from pipeline.lake.transaction import Change

    followed = {each: applied(lake.load(each)) for each in FOLLOWING} if name == "events" else None
    table = lake.load(name)
    old = droppable(table, followed, keep)
    if old:
        staying = [each for each in table.snapshots() if each.snapshot_id not in {one.snapshot_id for one in old}]
        dropped = of_snapshots(lake, table, old, data=False) - of_snapshots(lake, table, staying, data=False)
        release(lake, dropped)
    try:
        with Change(table) as change:
            if old:
                ExpireSnapshots(change).by_ids([each.snapshot_id for each in old]).commit()
            change.set_properties({TIDIED: str(table.metadata.last_sequence_number)})
    except (CommitFailedException, ValueError):
        return 0  # another process was here at the same time
    hit("trimmed")
    return len(old)


def droppable(table: Table, followed: dict[str, int] | None, keep: int) -> list[Any]:
    """Snapshots that may go: neither among the newest, nor named, nor (of `events`) with rows still to be applied.

    Of `events` the newest ones are counted back from where every following table is complete.
    """
    limit = table.metadata.last_sequence_number
    if followed is not None:
        limit = complete(table, followed)
    named = {each.snapshot_id for each in table.metadata.refs.values()}
    old = sorted((each for each in table.snapshots() if each.sequence_number <= limit), key=lambda e: e.sequence_number)
    return [each for each in old[: len(old) - keep] if each.snapshot_id not in named]
