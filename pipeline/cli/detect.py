"""`trailsift detect`: what the Sigma rules find, as findings."""

from __future__ import annotations

import typer

from pipeline.cli.context import current


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("detect", help="What the Sigma rules find, as findings.")(detect)


def detect(
    rules: str = typer.Option(None, "--rules", help="Rules to ask.", metavar="DIR|FILE", show_default="our own"),
    since: str = typer.Option(None, "--from", help="Start of the window.", metavar="TIME", show_default="first event"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    level: str = typer.Option(None, "--level", help="Only findings this grave.", show_default="informational"),
    fail_on: str = typer.Option(None, "--fail-on", help="Exit with 3 at a finding this grave.", metavar="SEVERITY"),
    output: str = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet."),
) -> None:
    """Asks every rule of a folder about the window, in one scan of the log, and prints the episodes found.

    A rule that cannot be asked is told on stderr, with its line and the reason; the others go on. Exit code 5 where
    the log has a gap in a window given by --from or --to.
    """
    import sys

    from pipeline import export
    from pipeline.catalog import Catalog, home
    from pipeline.cli.window import tell_ground, window
    from pipeline.detect.anomalies import SEVERITIES
    from pipeline.detect.findings import table
    from pipeline.detect.run import detect as run
    from pipeline.detect.sigma.correlations import load
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError

    for name, given in (("--fail-on", fail_on), ("--level", level)):
        if given is not None and given not in SEVERITIES:
            raise UsageError(name, f"{given!r} is no severity", f"write one of {', '.join(SEVERITIES)}")
    export.known(output)
    ruleset = load(rules or home() / "detections", current.settings.placeholders)
    with connect(current.lake()) as engine:
        Catalog.load(within="views").install_views(engine)
        begin, end = window(engine, since, until)
        found = run(engine, ruleset, begin, end)
        lacking = tell_ground(engine, begin, end)
    shown = _SHOWN if output == "table" else None
    least = SEVERITIES.index(level or SEVERITIES[-1])
    told = [each for each in found.findings if SEVERITIES.index(each["severity"]) <= least]
    export.write(table(told), output, sys.stdout, color=current.color, columns=shown)
    for each in found.refused:
        current.say(f"refused: {each}")
    asked = len(ruleset.rules) + len(ruleset.correlations)
    if left := len(found.findings) - len(told):
        current.say(f"{left:,} findings below {level} are not shown")
    current.say(f"{asked - len(found.refused) + len(ruleset.refused):,} rules asked, {len(found.refused):,} refused")
    if lacking and (since or until):
        raise typer.Exit(5)
    if fail_on and any(SEVERITIES.index(each["severity"]) <= SEVERITIES.index(fail_on) for each in found.findings):
        raise typer.Exit(3)


# What a table on a terminal has room for; every other format has all of a finding.
_SHOWN = ["severity", "title", "principal_arn", "account", "first_seen", "last_seen", "count", "evidence", "id"]
