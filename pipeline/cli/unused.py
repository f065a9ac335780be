"""`trailsift unused [ARN]`: what could go, and how surely."""

from __future__ import annotations

import sys
from datetime import datetime

import typer

from pipeline.cli.context import current


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("unused", help="Granted permissions that the log shows no use of, with verdict and reason.")(unused)


def unused(
    arn: str = typer.Argument(None, help="A user or role; without one, all of the snapshot."),
    every: bool = typer.Option(False, "--all", help="Used permissions too."),
    since: str = typer.Option(None, "--from", help="Begin of the window.", metavar="TIME"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    lookback: str = typer.Option(None, "--lookback", help="Length of the window.", show_default="90d"),
    output: str = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet."),
) -> None:
    """One row a principal × action × granting scope. Reads the newest IAM snapshot and the usage roll-up.

    Exit code 5 where the log has a gap in a window given by --from or --to.
    """
    from pipeline import export
    from pipeline.access.unused import unused as report
    from pipeline.engines.duckdb import connect
    from pipeline.times import iso

    with connect(current.lake()) as engine:
        start, end = _window(engine.as_of(), since, until, lookback)
        found = report(engine, start, end, arn, every)
    counted = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(found.verdicts().items()))
    current.say(f"window {iso(start)} to {iso(end)}; snapshot of {iso(found.snapshot)}; actions: {found.catalogue}")
    current.say(f"{found.rows.num_rows:,} permissions: {counted or 'none'}")
    for note in (*found.notes, *found.gaps):
        current.say(note)
    export.write(found.rows, output, sys.stdout, color=current.color)
    if found.gaps and (since or until):
        raise typer.Exit(5)


def _window(
    newest: datetime | None, since: str | None, until: str | None, lookback: str | None
) -> tuple[datetime, datetime]:
    """The window asked for: [from, to], else the look-back before `to`, which is the newest event by default."""
    from pipeline.errors import NoDataError, UsageError
    from pipeline.times import parse_duration, parse_time

    if newest is None:
        raise NoDataError(current.settings.lake, "the lake holds no events", "run trailsift ingest first")
    if since and lookback:
        raise UsageError("--lookback", "goes with --to, not with --from", "leave one of them out")
    as_of = parse_time(current.as_of, newest, "--as-of") if current.as_of else newest
    end = parse_time(until, as_of, "--to") if until else as_of
    start = parse_time(since, as_of, "--from") if since else end - parse_duration(lookback or "90d", "--lookback")
    if start >= end:
        raise UsageError("--from", "is not before --to", "swap them")
    return start, end
