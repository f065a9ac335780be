"""`trailsift ingest SOURCE…`: logs into the lake."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from threading import Event
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current

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
    detect: bool = typer.Option(False, "--detect", help="Ask our own rules about each batch; findings on stderr."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be read; read and write nothing."),
    output: str = typer.Option("table", "-o", "--output", help="table or json."),
) -> None:
    """Lists the sources' objects, reads the new ones and commits their events; safe to repeat at any time."""
    from dataclasses import replace

    from pipeline import ingest as run
    from pipeline.cli.progress import Following, complain, progress
    from pipeline.cli.watching import Alongside
    from pipeline.errors import UsageError

    if output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no format of ingest", "write table or json")
    settings = replace(current.settings, jobs=jobs or current.settings.jobs)
    chosen = run.Selection(frozenset(account), frozenset(region), _day(since, "--from"), _day(until, "--to"))
    if follow and dry_run:
        raise UsageError("--follow", "a dry run does not go on", "leave out one of the two")
    if detect and dry_run:
        raise UsageError("--detect", "a dry run brings nothing to examine", "leave out one of the two")
    alongside = Alongside() if detect else None
    stopped = False
    if dry_run:
        summary = run.plan(settings.lake, sources or [], settings, chosen)
    elif follow:
        with stopping(signal.SIGTERM, signal.SIGINT) as stop:
            says = Following(current, alongside.look if alongside else None)
            summary = run.follow(settings.lake, sources or [], settings, chosen, stop, says.committed, says.trouble)
    else:
        with progress(current) as report, stopping(signal.SIGTERM) as stop:
            look = alongside.look if alongside else None
            summary = run.ingest(settings.lake, sources or [], settings, chosen, report, stop, look)
            stopped = stop.is_set()
    if alongside:
        alongside.look()
    if summary.events_new:
        _look_ahead()
    if not follow:
        complain(summary.problems, current)
    print(json.dumps(summary.as_json()) if output == "json" else told(summary, dry_run))
    if summary.partial:
        raise typer.Exit(4)
    if stopped:
        raise typer.Exit(130)


def _look_ahead() -> None:
    """Finds out who was seen where in what is new, so that the next investigation need not.

    The events are in the lake already: whatever goes wrong here is left to that investigation.
    """
    from contextlib import suppress

    from pipeline.casework import sightings

    with suppress(Exception):
        sightings.refresh(current.lake())


@contextmanager
def stopping(*signals: signal.Signals) -> Iterator[Event]:
    """An event that these signals set, so that the run finishes its batch; a second one ends at once."""
    stop = Event()

    def told(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, before[number])

    before: dict[int, Any] = {number: signal.signal(number, told) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
