"""`trailsift unused [ARN]`: what could go, and how surely."""

from __future__ import annotations

import typer

from pipeline.cli.context import current


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("unused", help="Granted permissions that the log shows no use of, with verdict and reason.")(unused)


def unused(
    arn: str = typer.Argument(None, help="A user or role; without one, all of the snapshot."),
    every: bool = typer.Option(False, "--all", help="Used and excluded permissions too."),
    by: str = typer.Option("permission", "--by", help="permission, or service: a row a principal and service."),
    since: str = typer.Option(None, "--from", help="Begin of the window.", metavar="TIME"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    lookback: str = typer.Option(None, "--lookback", help="Length of the window.", show_default="90d"),
    output: str = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet."),
) -> None:
    """One row a principal × action × granting scope. Reads the newest IAM snapshot and the usage roll-up.

    Exit code 5 where the log has a gap in a window given by --from or --to.
    """
    from pipeline import export
    from pipeline.access.exclusions import exclusions, grace
    from pipeline.access.folded import folded, services
    from pipeline.access.unused import unused as report
    from pipeline.cli.window import tell_ground, window
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError
    from pipeline.times import iso

    if since and lookback:
        raise UsageError("--lookback", "goes with --to, not with --from", "leave one of them out")
    if by not in ("permission", "service"):
        raise UsageError("--by", f"{by!r} is neither permission nor service", "write one of them")
    export.known(output)
    by_service = by == "service"
    with connect(current.lake()) as engine:
        start, end = window(engine, since, until, lookback or current.settings.lookback)
        assert start is not None  # a look-back is given
        found = report(
            engine,
            start,
            end,
            arn,
            every or by_service,
            exclusions(current.settings.exclusions),
            grace(current.settings.permission_grace_days),
        )
        lacking = tell_ground(engine, start, end, found.gaps)
    counted = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(found.verdicts().items()))
    current.say(f"snapshot of {iso(found.snapshot)}; actions: {found.catalogue}")
    current.say(f"{found.rows.num_rows:,} permissions: {counted or 'none'}")
    for note in found.notes:
        current.say(note)
    rows = services(found.rows) if by_service else found.rows
    if output == "table" and not by_service:
        rows = folded(rows)
        if rows.num_rows < found.rows.num_rows:
            current.say("actions that share a verdict are on one line; -o csv, json, ndjson or parquet has a row each")
    current.show(rows, output)
    if lacking and (since or until):
        raise typer.Exit(5)
