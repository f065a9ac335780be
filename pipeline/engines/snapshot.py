"""What a reader may read: the data files of every table, all of one story.

Between an events commit and the roll-forward that follows it (`pipeline.lake.commit`), `events` is ahead of the tables
that follow it, which record how far they have come in the property `lake.applied-seq`. So the followers are loaded
first, and events are then read at the newest snapshot of which no follower still lacks its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
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
_FOREVER = 1 << 62


@dataclass(frozen=True)
class Plan:
    """The files to read: `files[table]` has the carrier first; `mixed` names tables whose files differ in columns.

    `spans` gives the first and last eventTime of the snapshot's event files, in microseconds of the epoch, whether
    they are among `files` or not. The bounds are exact, as the lake keeps full metrics for this column; a file that
    lacks them (added by another writer) has None. `sequence` is the snapshot's number in the order of commits,
    `counts` says how many events it has of each day, `rows` roughly how many rows are to be read of each table.
    """

    files: dict[str, list[str]]
    mixed: frozenset[str]
    snapshot_id: int | None
    spans: dict[str, tuple[int, int] | None] = field(default_factory=dict, repr=False)
    storage: Storage | None = field(default=None, repr=False)
    sequence: int = 0
    counts: dict[str, int] = field(default_factory=dict, repr=False)
    rows: dict[str, int] = field(default_factory=dict, repr=False)

    def newest(self) -> datetime | None:
        """The newest eventTime of the snapshot; None without events, KeyError where a file does not tell its own."""
        known = [each for each in self.spans.values() if each is not None]
        if len(known) < len(self.spans):
            raise KeyError("eventTime")
        return _EPOCH + timedelta(microseconds=max(last for _, last in known)) if known else None

    def holding(self, since: datetime | None, until: datetime | None) -> list[str]:
        """The event files to read that may hold rows of [since, until]; the carrier is not among them."""
        low, high = _micros(since, -_FOREVER), _micros(until, _FOREVER)
        there = [(path, self.spans.get(path)) for path in self.files["events"][1:]]
        return [path for path, span in there if span is None or (span[1] >= low and span[0] <= high)]

    def within(self, since: datetime | None, until: datetime | None) -> Plan:
        """The same view of the lake without the event files that hold nothing of [since, until]."""
        events = [self.files["events"][0], *self.holding(since, until)]
        rows = self.rows.get("events", 0) * len(events) // len(self.files["events"])
        return replace(self, files=self.files | {"events": events}, rows=self.rows | {"events": rows})

    def days(self) -> dict[date, int]:
        """How many events the snapshot has of each day; the window of the plan plays no part."""
        return {date.fromisoformat(day): count for day, count in self.counts.items()}


def plan(lake: Lake, since: datetime | None = None, until: datetime | None = None) -> Plan:
    """The files of one consistent view of the lake; events only those that may hold rows of [since, until].

    Asking Iceberg takes over a second, most of it for importing what reads its metadata; where nothing was committed
    since the lake was last read, what was found then is used.
    """
    from pipeline.engines import remembered

    state = remembered.state(lake)
    found = remembered.recall(lake, state)
    if found is None:
        found = _plan(lake)
        if state and remembered.state(lake) == state:
            remembered.keep(lake, state, found)
    return found.within(since, until)


def _plan(lake: Lake) -> Plan:
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
    tasks = [] if snapshot_id is None else list(events.scan(snapshot_id=snapshot_id).plan_files())
    spans = _spans(lake, events, tasks)
    files["events"] = [lake.carrier("events"), *sorted(spans)]
    loaded["events"] = events
    mixed = frozenset(name for name, table in loaded.items() if not _uniform(name, table))
    snapshot = events.snapshot_by_id(snapshot_id) if snapshot_id is not None else None
    sequence = (snapshot.sequence_number or 0) if snapshot else 0
    rows = {name: _total(table) for name, table in loaded.items()}
    return Plan(files, mixed, snapshot_id, spans, lake.storage, sequence, _counts(tasks), rows)


def _total(table: Table) -> int:
    """How many rows a table's newest snapshot has, as its summary says; 0 where it does not."""
    snapshot = table.current_snapshot()
    told = snapshot.summary.get("total-records") if snapshot and snapshot.summary else None
    return int(told) if told and told.isdecimal() else 0


def _counts(tasks: Iterable[Any]) -> dict[str, int]:
    """How many events data files have of each day."""
    found: dict[str, int] = {}
    for task in tasks:
        day = day_of(task.file).isoformat()
        found[day] = found.get(day, 0) + task.file.record_count
    return found


def _spans(lake: Lake, events: Table, tasks: Iterable[Any]) -> dict[str, tuple[int, int] | None]:
    """Every data file of a snapshot of `events`, with its first and last eventTime where its metrics tell."""
    number = events.schema().find_field("eventTime").field_id
    found: dict[str, tuple[int, int] | None] = {}
    for task in tasks:
        low, high = task.file.lower_bounds.get(number), task.file.upper_bounds.get(number)
        told = low is not None and high is not None
        found[lake.storage.path(task.file.file_path)] = (_number(low), _number(high)) if told else None
    return found


def _number(bound: bytes) -> int:
    return int.from_bytes(bound, "little", signed=True)


def _micros(moment: datetime | None, otherwise: int) -> int:
    """Microseconds of the epoch; datetime's own arithmetic keeps them exact."""
    return (moment - _EPOCH) // timedelta(microseconds=1) if moment else otherwise


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
