"""`trailsift ingest SOURCE…`: logs into the lake."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from threading import Event
from typing import TYPE_CHECKING

import typer

from pipeline.cli.context import current, printable

if TYPE_CHECKING:
    from pipeline.ingest.summary import Summary

_SOURCES = "Folder, file, s3://bucket/prefix, sqs:URL, lookup:REGION[,…], or a name from trailsift.toml."


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("ingest", help="Bring logs into the lake: folders, S3, SQS, the API.")(ingest)


def ingest(
    sources: list[str] = typer.Argument(None, help=_SOURCES, metavar="SOURCE…", show_default="all of trailsift.toml"),
    since: str = typer.Option(None, "--from", help="Only objects delivered on this day or later.", metavar="DAY"),
    until: str = typer.Option(None, "--to", help="Only objects delivered on this day or before.", metavar="DAY"),
    account: list[str] = typer.Option([], "--account", help="Only objects of this account (repeatable)."),
    region: list[str] = typer.Option([], "--region", help="Only objects of this region (repeatable)."),
    jobs: int = typer.Option(None, "--jobs", min=1, help="Worker processes.", show_default="one a core"),
    follow: bool = typer.Option(False, "--follow", help="Go on until told to stop (Ctrl-C, SIGTERM)."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be read; read and write nothing."),
    output: str = typer.Option("table", "-o", "--output", help="table or json."),
) -> None:
    """Lists the sources' objects, reads the new ones and commits their events; safe to repeat at any time."""
    from dataclasses import replace

    from pipeline import ingest as run
    from pipeline.cli.progress import progress
    from pipeline.errors import UsageError

    if output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no format of ingest", "write table or json")
    settings = replace(current.settings, jobs=jobs or current.settings.jobs)
    chosen = run.Selection(frozenset(account), frozenset(region), _day(since, "--from"), _day(until, "--to"))
    if follow and dry_run:
        raise UsageError("--follow", "a dry run does not go on", "leave out one of the two")
    if dry_run:
        summary, stopped = run.plan(settings.lake, sources or [], settings, chosen), False
    else:
        with progress(current) as report, stopping() as stop:
            summary = run.ingest(settings.lake, sources or [], settings, chosen, report, follow, stop)
            stopped = stop.is_set()
    for line in summary.problems[:20]:
        print(f"trailsift: {printable(line)}", file=sys.stderr)
    if len(summary.problems) > 20:
        current.say(f"… and {len(summary.problems) - 20:,} more: trailsift lake quarantine")
    if output == "json":
        print(json.dumps(summary.as_json()))
    else:
        print(told(summary, dry_run))
    if summary.partial:
        raise typer.Exit(4)
    if stopped and not follow:
        raise typer.Exit(130)


@contextmanager
def stopping() -> Iterator[Event]:
    """An event that SIGTERM sets, so that the run finishes its batch; a second SIGTERM ends at once."""
    stop = Event()

    def told(_number: int, _frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGTERM, before)

    before = signal.signal(signal.SIGTERM, told)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


def told(summary: Summary, dry_run: bool = False) -> str:
    """The summary in a sentence."""
    if dry_run:
        new = summary.objects_seen - summary.objects_skipped
        return f"would read {new:,} of {summary.objects_seen:,} objects ({summary.bytes_read / 1e6:,.1f} MB)"
    rate = summary.records_read / summary.seconds if summary.seconds else 0
    text = (
        f"{summary.events_new:,} new events from {summary.objects_loaded:,} objects in {summary.seconds:,.1f} s "
        f"({rate:,.0f} records/s); {summary.duplicates:,} duplicates, {summary.quarantined:,} records quarantined, "
        f"{summary.objects_failed:,} objects failed, {summary.objects_skipped:,} known before"
    )
    if summary.other_tables:
        text += f"; {summary.other_tables:,} digest, insight or aggregated records"
    if summary.conflicting_copies:
        text += f"; {summary.conflicting_copies:,} conflicting copies kept aside (trailsift lake quarantine)"
    return text


def _day(text: str | None, option: str) -> date | None:
    from datetime import UTC, datetime

    from pipeline.times import parse_time

    return parse_time(text, datetime.now(UTC), option).date() if text else None
