"""`trailsift detect`: what the Sigma rules find, as findings that are stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.detect.sigma.correlations import RuleSet
    from pipeline.detect.unseen import Examined
    from pipeline.engines.duckdb import Engine
    from pipeline.errors import QueryError
    from pipeline.lake.tables import Lake


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("detect", help="What the Sigma rules find, as findings.")(detect)


def detect(
    rules: str = typer.Option(None, "--rules", help="Rules to ask.", metavar="DIR|FILE", show_default="our own"),
    since: str = typer.Option(None, "--from", help="Start of a window.", metavar="TIME", show_default="first event"),
    until: str = typer.Option(None, "--to", help="End of a window.", metavar="TIME", show_default="newest event"),
    again: bool = typer.Option(False, "--again", help="Examine everything again."),
    everything: bool = typer.Option(False, "--all", help="Print every current finding of these rules."),
    follow: bool = typer.Option(False, "--follow", help="Go on with what comes until told to stop."),
    every: int = typer.Option(
        30, "--every", min=1, help="With --follow: seconds between two looks.", metavar="SECONDS"
    ),
    level: str = typer.Option(None, "--level", help="Only findings this grave.", show_default="informational"),
    fail_on: str = typer.Option(
        None, "--fail-on", help="Exit with 3 where a finding this grave is open.", metavar="SEVERITY"
    ),
    output: str = typer.Option(
        "table", "-o", "--output", help="table, csv, json, ndjson, parquet, ocsf, sarif or asff."
    ),
) -> None:
    """Asks the rules about events they have not examined yet, stores what they find, and prints what is new or grew.

    A rule that is new, or has changed, is asked about the whole log. A window (--from, --to, or --as-of) is a question
    of its own: it is answered in full and nothing is stored. A rule that cannot be asked is told on stderr; the others
    go on. Exit code 5 where the log has a gap in a window.
    """
    from pipeline import export
    from pipeline.catalog import home
    from pipeline.cli.watching import send
    from pipeline.detect.anomalies import SEVERITIES
    from pipeline.detect.sigma.rules import files
    from pipeline.errors import UsageError

    for name, given in (("--fail-on", fail_on), ("--level", level)):
        if given is not None and given not in SEVERITIES:
            raise UsageError(name, f"{given!r} is no severity", f"write one of {', '.join(SEVERITIES)}")
    export.known(output)
    windowed = bool(since or until or current.as_of)
    if windowed and (again or follow):
        raise UsageError("--follow" if follow else "--again", "a window stores nothing", "leave out one of the two")
    if follow and output not in ("table", "ndjson"):
        raise UsageError("-o", f"{output!r} has an end, and --follow has none", "write table or ndjson")
    folder = Path(rules or home() / "detections")
    files(folder)  # raises where there are no rules
    lake = current.lake()
    if follow:
        _follow(lake, folder, every, level, output)
        raise typer.Exit(130)
    answer = _window(lake, folder, since, until) if windowed else _stored(lake, folder, again, everything)
    tell(answer.shown, level, output)
    if answer.ruleset:
        _tell_asked(answer.ruleset, answer.refused)
    if not windowed:
        send(lake)
    if answer.lacking and (since or until):
        raise typer.Exit(5)
    if fail_on and any(_reaches(each, fail_on) for each in answer.standing if each["status"] == "open"):
        raise typer.Exit(3)


@dataclass
class Answer:
    """What a run has to say: findings to show, all that stand, rules it could not ask, and whether the log has gaps.

    `ruleset` is None where the rules did not have to be read.
    """

    shown: list[dict[str, Any]]
    standing: list[dict[str, Any]]
    refused: list[QueryError] = field(default_factory=list)
    lacking: bool = False
    ruleset: RuleSet | None = None


def _stored(lake: Lake, folder: Path, again: bool, everything: bool) -> Answer:
    """Examines what is new, and stores it; where nothing is, the rules are not even read."""
    from pipeline.catalog import Catalog
    from pipeline.cli.findings.looking import tell_hidden
    from pipeline.cli.watching import SHOWN
    from pipeline.cli.window import as_of, tell_ground
    from pipeline.detect.own import placeholders
    from pipeline.detect.sigma.correlations import load
    from pipeline.detect.store import current as stored
    from pipeline.detect.store.examined import named
    from pipeline.detect.unseen import examine_new, nothing_new

    ruleset, lacking = None, False
    with _engine(lake) as engine:
        moment = as_of(engine)
        # All that the placeholders ask; checking every view takes longer than an idle run.
        Catalog.unchecked("detections", ["own_accounts"]).install_views(engine)
        known = placeholders(engine, current.settings)
        pack = named(folder, known)
        examined = None if again else nothing_new(lake, engine, pack)
        if examined is None:
            Catalog.load(within="views").install_views(engine)
            ruleset = load(folder, known)
            unchanged = named(folder, known) == pack
            examined = examine_new(lake, engine, ruleset, known, again, pack if unchanged else "")
            lacking = tell_ground(engine, None, moment)
        tell_examined(examined)
    standing = [each for each in stored(lake) if each["rule_key"] in examined.keys]
    tell_hidden(standing)
    shown = standing if everything else examined.recorded.new + examined.recorded.grown
    shown = [each for each in shown if each["status"] in SHOWN]
    return Answer(shown, standing, examined.refused, lacking, ruleset)


def _window(lake: Lake, folder: Path, since: str | None, until: str | None) -> Answer:
    """Asks every rule about a window; findings have the status they are stored with, or would have."""
    from pipeline.catalog import Catalog
    from pipeline.cli.window import tell_ground, window
    from pipeline.detect.own import placeholders
    from pipeline.detect.run import detect as run
    from pipeline.detect.sigma.correlations import load
    from pipeline.detect.store import judged

    with _engine(lake) as engine:
        Catalog.load(within="views").install_views(engine)
        begin, end = window(engine, since, until)
        ruleset = load(folder, placeholders(engine, current.settings))
        found = run(engine, ruleset, begin, end)
        lacking = tell_ground(engine, begin, end)
    current.say("a window is a question of its own: nothing is stored, and all it holds is told")
    told = judged(lake, found.findings)
    if muted := sum(each["status"] == "muted" for each in told):
        current.say(f"{muted:,} of these findings are muted")
    return Answer(told, told, found.refused, lacking, ruleset)


def _engine(lake: Lake) -> Engine:
    from pipeline.engines.duckdb import connect
    from pipeline.lake.commit import roll_forward

    roll_forward(lake)
    return connect(lake)


def _follow(lake: Lake, folder: Path, every: int, level: str | None, output: str) -> None:
    """Looks every so many seconds until a signal comes; a look that has begun is brought to its end."""
    import signal
    import sys

    from pipeline.cli.ingest import stopping
    from pipeline.cli.progress import complain
    from pipeline.cli.watching import SHOWN, send
    from pipeline.detect.watch import Watch
    from pipeline.errors import LakeError

    watch = Watch(lake, folder, current.settings)
    told = False
    with stopping(signal.SIGTERM, signal.SIGINT) as stop:
        while not stop.is_set():
            try:
                if examined := watch.look():
                    if not told:
                        _tell_asked(watch.rules, examined.refused)
                        told = True
                    tell_examined(examined)
                    news = examined.recorded.new + examined.recorded.grown
                    if shown := [each for each in news if each["status"] in SHOWN]:
                        tell(shown, level, output)
                        sys.stdout.flush()
                send(lake)
            except LakeError as error:
                complain([f"{error}; looking again in {every} s"], current)
            stop.wait(every)


def tell(findings: list[dict[str, Any]], level: str | None, output: str) -> None:
    """Prints findings, leaving out those that are less grave than `level`."""

    from pipeline.detect.store import table

    told = [each for each in findings if level is None or _reaches(each, level)]
    current.show(table(told), output, _SHOWN)
    if left := len(findings) - len(told):
        current.say(f"{left:,} findings below {level} are not shown")


def tell_examined(examined: Examined) -> None:
    """Says what a run looked at, and how many findings are new, grew, or are gone."""
    batches, news = examined.due.batches, examined.recorded
    if not batches:
        current.say("nothing to examine: these rules have been asked about every batch of events")
        return
    whole = f"; {examined.whole:,} rules were asked about the whole log" if examined.whole else ""
    current.say(f"examined {len(batches):,} batch{'es' * (len(batches) != 1)} of events{whole}")
    muted = sum(each["status"] == "muted" for each in news.new + news.grown)
    also = [f"{muted:,} of these muted"] if muted else []
    also += [f"{news.gone:,} that the log shows no more"] if news.gone else []
    current.say(", ".join([f"{len(news.new):,} new findings", f"{len(news.grown):,} grown", *also]))


def _tell_asked(ruleset: RuleSet, refused: list[QueryError]) -> None:
    for each in refused:
        current.say(f"refused: {each}")
    asked = len(ruleset.rules) + len(ruleset.correlations) - len(refused) + len(ruleset.refused)
    current.say(f"{asked:,} rules asked, {len(refused):,} refused")


def _reaches(finding: dict[str, Any], severity: str) -> bool:
    from pipeline.detect.anomalies import SEVERITIES

    return SEVERITIES.index(finding["severity"]) <= SEVERITIES.index(severity)


# What a table on a terminal has room for; every other format has all of a finding.
_SHOWN = ["severity", "title", "principal_arn", "account", "first_seen", "last_seen", "count", "evidence", "id"]
