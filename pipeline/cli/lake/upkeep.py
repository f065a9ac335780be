"""`trailsift lake compact`, `lake expire` and `lake rebuild`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from pipeline.lake.compact import Done, Job

_DRY = typer.Option(False, "--dry-run", help="Say what would be done; change nothing.")
_OUTPUT = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet.")


def compact(dry_run: bool = _DRY, output: str = _OUTPUT) -> None:
    """Writes days that are over, and the tables without days, as few large files sorted by what most questions
    select by. Changes no row; what needs nothing is left alone. Ingestion and readers may go on meanwhile.
    """
    import pyarrow as pa

    from pipeline import export
    from pipeline.lake import compact as room
    from pipeline.lake.commit import roll_forward
    from pipeline.lake.upkeep import tidy

    export.known(output)
    lake = current.lake()
    roll_forward(lake)
    jobs = room.due(lake)
    rows = []
    for number, done in enumerate(_none(jobs) if dry_run else room.compact(lake, jobs), 1):
        job = done.job
        row = {"table": job.table, "day": job.day, "rows": job.rows, "files_before": len(job.files)}
        rows.append(row | {"files": done.files, "bytes_before": job.bytes, "bytes": done.bytes})
        if not dry_run:
            left = "" if done.files else "; left, as another process rewrote it meanwhile"
            current.say(f"{number:,}/{len(jobs):,} {job.table} {job.day or ''} {len(job.files):,} files{left}")
    if not dry_run:
        tidy(lake)
    names = ("files_before", "files", "bytes_before", "bytes")
    schema = pa.schema(
        [("table", pa.string()), ("day", pa.date32()), ("rows", pa.int64()), *((name, pa.int64()) for name in names)]
    )
    current.show(pa.Table.from_pylist(rows, schema=schema), output)
    if not jobs:
        current.say("nothing to do: every closed day is compact")


def index() -> None:
    """Looks through the data files that are new for who was seen where, so that the next investigation need not."""
    from pipeline.casework import sightings

    current.say(f"{sightings.refresh(current.lake()):,} data files were new")


def _none(jobs: list[Job]) -> list[Done]:
    from pipeline.lake.compact import Done

    return [Done(each, None, None) for each in jobs]


def expire(
    keep: str = typer.Option(None, "--keep", help="Span of days to keep, such as 400d.", metavar="SPAN"),
    dry_run: bool = _DRY,
    output: str = _OUTPUT,
) -> None:
    """Drops days older than the span, counted back from the newest event (or --as-of), never from the future; then
    old snapshots, and files that nothing needs. Without --keep no day is dropped. The ledger keeps its rows, so the
    objects of those days are not read again; snapshots that a report named stay, with their files.
    """
    from dataclasses import asdict

    import pyarrow as pa

    from pipeline import export
    from pipeline.casework import sightings
    from pipeline.lake.commit import roll_forward
    from pipeline.lake.retention import expire as run

    export.known(output)
    lake = current.lake()
    roll_forward(lake)
    before = _before(keep) if keep else date.min
    found = run(lake, before, dry_run)
    if not dry_run:
        sightings.forget(lake)
    numbers = [(name, pa.int64()) for name in ("files", "bytes", "rows")]
    days = [(name, pa.date32()) for name in ("first_day", "last_day")]
    schema = pa.schema([("what", pa.string()), *numbers, *days])
    rows = pa.Table.from_pylist([asdict(each) for each in found], schema=schema)
    current.show(rows, output)
    verb = "would be dropped" if dry_run else "were dropped"
    current.say(f"days before {before} {verb}" if keep else f"without --keep no day {verb.replace('were', 'was')}")


def _before(keep: str) -> date:
    """The first day that stays."""
    from datetime import UTC, datetime

    from pipeline.cli.window import as_of
    from pipeline.engines.duckdb import connect
    from pipeline.times import parse_duration

    span = parse_duration(keep, "--keep")
    with connect(current.lake()) as engine:
        # An event that claims to be of the future, which anybody can have logged, must not age all others.
        moment = min(as_of(engine), datetime.now(UTC))
    return (moment - span).date()


def usage() -> None:
    """Reads every event and replaces the roll-up in one commit; what is ingested meanwhile is kept."""
    import time

    from pipeline.lake.rebuild import rebuild_usage

    last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        if current.progress and time.monotonic() - last > 10:
            last = time.monotonic()
            current.say(f"events {done:,}/{total:,}")

    count = rebuild_usage(current.lake(), report)
    print(f"usage rebuilt from {count:,} events")


def habits() -> None:
    """Reads every event and replaces the habits day by day; stopped in between, what was done stays done."""
    from pipeline.detect.baselines.habits import rebuild
    from pipeline.engines.duckdb import connect
    from pipeline.lake.habits import replace_days

    lake = current.lake()
    with connect(lake) as engine:
        days = rebuild(engine, lambda rows: replace_days(lake, rows))
    print(f"habits rebuilt for {days:,} days")
