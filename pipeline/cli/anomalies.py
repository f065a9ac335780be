"""`trailsift anomalies`: what was out of the ordinary, as findings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from pipeline.detect.anomalies import Examined
    from pipeline.lake.tables import Lake

OUTPUT = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet.")


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("anomalies", help="What was out of the ordinary, as findings.")(anomalies)


def anomalies(
    since: str = typer.Option(None, "--from", help="Start of the window.", metavar="TIME", show_default="first event"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    fail_on: str = typer.Option(None, "--fail-on", help="Exit with 3 at a finding this grave.", metavar="SEVERITY"),
    forecast: bool = typer.Option(False, "--forecast", help="Count the alerts each threshold would have raised."),
    output: str = OUTPUT,
) -> None:
    """Asks every question in queries/anomalies about the window and prints the episodes found.

    Habits that new events changed are brought up to date in the lake first. With --forecast it prints instead how many
    alerts of unusual behaviour each threshold would have raised: in all, by week, by question and by principal. Exit
    code 5 where the log has a gap in a window given by --from or --to.
    """
    from pipeline import export
    from pipeline.catalog import Catalog
    from pipeline.cli.window import tell_ground, window
    from pipeline.detect.anomalies import SEVERITIES, examine
    from pipeline.detect.baselines.asking import Judging
    from pipeline.detect.baselines.forecast import forecast as count
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError

    export.known(output)
    if fail_on is not None and fail_on not in SEVERITIES:
        raise UsageError("--fail-on", f"{fail_on!r} is no severity", f"write one of {', '.join(SEVERITIES)}")
    judging = Judging.by(current.settings)
    catalog = Catalog.load()
    lake = current.lake()
    with connect(lake) as engine:
        catalog.install_views(engine)
        begin, end = window(engine, since, until)
        found = examine(engine, catalog, begin, end, judging, _keeping(lake))
        lacking = tell_ground(engine, begin, end)
    rows = count(found.stretches, judging.threshold) if forecast else found.table()
    shown = _SHOWN if output == "table" and not forecast else None
    export.write(rows, output, sys.stdout, color=current.color, columns=shown)
    _tell_unjudged(found)
    if lacking and (since or until):
        raise typer.Exit(5)
    if fail_on and not forecast and found.reaches(fail_on):
        raise typer.Exit(3)


# What a table on a terminal has room for; every other format has all of a finding.
_SHOWN = ["severity", "title", "principal_arn", "account", "first_seen", "last_seen", "count", "evidence", "id"]


def _keeping(lake: Lake) -> Callable[[dict[date, pa.Table]], None]:
    """Stores habits as they are worked out; a lake that cannot be written is judged without, and that is said once."""
    from pipeline.errors import TrailsiftError
    from pipeline.lake.habits import replace_days

    writable = True

    def keep(days: dict[date, pa.Table]) -> None:
        nonlocal writable
        if writable:
            try:
                replace_days(lake, days)
            except (OSError, TrailsiftError) as error:
                writable = False
                current.say(f"{lake.location}: the habits are worked out but cannot be kept ({error})")

    return keep


def _tell_unjudged(found: Examined) -> None:
    by_rule: dict[str, list[str]] = {}
    for rule, principal, _ in found.unjudged:
        names = by_rule.setdefault(rule, [])
        if principal not in names:
            names.append(principal)
    for rule, names in by_rule.items():
        some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        current.say(f"{rule}: insufficient baseline for {some}; nothing is raised for them")
