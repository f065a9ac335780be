"""One run of ingestion as it goes: workers are given objects, their questions answered, their batches committed.

`pipeline.ingest` says what a run is for and what it tells; this is how it works.
"""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import count
from multiprocessing.connection import Connection
from threading import Event
from typing import Any

import pyarrow as pa

from pipeline.config import Settings
from pipeline.errors import LakeError
from pipeline.ingest.crew import Crew
from pipeline.ingest.listing import Listing, objects
from pipeline.ingest.summary import Progress, Summary
from pipeline.ingest.workers import Copies, Failed, KeysOfPart, Orders, Read, Task, Written
from pipeline.lake.batch import Batch, Counts, Horizon
from pipeline.lake.commit import roll_forward
from pipeline.lake.duplicates import Comparer
from pipeline.lake.failpoints import hit
from pipeline.lake.ledger import unknown
from pipeline.lake.quarantine import Entry
from pipeline.lake.tables import Lake
from pipeline.lake.upkeep import tidy
from pipeline.sources.base import Source, SourceObject

# What a compressed byte becomes; only used to size tasks and batches before anything is read.
_RATIO = 12
_RECORD_BYTES = 1300
_TASK_BYTES = 16 << 20
_ROLL_FORWARD_SECONDS = 20.0


def take_up(
    lake: Lake,
    sources: list[Source],
    listed: list[tuple[int, SourceObject]],
    settings: Settings,
    progress: Progress | None = None,
    again: Mapping[str, Entry] | None = None,
) -> Summary:
    """Ingests a few objects that are listed already; those of `again` though the lake knows them.

    `again` gives the quarantine entry of an object's uri; one whose object is read this time is released.
    """
    crew = Crew(settings.jobs if len(listed) > 1 else 1)  # before the lake's libraries start threads of their own
    listing = Listing()
    try:
        for each in listed:
            listing.add(*each)
        return Run(lake, sources, listing, settings, crew, progress, again or {}).go()
    finally:
        listing.close()
        crew.close()


class Run:
    """One run: hands out tasks, answers workers, commits batches in the order they were begun."""

    def __init__(
        self,
        lake: Lake,
        sources: list[Source],
        listing: Listing,
        settings: Settings,
        crew: Crew,
        progress: Progress | None = None,
        again: Mapping[str, Entry] | None = None,
        stop: Event | None = None,
        committed: Callable[[Summary], None] | None = None,
    ) -> None:
        self.began = self.rolled = time.monotonic()
        self.lake, self.crew, self.progress, self.committed = lake, crew, progress, committed
        self.batch_bytes = settings.batch_rows * _RECORD_BYTES
        self.orders = Orders(sources, lake.storage, f"{lake.data}/events", settings.max_object_bytes)
        self.listing = listing
        self.again = again or {}
        self.stop = stop or Event()
        self.summary = Summary(objects_seen=len(listing))
        self.unreadable: list[str] = []
        self.listeners = [each for each in sources if type(each).committed is not Source.committed]
        self.items: dict[int, tuple[Source, SourceObject]] = {}
        self.left = self._new(known=lake.exists and not self.again)
        self.batches: list[Batch] = []
        self.horizon = Horizon()
        self.outstanding: dict[str, int] = {}
        self.filled = 0
        self.done = 0

    def go(self) -> Summary:
        """Runs to the end; the summary counts what was committed."""
        self.crew.begin(self.orders)
        if not self.lake.exists:
            # Nothing is known in a lake that is yet to be made: workers can begin while it is.
            for pipe in self.crew.pipes:
                for _ in self.crew.messages([pipe]):
                    self.crew.send(pipe, self._task())
            self.lake.make()
        else:
            self.lake.make()
            events = self.lake.load("events")
            self.horizon.sequence = events.metadata.last_sequence_number
            roll_forward(self.lake, events)
        self._schema = self.lake.schema("events")
        self._serve()
        self.crew.end()
        roll_forward(self.lake)
        tidy(self.lake)
        self._report()
        return self.summary

    @cached_property
    def _comparer(self) -> Comparer:
        return Comparer(self.lake.storage)

    def _new(self, known: bool) -> Iterator[tuple[int, int, SourceObject]]:
        """(number, source, object) of what the lake does not know yet, sorted out as far as workers have come."""
        numbers = count()
        for chunk in self.listing.chunks():
            new = unknown(self.lake, chunk) if known else chunk
            if new.num_rows < chunk.num_rows:
                self.summary.objects_skipped += chunk.num_rows - new.num_rows
                self._tell_known(chunk, new)
            for source, item in objects(new):
                number = next(numbers)
                self.items[number] = (self.orders.sources[source], item)
                yield number, source, item

    def _tell_known(self, chunk: pa.Table, new: pa.Table) -> None:
        """Tells sources that want to hear of it which objects the lake had already."""
        if self.listeners:
            fresh = {item for _, item in objects(new)}
            known = [item for _, item in objects(chunk) if item not in fresh]
            for source in self.listeners:
                source.committed(known)

    def _serve(self) -> None:
        """Answers workers until all have gone home, and commits what is complete."""
        working = list(self.crew.pipes)
        while working:
            for pipe, message in self.crew.messages(working):
                if self._answer(pipe, message):
                    working.remove(pipe)
            self._commit_finished(last=not working)

    def _answer(self, pipe: Connection, message: Any) -> bool:
        """Acts on a worker's message; True when the worker was sent home and has nothing more to say."""
        if isinstance(message, Failed) and message.source:
            raise message.source
        if isinstance(message, Failed):
            remedy = "mend that and run the same command again; nothing is lost"
            raise LakeError(self.lake.location, message.error, remedy)
        if isinstance(message, KeysOfPart):
            batch = self._batch(message.batch)
            copies = batch.duplicates(message.keys, message.days)
            _count(batch, message.runs, copies)
            self.crew.send(pipe, Copies(copies, self._schema))
        elif isinstance(message, Written):
            self._take(message)
        elif message == "home":
            return True
        else:
            self.crew.send(pipe, self._task())
        return False

    def _task(self) -> Task | None:
        """Objects for a worker, of the newest batch; a batch that is full makes room for the next."""
        taken = [] if self.stop.is_set() else list(_some(self.left, min(_TASK_BYTES, self.batch_bytes)))
        if not taken:
            return None
        if not self.batches or self.filled >= self.batch_bytes:
            self.batches.append(Batch(self.lake, self._comparer, self.horizon, earlier=list(self.batches)))
            self.filled = 0
        batch = self.batches[-1]
        for number, _, item in taken:
            batch.objects[number] = Counts(item.uri, item.etag, item.size)
            self.filled += _weight(item)
        self.outstanding[batch.id] = self.outstanding.get(batch.id, 0) + len(taken)
        return Task(batch.id, batch.at, taken)

    def _batch(self, name: str) -> Batch:
        return next(each for each in self.batches if each.id == name)

    def _take(self, written: Written) -> None:
        batch = self._batch(written.batch)
        batch.files += written.files
        if written.usage.num_rows:
            batch.usage.append(written.usage)
        if written.copies:
            batch.copies.append(written.copies)
        for row in written.others:
            batch.others.append(row | {"source_object": self.items[row["object"]][1].uri})
            batch.objects[row["object"]].other_tables += 1
        for number, position, raw, reason in written.refused:
            batch.objects[number].quarantined += 1
            batch.refused.append(_refused("record", self.items[number][1], f"#{position}", reason, raw, number))
        for read in written.reads:
            self._finish(batch, read)
        self.outstanding[batch.id] -= len(written.reads)
        self._report()

    def _finish(self, batch: Batch, read: Read) -> None:
        """An object is through: its row of the ledger is complete."""
        counts, item = batch.objects[read.number], self.items[read.number][1]
        counts.status, counts.reason, counts.sha256 = read.status, read.reason, read.sha256
        counts.records_read = read.records
        self.done += 1
        self.summary.bytes_read += item.size
        if read.status == "failed":
            batch.refused.append(_refused("object", item, "", read.reason or "", read.raw, read.number))
        elif read.status == "unreadable":
            self.unreadable.append(item.uri)
        elif read.status == "loaded" and item.uri in self.again:
            entry = self.again[item.uri]
            common = {"id": entry.id, "kind": entry.kind, "place": entry.place, "uri": entry.uri}
            batch.refused.append(common | {"status": "released", "reason": entry.reason, "object": read.number})

    def _commit_finished(self, last: bool) -> None:
        while self.batches and not self.outstanding[self.batches[0].id] and (last or len(self.batches) > 1):
            batch = self.batches[0]
            if any(each.status in ("loaded", "failed") for each in batch.objects.values()):
                batch.commit()
            self.batches.pop(0)
            hit("committed-untold")
            self._account(batch)
            self._tell_sources(batch)
            if time.monotonic() - self.rolled > _ROLL_FORWARD_SECONDS:
                roll_forward(self.lake)
                tidy(self.lake)
                self.rolled = time.monotonic()

    def _account(self, batch: Batch) -> None:
        """Adds a batch that is through to the summary."""
        part = Summary(conflicting_copies=batch.conflicts)
        for each in batch.objects.values():
            if each.status == "skipped":
                part.objects_skipped += 1
            elif each.status == "loaded":
                part.objects_loaded += 1
                for name in ("records_read", "events_new", "duplicates", "quarantined", "other_tables"):
                    setattr(part, name, getattr(part, name) + getattr(each, name))
            else:
                part.objects_failed += 1
                part.problems.append(f"{each.uri}: {each.reason}")
        part.problems += [f"{row['place']}: {row['reason']}" for row in batch.refused if _is_new_record(row)]
        self.summary.add(part)
        self._report()
        if self.committed:
            self.committed(part)

    def _tell_sources(self, batch: Batch) -> None:
        """Tells the sources what the lake has now and what could not be read, and forgets it here."""
        taken: list[SourceObject] = []
        failed: list[tuple[SourceObject, str]] = []
        for number, counts in batch.objects.items():
            _, item = self.items.pop(number)
            if counts.status == "unreadable":
                failed.append((item, counts.reason or ""))
            else:
                taken.append(item)
        for source in self.listeners:
            source.committed(taken)
            source.unreadable(failed)

    def _report(self) -> None:
        self.summary.seconds = round(time.monotonic() - self.began, 3)
        if self.progress:
            self.progress(self.summary, self.done, self.summary.objects_seen - self.summary.objects_skipped)


def _is_new_record(row: dict[str, Any]) -> bool:
    return bool(row["kind"] == "record" and row["status"] == "quarantined")


def _some(left: Iterator[tuple[int, int, SourceObject]], most: int) -> Iterator[tuple[int, int, SourceObject]]:
    weight = 0
    for each in left:
        yield each
        weight += _weight(each[2])
        if weight >= most:
            return


def _weight(item: SourceObject) -> int:
    return item.size * (_RATIO if item.uri.endswith("gz") else 1) + 1


def _count(batch: Batch, runs: list[tuple[int, int]], copies: list[int]) -> None:
    """Spreads a part's rows over their objects as new or duplicate; `copies` are sorted row numbers."""
    start = 0
    for number, rows in runs:
        known = bisect_left(copies, start + rows) - bisect_left(copies, start)
        batch.objects[number].duplicates += known
        batch.objects[number].events_new += rows - known
        start += rows


def _refused(
    kind: str, item: SourceObject, position: str, reason: str, raw: bytes | None, number: int
) -> dict[str, Any]:
    place = f"{item.uri}{position}"
    identity = hashlib.sha256(f"{place}|{reason}|{item.etag}".encode() + (raw or b"")).hexdigest()[:24]
    common = {"id": identity, "kind": kind, "status": "quarantined", "place": place, "uri": item.uri}
    return common | {"reason": reason, "raw": raw, "object": number}
