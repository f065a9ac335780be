"""A batch of ingested objects on its way into the lake: deduplicated, counted, then committed as one.

A batch is pinned to the snapshot it began at. Every part of it is compared with that snapshot's files, with the
parts before it and with the batches of the same run that are not committed yet; at the commit it is compared
with whatever other processes added since. So the compare-and-swap of the commit makes the whole valid.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.errors import LakeError
from pipeline.lake.commit import batch_of, commit_events, harmless, roll_forward, stage
from pipeline.lake.duplicates import Comparer, keys_of
from pipeline.lake.failpoints import hit
from pipeline.lake.ledger import unread
from pipeline.lake.tables import Lake
from pipeline.lake.usage import roll_up
from pipeline.records.schema import LEDGER, OTHER, QUARANTINE
from pipeline.times import day_start

OTHER_TABLES = ("digests", "insights", "aggregated")
_TRIES = 200


@dataclass
class Counts:
    """One object on its way: what the ledger will say of it."""

    uri: str
    etag: str
    size: int
    sha256: str | None = None
    status: str = "loaded"
    reason: str | None = None
    records_read: int = 0
    events_new: int = 0
    duplicates: int = 0
    quarantined: int = 0
    other_tables: int = 0


@dataclass
class Horizon:
    """What a run knew when it chose its objects: the ledger as of a snapshot of `events`, and its own batches.

    `looked` is the sequence number up to which it has looked at others' commits, and `others` whether there were any.
    """

    sequence: int = 0
    ours: set[str] = field(default_factory=set)
    looked: int = 0
    others: bool = False

    def look(self, events: Any) -> bool:
        """Whether other runs committed since. A snapshot that was dropped before it was looked at may be theirs."""
        since = max(self.sequence, self.looked)
        later = [each for each in events.snapshots() if (each.sequence_number or 0) > since]
        self.looked = events.metadata.last_sequence_number
        unseen = len(later) < self.looked - since
        self.others |= unseen or any(not harmless(each) and batch_of(each) not in self.ours for each in later)
        return self.others


@dataclass
class Batch:
    """Parts of a batch are added as workers write them; `commit` makes them part of the lake."""

    lake: Lake
    comparer: Comparer
    horizon: Horizon
    earlier: list[Batch] = field(default_factory=list)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.horizon.ours.add(self.id)
        self.seen: set[str] = set()
        self.objects: dict[int, Counts] = {}
        self.files: list[str] = []
        self.usage: list[pa.Table] = []
        self.refused: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self.copies: list[str] = []
        self.days: tuple[date, date] | None = None
        self.conflicts = 0
        self.later: list[Batch] = []
        self.overtook = False
        for each in self.earlier:
            each.later.append(self)

    @cached_property
    def base(self) -> Any:
        """The table `events` at the snapshot the batch is compared with."""
        return self.lake.load("events")

    def duplicates(self, keys: pa.Table, days: tuple[date, date] | None) -> list[int]:
        """Rows of a part whose event is known already: in the lake, in this run, or earlier in the part."""
        if days is None:
            return []
        self.days = days if self.days is None else (min(days[0], self.days[0]), max(days[1], self.days[1]))
        known = set(self.comparer.rows_in(keys, self._planned(self.base, days)))
        texts = keys_of(keys)
        fresh = set(texts)
        seen = [self.seen, *(each.seen for each in self.earlier)]
        if len(fresh) < len(texts) or not all(map(fresh.isdisjoint, seen)):
            fresh = set()
            for row, key in enumerate(texts):
                if key in fresh or any(key in each for each in seen):
                    known.add(row)
                else:
                    fresh.add(key)
        self.seen |= fresh
        for each in self.later:
            # A later batch was asked about such an event first; but this one is committed first, and keeps it.
            each.overtook |= not each.seen.isdisjoint(fresh)
        return sorted(known)

    def commit(self) -> None:
        """Puts the batch into the lake; raises LakeError where others never leave it a chance."""
        hit("data-written")
        if self.overtook and self.days:
            self._remove(self._planned(self.lake.load("events"), self.days))
        for _ in range(_TRIES):
            events = self.lake.load("events")
            if self.horizon.look(events):
                self._meet(events)
            self._keep_conflicting_copies(events)
            name = uuid.uuid4().hex
            followers = stage(self.lake, name, self._followers())
            hit("before-commit")
            if commit_events(events, self.id, name, followers, self.files):
                hit("events-committed")
                self.earlier, self.later = [], []
                return
            time.sleep(random.uniform(0, 0.1))
        raise LakeError(self.lake.location, "other writers committed first every time", "run the same command again")

    def _meet(self, events: Any) -> None:
        """Takes account of what others committed since the run chose its objects: their objects and their events."""
        roll_forward(self.lake, events)
        objects = list(self.objects.values())
        fresh_objects = {id(each) for each in unread(self.lake, objects)}
        for each in objects:
            each.status = each.status if id(each) in fresh_objects else "skipped"
        if self.days is None:
            return
        own = {path for each in self.earlier for path in each.files}
        fresh = set(self._planned(events, self.days)) - set(self._planned(self.base, self.days)) - own
        if fresh:
            self._remove(sorted(fresh))
        self.base = events

    def _remove(self, fresh: list[str]) -> None:
        """Rewrites this batch's files without the rows that `fresh` files, committed before it, hold."""
        by_uri = {each.uri: each for each in self.objects.values()}
        left: list[str] = []
        for path in self.files:
            rows = self.lake.storage.read(path)
            known = self.comparer.rows_in(rows.select(["eventID", "record_sha256", "account_id"]), fresh)
            if not known:
                left.append(path)
                continue
            mask = np.ones(rows.num_rows, dtype=bool)
            mask[known] = False
            kept, copies = rows.filter(pa.array(mask)), rows.filter(pa.array(~mask))
            for uri in copies["source_object"].to_pylist():
                by_uri[uri].events_new -= 1
                by_uri[uri].duplicates += 1
            stem = path.removesuffix(".parquet")
            self.copies.append(f"{stem}-copies-{uuid.uuid4().hex[:8]}.parquet")
            self.lake.storage.write(self.copies[-1], copies)
            if kept.num_rows:
                left.append(f"{stem}-{uuid.uuid4().hex[:8]}.parquet")
                self.lake.storage.write(left[-1], kept)
            self.lake.storage.delete(path)
        if left != self.files:
            self.usage = [roll_up(self.lake.storage.read(path), self.id) for path in left]
            self.files = left

    def _keep_conflicting_copies(self, events: Any) -> None:
        """Copies that tell another story than the event that stays are kept aside in quarantine."""
        if not self.copies or self.days is None:
            return
        stays = [path for each in [*self.earlier, self] for path in each.files]
        stays += self._planned(events, self.days)
        for row in self.comparer.conflicting(self.copies, sorted(set(stays))):
            self.refused.append(row | {"kind": "conflicting_copy"})
            self.conflicts += 1
        for path in self.copies:
            self.lake.storage.delete(path)
        self.copies = []

    def _planned(self, events: Any, days: tuple[date, date]) -> list[str]:
        since, until = day_start(days[0]), day_start(days[1]) + timedelta(days=1, microseconds=-1)
        return self.lake.files("events", since, until, table=events)

    def _followers(self) -> dict[str, pa.Table]:
        """The batch's rows for the tables that follow `events`."""
        taken = {number: each for number, each in self.objects.items() if each.status in ("loaded", "failed")}
        tables = {
            "ledger": _rows(LEDGER, (vars(each) for each in taken.values()), self),
            "usage": pa.concat_tables(self.usage) if self.usage else None,
            "quarantine": _rows(QUARANTINE, (e for e in self.refused if self._counts(e, taken)), self),
        }
        for name in OTHER_TABLES:
            rows = (each for each in self.others if each["table"] == name and each["object"] in taken)
            tables[name] = _rows(OTHER, rows, self)
        return {name: rows for name, rows in tables.items() if rows is not None}

    def _counts(self, row: dict[str, Any], taken: dict[int, Counts]) -> bool:
        return row.get("object") is None or row["object"] in taken


def _rows(schema: pa.Schema, rows: Iterable[dict[str, Any]], batch: Batch) -> pa.Table:
    common = {"batch_id": batch.id, "quarantined_at": batch.at, "ingested_at": batch.at}
    return pa.Table.from_pylist([{**common, **row} for row in rows], schema=schema)
