"""`trailsift anomalies`: what was out of the ordinary, as findings."""

from __future__ import annotations

import typer

from pipeline.cli.context import current

OUTPUT = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet.")


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("anomalies", help="What was out of the ordinary, as findings.")(anomalies)


def anomalies(
    since: str = typer.Option(None, "--from", help="Start of the window.", metavar="TIME", show_default="first event"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    fail_on: str = typer.Option(None, "--fail-on", help="Exit with 3 at a finding this grave.", metavar="SEVERITY"),
    output: str = OUTPUT,
) -> None:
    """Asks every question in queries/anomalies about the window and prints the episodes found.

    Exit code 5 where the log has a gap in a window given by --from or --to.
    """
    import sys

    from pipeline import export
    from pipeline.catalog import Catalog
    from pipeline.cli.window import tell_ground, window
    from pipeline.detect.anomalies import SEVERITIES, examine
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError

    if fail_on is not None and fail_on not in SEVERITIES:
        raise UsageError("--fail-on", f"{fail_on!r} is no severity", f"write one of {', '.join(SEVERITIES)}")
    catalog = Catalog.load()
    with connect(current.lake()) as engine:
        catalog.install_views(engine)
        begin, end = window(engine, since, until)
        found = examine(engine, catalog, begin, end)
        lacking = tell_ground(engine, begin, end)
    shown = _SHOWN if output == "table" else None
    export.write(found.table(), output, sys.stdout, color=current.color, columns=shown)
    for rule, names in _unjudged(found.unjudged).items():
        some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        current.say(f"{rule}: insufficient baseline for {some}; nothing is raised for them")
    if lacking and (since or until):
        raise typer.Exit(5)
    if fail_on and found.reaches(fail_on):
        raise typer.Exit(3)


# What a table on a terminal has room for; every other format has all of a finding.
_SHOWN = ["severity", "title", "principal_arn", "account", "first_seen", "last_seen", "count", "evidence", "id"]


def _unjudged(rows: list[tuple[str, str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for rule, principal, _ in rows:
        names = found.setdefault(rule, [])
        if principal not in names:
            names.append(principal)
    return found
