"""`lake compact`: closed days, and the tables without days, as few large sorted files; changes no row.

What is already so is left alone, which makes it safe and cheap to repeat. Ingestion and readers go on meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.lake.rewrite import exchange, scratch, write_anew
from pipeline.lake.tables import Lake
from pipeline.lake.upkeep import day_of, of_day, planned
from pipeline.machine import memory_limit
from pipeline.records.schema import BY_DAY, TABLES
from pipeline.times import day_start

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

LARGEST = 256 << 20
_MARK = "compact"
# A sort of wide rows holds some blocks a thread in memory whatever it spills: 512 MiB were too few for a day of 755,000
# events. An eighth leaves room for what runs beside it.
_SHARE, _LEAST = 8, 512 << 20
# CloudTrail delivers within minutes ("How CloudTrail works": on average about five); later comers are merged later.
_CLOSED = timedelta(hours=2)
# A reader waits for one small file more at a time; a handful of them is not worth writing a large day anew.
_FEW = 0.05


@dataclass(frozen=True)
class Job:
    """A day of `events`, or a whole table (`day` is None), that is worth writing anew."""

    table: str
    day: date | None
    files: list[DataFile]

    @property
    def rows(self) -> int:
        """Rows before; only the roll-up has fewer afterwards."""
        return sum(each.record_count for each in self.files)

    @property
    def bytes(self) -> int:
        """Bytes of its files before."""
        return sum(each.file_size_in_bytes for each in self.files)

    @property
    def parts(self) -> int:
        """Files it should have afterwards."""
        return -(-self.bytes // LARGEST) or 1


@dataclass(frozen=True)
class Done:
    """What became of a job; `files` and `bytes` afterwards, None where another process was first."""

    job: Job
    files: int | None
    bytes: int | None


def due(lake: Lake, now: datetime | None = None) -> list[Job]:
    """What is worth writing anew, oldest day first; `roll_forward` should have been called."""
    closed = (now or datetime.now(UTC)) - _CLOSED - timedelta(days=1)
    days: dict[date, list[DataFile]] = defaultdict(list)
    for file in planned(lake.load("events")):
        if day_start(day_of(file)) <= closed:
            days[day_of(file)].append(file)
    jobs = [Job("events", day, files) for day, files in sorted(days.items())]
    jobs += [Job(name, None, planned(lake.load(name))) for name in TABLES if name not in BY_DAY]
    return [each for each in jobs if _worth(each)]


def _worth(job: Job) -> bool:
    loose = [each for each in job.files if not _compacted(each)]
    if job.day is None:
        return len(job.files) > job.parts and bool(loose)
    return len(job.files) > job.parts + 8 or sum(each.record_count for each in loose) > _FEW * job.rows


def _compacted(file: DataFile) -> bool:
    return bool(file.file_path.rpartition("/")[2].startswith(f"{_MARK}-"))


def compact(lake: Lake, jobs: list[Job]) -> Iterator[Done]:
    """Does the jobs one by one, each in a commit of its own; stopped in between, what was done stays done."""
    for job in jobs:
        with scratch(lake, memory=max(_LEAST, memory_limit(_SHARE))) as connection:
            paths = [lake.storage.path(each.file_path) for each in job.files]
            folder = f"{lake.data}/{job.table}" + (f"/day={job.day}" if job.day else "")
            new = write_anew(lake, job.table, paths, f"{folder}/{_MARK}", job.parts, connection)
        if exchange(lake, lake.load(job.table), job.files, new, "compact", _planner(job)):
            yield Done(job, len(new), sum(lake.storage.size(path) for path in new))
        else:
            yield Done(job, None, None)


def _planner(job: Job) -> Callable[[Table], list[DataFile]]:
    day = job.day
    return planned if day is None else lambda table: of_day(table, day)
