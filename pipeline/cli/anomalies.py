"""`trailsift anomalies`: what was out of the ordinary, as findings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from pipeline.catalog import Catalog
    from pipeline.detect.anomalies import Examined
    from pipeline.engines.duckdb import Engine
    from pipeline.lake.tables import Lake

OUTPUT = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson, parquet, ocsf, sarif or asff.")


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("anomalies", help="What was out of the ordinary, as findings.")(anomalies)


def anomalies(
    since: str = typer.Option(None, "--from", help="Start of the window.", metavar="TIME", show_default="first event"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    fail_on: str = typer.Option(None, "--fail-on", help="Exit with 3 at a finding this grave.", metavar="SEVERITY"),
    everything: bool = typer.Option(False, "--all", help="Print every finding, not those alone that are new or grew."),
    forecast: bool = typer.Option(False, "--forecast", help="Count the alerts each threshold would have raised."),
    output: str = OUTPUT,
) -> None:
    """Asks every question in queries/anomalies, stores what it finds, and prints what is new or grew.

    Habits that new events changed are brought up to date in the lake first. A window (--from, --to, or --as-of) is a
    question of its own: it is answered in full and nothing is stored. With --forecast it prints instead how many
    alerts of unusual behaviour each threshold would have raised: in all, by week, by question and by principal. Exit
    code 5 where the log has a gap in a window given by --from or --to.
    """
    from pipeline import export
    from pipeline.catalog import Catalog
    from pipeline.cli.detect import tell
    from pipeline.cli.findings.looking import tell_hidden
    from pipeline.cli.watching import SHOWN
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
    catalog = Catalog.load(within=("views", "anomalies"))
    lake = current.lake()
    with connect(lake) as engine:
        catalog.install_views(engine)
        begin, end = window(engine, since, until)
        found = examine(engine, catalog, begin, end, judging, _keeping(lake))
        lacking = tell_ground(engine, begin, end)
        windowed = bool(since or until or current.as_of)
        if forecast:
            current.show(count(found.stretches, judging.threshold), output)
        else:
            standing = _asked(lake, found) if windowed else _stored(lake, engine, catalog, found)
    if not forecast:
        chosen = [each for each in standing if each["status"] in SHOWN and (everything or windowed or each["news"])]
        tell(chosen, None, output)
        tell_hidden(standing)
    _tell_unjudged(found)
    if lacking and (since or until):
        raise typer.Exit(5)
    grave = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on and not forecast else ()
    if grave and any(each["severity"] in grave and each["status"] == "open" for each in standing):
        raise typer.Exit(3)


def _asked(lake: Lake, found: Examined) -> list[dict[str, Any]]:
    """The findings of a window with the status they are stored with, or would have."""
    from pipeline.detect.store import judged

    current.say("a window is a question of its own: nothing is stored, and all it holds is told")
    return judged(lake, found.findings)


def _stored(lake: Lake, engine: Engine, catalog: Catalog, found: Examined) -> list[dict[str, Any]]:
    """Every finding of this kind that stands, with `news` where it is new or grew; all are, where none can be kept."""
    from pipeline.cli.watching import send
    from pipeline.detect.store import current as every
    from pipeline.detect.store import judged
    from pipeline.detect.unusual import HOME, store
    from pipeline.errors import TrailsiftError

    try:
        recorded = store(lake, engine, catalog, found)
    except (OSError, TrailsiftError) as error:
        current.say(f"{lake.location}: the findings cannot be kept ({error})")
        return [each | {"news": True} for each in judged(lake, found.findings)]
    send(lake)
    news = {each["id"] for each in recorded.new + recorded.grown}
    gone = f", {recorded.gone:,} that the log shows no more" if recorded.gone else ""
    standing = [each | {"news": each["id"] in news} for each in every(lake) if each["rule_key"].startswith(HOME)]
    told = f"; --all prints all {len(standing):,}" if len(news) < len(standing) else ""
    current.say(f"{len(recorded.new):,} new findings, {len(recorded.grown):,} grown{gone}{told}")
    return standing


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
        some = current.names.told(", ".join(names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        current.say(f"{rule}: insufficient baseline for {some}; nothing is raised for them")
