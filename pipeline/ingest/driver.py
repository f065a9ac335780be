"""One run of ingestion as it goes: workers are given objects, their questions answered, their batches committed.

`pipeline.ingest` says what a run is for and what it tells; this is how it works.
"""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import sys
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from multiprocessing.connection import Connection, wait
from typing import Any

import pyarrow as pa

from pipeline.config import Settings
from pipeline.errors import LakeError
from pipeline.ingest.summary import Progress, Summary
from pipeline.ingest.workers import Copies, Failed, KeysOfPart, Orders, Read, Task, Written, work
from pipeline.lake.batch import Batch, Counts, Horizon
from pipeline.lake.commit import roll_forward
from pipeline.lake.duplicates import Comparer
from pipeline.lake.ledger import OBJECT, unknown
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
    """Ingests objects that are listed already; those of `again` though the lake knows them.

    `again` gives the quarantine entry of an object's uri; one whose object is read this time is released.
    """
    crew = Crew(settings.jobs if len(listed) > 1 else 1)  # before the lake's libraries start threads of their own
    try:
        return Run(lake, sources, listed, settings, crew, progress, again or {}).go()
    finally:
        crew.close()


class Crew:
    """The worker processes and the pipes to them."""

    def __init__(self, size: int) -> None:
        # Forking is quickest; where it is not safe beside system libraries (macOS) a fresh process is started.
        context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self.pipes: list[Connection] = []
        self.processes = []
        for _ in range(size):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work_alone, args=(theirs, [*self.pipes, ours]), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.close()
        for process in self.processes:
            process.join(timeout=0.5)
            if process.is_alive():
                process.terminate()
                process.join()


def _work_alone(pipe: Connection, inherited: list[Connection]) -> None:
    """A forked worker holds copies of the driver's pipe ends; closed, it notices when the driver is gone."""
    for each in inherited:
        each.close()
    work(pipe)


class Run:
    """One run: hands out tasks, answers workers, commits batches in the order they were begun."""

    def __init__(
        self,
        lake: Lake,
        sources: list[Source],
        listed: list[tuple[int, SourceObject]],
        settings: Settings,
        crew: Crew,
        progress: Progress | None,
        again: Mapping[str, Entry],
    ) -> None:
        self.began = self.rolled = time.monotonic()
        self.lake, self.crew, self.progress = lake, crew, progress
        self.batch_bytes = settings.batch_rows * _RECORD_BYTES
        self.orders = Orders(sources, lake.storage, f"{lake.data}/events", settings.max_object_bytes)
        self.listed = listed
        self.again = again
        self.summary = Summary(objects_seen=len(listed))
        self.items: dict[int, SourceObject] = {}
        self.left: Iterator[tuple[int, int, SourceObject]] = iter(())
        self.batches: list[Batch] = []
        self.horizon = Horizon()
        self.outstanding: dict[str, int] = {}
        self.filled = 0
        self.done = 0

    def go(self) -> Summary:
        """Runs to the end; the summary counts what was committed."""
        for pipe in self.crew.pipes:
            pipe.send(self.orders)
        if not self.lake.exists:
            # Nothing is known in a lake that is yet to be made: workers can begin while it is.
            self._choose()
            for pipe in self.crew.pipes:
                pipe.recv()
                pipe.send(self._task())
            self.lake.make()
        else:
            self.lake.make()
            events = self.lake.load("events")
            self.horizon.sequence = events.metadata.last_sequence_number
            roll_forward(self.lake, events)
            self._choose(unknown(self.lake, _table(self.listed)).to_pylist())
        self._schema = self.lake.schema("events")
        self._serve()
        roll_forward(self.lake)
        tidy(self.lake)
        self._report()
        return self.summary

    @cached_property
    def _comparer(self) -> Comparer:
        return Comparer(self.lake.storage)

    def _choose(self, fresh: Iterable[bool] = itertools.repeat(True)) -> None:
        pairs = zip(self.listed, fresh, strict=False)
        new = [(source, item) for (source, item), unread in pairs if unread or item.uri in self.again]
        self.summary.objects_skipped = len(self.listed) - len(new)
        self.items = {number: item for number, (_, item) in enumerate(new)}
        self.left = iter([(number, source, item) for number, (source, item) in enumerate(new)])

    def _serve(self) -> None:
        """Answers workers until all have gone home, and commits what is complete."""
        working = list(self.crew.pipes)
        while working:
            for pipe in _ready(working):
                try:
                    message = pipe.recv()
                except EOFError:
                    raise LakeError("ingest", "a worker process died", "run the same command again") from None
                if self._answer(pipe, message):
                    working.remove(pipe)
            self._commit_finished(last=not working)

    def _answer(self, pipe: Connection, message: Any) -> bool:
        """Acts on a worker's message; True when the worker was sent home and has nothing more to say."""
        if isinstance(message, Failed):
            remedy = "mend that and run the same command again; nothing is lost"
            raise LakeError(self.lake.location, message.error, remedy)
        if isinstance(message, KeysOfPart):
            batch = self._batch(message.batch)
            copies = batch.duplicates(message.keys, message.days)
            _count(batch, message.runs, copies)
            pipe.send(Copies(copies, self._schema))
        elif isinstance(message, Written):
            self._take(message)
        elif message == "home":
            return True
        else:
            pipe.send(self._task())
        return False

    def _task(self) -> Task | None:
        """Objects for a worker, of the newest batch; a batch that is full makes room for the next."""
        objects = list(_some(self.left))
        if not objects:
            return None
        if not self.batches or self.filled >= self.batch_bytes:
            self.batches.append(Batch(self.lake, self._comparer, self.horizon, earlier=list(self.batches)))
            self.filled = 0
        batch = self.batches[-1]
        for number, _, item in objects:
            batch.objects[number] = Counts(item.uri, item.etag, item.size)
            self.filled += _weight(item)
        self.outstanding[batch.id] = self.outstanding.get(batch.id, 0) + len(objects)
        return Task(batch.id, batch.at, objects)

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
            batch.others.append(row | {"source_object": self.items[row["object"]].uri})
            batch.objects[row["object"]].other_tables += 1
        for number, position, raw, reason in written.refused:
            batch.objects[number].quarantined += 1
            batch.refused.append(_refused("record", self.items[number], f"#{position}", reason, raw, number))
        for read in written.reads:
            self._finish(batch, read)
        self.outstanding[batch.id] -= len(written.reads)
        self._report()

    def _finish(self, batch: Batch, read: Read) -> None:
        """An object is through: its row of the ledger is complete."""
        counts, item = batch.objects[read.number], self.items[read.number]
        counts.status, counts.reason, counts.sha256 = read.status, read.reason, read.sha256
        counts.records_read = read.records
        self.done += 1
        self.summary.bytes_read += item.size
        if read.status == "failed":
            batch.refused.append(_refused("object", item, "", read.reason or "", None, read.number))
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
            self._account(batch)
            if time.monotonic() - self.rolled > _ROLL_FORWARD_SECONDS:
                roll_forward(self.lake)
                tidy(self.lake)
                self.rolled = time.monotonic()

    def _account(self, batch: Batch) -> None:
        """Adds a committed batch to the summary."""
        total = self.summary
        for each in batch.objects.values():
            if each.status == "skipped":
                total.objects_skipped += 1
            elif each.status == "loaded":
                total.objects_loaded += 1
                for name in ("records_read", "events_new", "duplicates", "quarantined", "other_tables"):
                    setattr(total, name, getattr(total, name) + getattr(each, name))
            else:
                total.objects_failed += 1
                total.problems.append(f"{each.uri}: {each.reason}")
        total.problems += [f"{row['place']}: {row['reason']}" for row in batch.refused if _is_new_record(row)]
        total.conflicting_copies += batch.conflicts
        self._report()

    def _report(self) -> None:
        self.summary.seconds = round(time.monotonic() - self.began, 3)
        if self.progress:
            self.progress(self.summary, self.done, len(self.items))


def _is_new_record(row: dict[str, Any]) -> bool:
    return bool(row["kind"] == "record" and row["status"] == "quarantined")


def _table(listed: list[tuple[int, SourceObject]]) -> pa.Table:
    columns = {name: [getattr(item, name) for _, item in listed] for name in OBJECT.names}
    return pa.table(columns, OBJECT)


def _ready(pipes: list[Connection]) -> list[Connection]:
    ready = wait(pipes)
    return [pipe for pipe in pipes if pipe in ready]


def _some(left: Iterator[tuple[int, int, SourceObject]]) -> Iterator[tuple[int, int, SourceObject]]:
    weight = 0
    for each in left:
        yield each
        weight += _weight(each[2])
        if weight >= _TASK_BYTES:
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
