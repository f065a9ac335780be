"""What a reader may read: the data files of every table, all of one story.

Between an events commit and the roll-forward that follows it (`pipeline.lake.commit`), `events` is ahead of the tables
that follow it, which record how far they have come in the property `lake.applied-seq`. So the followers are loaded
first, and events are then read at the newest snapshot of which no follower still lacks its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.errors import LakeError
from pipeline.lake.commit import applied, complete
from pipeline.lake.upkeep import day_of
from pipeline.records.schema import FOLLOWING, TABLES

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from pipeline.lake.storage import Storage
    from pipeline.lake.tables import Lake

_TRIES = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Plan:
    """The files to read: `files[table]` has the carrier first; `mixed` names tables whose files differ in columns."""

    files: dict[str, list[str]]
    mixed: frozenset[str]
    snapshot_id: int | None
    events: Any = field(repr=False)
    storage: Storage | None = field(default=None, repr=False)

    def newest(self) -> datetime | None:
        """The newest eventTime of the snapshot, from the bounds in its manifests; None without events.

        The bounds are exact, as the lake keeps full metrics for this column; a file that lacks them
        (added by another writer) makes this raise KeyError, and the caller reads the data instead.
        """
        if self.snapshot_id is None:
            return None
        number = self.events.schema().find_field("eventTime").field_id
        tasks = self.events.scan(snapshot_id=self.snapshot_id).plan_files()
        bounds = [task.file.upper_bounds[number] for task in tasks if task.file.record_count]
        moments = [int.from_bytes(each, "little", signed=True) for each in bounds]
        return _EPOCH + timedelta(microseconds=max(moments)) if moments else None

    def days(self) -> dict[date, int]:
        """How many events the snapshot has of each day, from its manifests; the window of the plan plays no part."""
        counts: dict[date, int] = {}
        if self.snapshot_id is not None:
            for task in self.events.scan(snapshot_id=self.snapshot_id).plan_files():
                day = day_of(task.file)
                counts[day] = counts.get(day, 0) + task.file.record_count
        return counts


def plan(lake: Lake, since: datetime | None = None, until: datetime | None = None) -> Plan:
    """The files of one consistent view of the lake; events only those that may hold rows of [since, until]."""
    for _ in range(_TRIES):
        loaded = {name: lake.load(name) for name in TABLES if name != "events"}
        events = lake.load("events")
        snapshot_id = consistent(events, {name: applied(loaded[name]) for name in FOLLOWING})
        if snapshot_id is not None or not _trimmed(events):
            break
        # Between the two loads writers committed and dropped more snapshots than are kept: look once more.
    else:
        raise LakeError(lake.location, "changes faster than it can be read", "run the command again")
    files = {name: lake.files(name, table=table) for name, table in loaded.items()}
    if snapshot_id is None:
        files["events"] = [lake.carrier("events")]
    else:
        files["events"] = lake.files("events", since=since, until=until, snapshot_id=snapshot_id, table=events)
    loaded["events"] = events
    mixed = frozenset(name for name, table in loaded.items() if not _uniform(name, table))
    return Plan(files, mixed, snapshot_id, events, lake.storage)


def consistent(events: Table, followed: dict[str, int]) -> int | None:
    """The newest snapshot of `events` up to which every following table is complete; None before the first.

    `followed` is each table's watermark, a sequence number. A snapshot names the tables it has rows for; those with
    none, and snapshots without a batch (compaction, which changes no row), leave nothing to wait for.
    """
    limit = complete(events, followed)
    return next((each.snapshot_id for each in _history(events) if (each.sequence_number or 0) <= limit), None)


def _trimmed(events: Table) -> bool:
    """Whether snapshots were dropped, so that "none" may mean "no longer there" rather than "not yet"."""
    return len(events.snapshots()) < int(events.metadata.last_sequence_number)


def _history(events: Table) -> Iterator[Any]:
    """Snapshots from the head back, as far as they have not been expired."""
    snapshot = events.current_snapshot()
    while snapshot is not None:
        yield snapshot
        parent = snapshot.parent_snapshot_id
        snapshot = events.snapshot_by_id(parent) if parent is not None else None


def _uniform(name: str, table: Table) -> bool:
    """Whether every file has the columns of the carrier, so that DuckDB need not open each one to bind a query."""
    if len(table.metadata.schemas) != 1:
        return False
    return bool(_shape(table.schema().as_arrow()) == _shape(TABLES[name]))


def _shape(kind: Any) -> Any:
    """Names and nesting only: Iceberg hands text back as large text, and adds ids to the fields."""
    if isinstance(kind, pa.Schema) or pa.types.is_struct(kind):
        return [(each.name, _shape(each.type)) for each in kind]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [_shape(kind.value_type)]
    return None
