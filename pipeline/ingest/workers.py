"""The processes that do the heavy work of ingestion: read, inflate, hash, decode, build columns, write Parquet.

A worker asks for objects, builds parts of them and sends each part's keys to the driver, which answers with the
rows that are copies. While it waits it works on the next part. Only the driver writes to the lake's tables;
a worker's files count for nothing until the driver commits them.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import SourceError
from pipeline.ingest.reading import Reader
from pipeline.lake.storage import Storage, found_by_id
from pipeline.lake.usage import roll_up
from pipeline.records import encoded
from pipeline.records.decode import ObjectError, inflate
from pipeline.records.normalize import Builder, Part, add_object
from pipeline.sources.base import Refusal, Source, SourceObject

PART_ROWS = 32_000
PART_BYTES = 64 << 20
_PAGE_BYTES = 8 << 20  # one page a column, most often: readers skip by row group, and a page costs a compressor's start
KEY_COLUMNS = ["eventID", "record_sha256", "account_id"]


@dataclass(frozen=True)
class Orders:
    """What a worker needs to know for a run."""

    sources: list[Source]
    storage: Storage
    folder: str  # where data files of `events` go
    max_object_bytes: int


@dataclass(frozen=True)
class Task:
    """Objects to read for one batch: (number, source, object)."""

    batch: str
    at: datetime
    objects: list[tuple[int, int, SourceObject]]


@dataclass
class Read:
    """What reading an object gave; `status` is loaded, failed (by its content) or unreadable (not by it).

    `raw` is what a source hands over of an object that it will not have again.
    """

    number: int
    status: str = "loaded"
    reason: str | None = None
    raw: bytes | None = None
    size: int = 0
    sha256: str | None = None
    records: int = 0


@dataclass
class KeysOfPart:
    """A part's identities, for the driver to say which rows are copies."""

    batch: str
    keys: pa.Table
    days: tuple[date, date] | None
    runs: list[tuple[int, int]]


@dataclass(frozen=True)
class Copies:
    """The driver's answer to KeysOfPart: rows to leave out, and the schema to write the others in."""

    rows: list[int]
    schema: pa.Schema  # of `events`, with Iceberg's field ids


@dataclass
class Written:
    """A part that lies on disk without its copies, and what else its objects held."""

    batch: str
    files: list[str]
    copies: str | None
    usage: pa.Table
    reads: list[Read]
    others: list[dict[str, Any]]
    refused: list[tuple[int, int, bytes, str]]


@dataclass
class Failed:
    """The worker cannot go on: the disk is full, or the like; `source` is the error of a place that gives no more."""

    error: str
    source: SourceError | None = None


def work(pipe: Connection) -> None:
    """The life of a worker process: one run after another, told to it by the driver through `pipe`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.disable()
    pa.set_cpu_count(1)
    _keep_memory()
    worker: _Worker | None = None
    try:
        while True:
            orders = pipe.recv()
            if orders or not worker:
                worker = _Worker(pipe, orders)
            worker.run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # The driver is gone; nothing of ours counts.
    except SourceError as error:
        pipe.send(Failed(str(error), error))
    except OSError as error:
        pipe.send(Failed(f"cannot be written ({error.strerror or error})"))
    except Exception as error:
        pipe.send(Failed(f"{type(error).__name__}: {error}"))
    finally:
        if worker:
            worker.reader.close()


def _keep_memory() -> None:
    """Has the C library keep freed memory for the next part: giving it back and faulting it in anew costs a tenth."""
    with contextlib.suppress(OSError, AttributeError):
        tune = ctypes.CDLL(None).mallopt
        for parameter in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            tune(parameter, 1 << 30)
        pa.set_memory_pool(pa.system_memory_pool())


# mallopt's names for its parameters (glibc's malloc.h).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


@dataclass
class _Worker:
    pipe: Connection
    orders: Orders
    builder: Builder = field(default_factory=Builder)
    reads: list[Read] = field(default_factory=list)
    waiting: list[tuple[Part, list[Read], Task]] = field(default_factory=list)
    uris: dict[int, str] = field(default_factory=dict)
    written: int = 0

    def __post_init__(self) -> None:
        self.reader = Reader(self.orders.sources)

    def run(self) -> None:
        """Works until the driver has no more tasks."""
        task: Task | None = None
        while True:
            following = self._next()
            if task is not None and (following is None or following.batch != task.batch):
                self._flush(task)
                self._settle()
                self.uris.clear()
            if following is None:
                self.pipe.send("home")
                return
            task = following
            for fetched in self.reader.read(task.objects):
                self._read(task, *fetched)

    def _next(self) -> Task | None:
        """The next task; a part that waits for its answer is finished first if the answer is there already."""
        self.pipe.send(None)
        while True:
            answer = self.pipe.recv()
            if not isinstance(answer, Copies):
                return answer  # type: ignore[no-any-return]
            self._write(answer)

    def _read(self, task: Task, number: int, item: SourceObject, coming: Future[bytes]) -> None:
        read = Read(number)
        self.uris[number] = item.uri
        try:
            data = inflate(_bytes(coming), self.orders.max_object_bytes)
            read.size, read.sha256 = len(data), hashlib.sha256(data).hexdigest()
            self._take(task, read, data)
        except ObjectError as error:
            read.status, read.reason = "failed", str(error)
        except Refusal as error:
            read.status, read.reason, read.raw = "failed", str(error), error.raw
        except Unreadable as error:
            read.status, read.reason = "unreadable", str(error)
        self.reads.append(read)
        if self._full():
            self._flush(task)

    def _take(self, task: Task, read: Read, data: bytes) -> None:
        before = self._taken()
        for _ in add_object(self.builder, read.number, data):
            if self._full():
                read.records += self._taken() - before
                before = 0
                self._flush(task)
        read.records += self._taken() - before

    def _taken(self) -> int:
        return self.builder.rows + self.builder.aside

    def _full(self) -> bool:
        return self.builder.rows >= PART_ROWS or self.builder.size >= PART_BYTES

    def _flush(self, task: Task) -> None:
        """Sends the keys of what was built, and writes the part before it, whose answer has come meanwhile."""
        part, reads, self.reads = self.builder.build(), self.reads, []
        if self.written % 16 == 15:
            gc.collect()
        self._settle()
        moments = pc.min_max(part.rows["eventTime"])
        days = (moments["min"].as_py().date(), moments["max"].as_py().date()) if part.rows.num_rows else None
        self.waiting.append((part, reads, task))
        keys = encoded.plain_table(part.rows.select(KEY_COLUMNS))
        self.pipe.send(KeysOfPart(task.batch, keys, days, part.runs))

    def _settle(self) -> None:
        while self.waiting:
            self._write(self.pipe.recv())

    def _write(self, copies: Copies) -> None:
        """Writes the part that waits, without the rows that are copies, one file a day."""
        part, reads, task = self.waiting.pop(0)
        events = _with_provenance(part, self.uris, task)
        aside = None
        if copies.rows:
            mask = np.ones(events.num_rows, dtype=bool)
            mask[copies.rows] = False
            aside = self._file(task, "copies")
            self.orders.storage.write(aside, events.filter(pa.array(~mask)), compression="lz4")
            events = events.filter(pa.array(mask))
        files = [self._store(task, day, encoded.with_schema(rows, copies.schema)) for day, rows in _by_day(events)]
        refused = [(number, position, each.raw, each.reason) for number, position, each in part.refused]
        usage = roll_up(events, task.batch)
        self.pipe.send(Written(task.batch, files, aside, usage, reads, part.others, refused))

    def _store(self, task: Task, day: date, rows: pa.Table) -> str:
        path = self._file(task, f"day={day}")
        # Readers prune by time alone; statistics of the other ninety columns would cost a sixth of the writing.
        settings: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "write_statistics": ["eventTime"]}
        settings |= {"data_page_size": _PAGE_BYTES} | found_by_id(rows.num_rows)
        dictionaries = encoded.repeating(rows.schema)
        # Arrow's own schema would tell readers of dictionaries; the lake's tables have plain texts.
        self.orders.storage.write(path, rows, use_dictionary=dictionaries, store_schema=False, **settings)
        return path

    def _file(self, task: Task, folder: str) -> str:
        self.written += 1
        return f"{self.orders.folder}/{folder}/{task.batch}-{os.getpid()}-{self.written:05}.parquet"


class Unreadable(Exception):
    """The object's bytes cannot be had now; nothing is known of its content."""


def _bytes(coming: Future[bytes]) -> bytes:
    try:
        return coming.result()
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error


def _with_provenance(part: Part, uris: dict[int, str], task: Task) -> pa.Table:
    """The part's rows with where they came from."""
    numbers = [number for number, _ in part.runs]
    lengths = [rows for _, rows in part.runs]
    owner = np.repeat(np.arange(len(numbers), dtype="int32"), lengths)
    count = part.rows.num_rows
    columns = {
        "source_object": encoded.spread(pa.array([uris[number] for number in numbers], pa.string()), pa.array(owner)),
        "ingested_at": pa.repeat(pa.scalar(task.at, pa.timestamp("us", tz="UTC")), count),
        "batch_id": encoded.spread(pa.array([task.batch]), pa.array(np.zeros(count, np.int32))),
    }
    events = part.rows
    for name, column in columns.items():
        events = events.set_column(events.schema.get_field_index(name), name, column)
    return events


def _by_day(events: pa.Table) -> Iterator[tuple[date, pa.Table]]:
    """The rows of each day; a chunk that lies within one day, as most do, is not copied."""
    found: dict[date, list[pa.RecordBatch]] = {}
    for chunk in events.to_batches():
        days = pc.cast(chunk["eventTime"], pa.date32())
        distinct = pc.unique(days).to_pylist()
        for day in distinct:
            rows = chunk if len(distinct) == 1 else chunk.filter(pc.equal(days, pa.scalar(day, pa.date32())))
            found.setdefault(day, []).append(rows)
    for day, chunks in sorted(found.items()):
        yield day, pa.Table.from_batches(chunks)
