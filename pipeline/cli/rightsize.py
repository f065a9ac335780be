"""`trailsift rightsize ARN` and `--all`: what a principal would need, and whose permissions to trim first."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from pipeline.access.rightsize.judging import Options
    from pipeline.engines.duckdb import Engine

_ROWS = ("table", "csv", "ndjson", "parquet")  # beside json, of which a proposal has a form too


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("rightsize", help="A principal's policies, less what the log shows to be unused.")(rightsize)


def rightsize(
    arn: str = typer.Argument(None, help="A user or role."),
    every: bool = typer.Option(False, "--all", help="A ranked list of all principals instead."),
    since: str = typer.Option(None, "--from", help="Begin of the window.", metavar="TIME"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    lookback: str = typer.Option(None, "--lookback", help="Length of the window.", show_default="90d"),
    output: str = typer.Option(
        None, "-o", "--output", help="policy, diff, terraform, cloudformation or json; with --all as for rows.",
        show_default="policy",
    ),
    resources: bool = typer.Option(False, "--resources", help="Narrow resources to those that calls named."),
    assume: str = typer.Option(
        "", "--assume-unused", help="Drop what the log cannot show: services,eventless,elsewhere,all.", metavar="WHAT",
        show_default="nothing",
    ),
    activity: bool = typer.Option(False, "--from-activity", help="Write a policy from use alone, without a snapshot."),
    folder: Path = typer.Option(None, "-d", "--dir", help="Write proposal and rollback to a new folder, too."),
) -> None:  # fmt: skip
    """Drops what is unused or blocked, keeps the rest as it is. Reads the newest IAM snapshot and the usage roll-up.

    Exit code 5 where the log has a gap in a window given by --from or --to.
    """
    from pipeline.access.rightsize.judging import Options
    from pipeline.cli.window import window
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError

    output = output or ("table" if every else "policy")
    if since and lookback:
        raise UsageError("--lookback", "goes with --to, not with --from", "leave one of them out")
    if every and (activity or folder or assume or resources):
        raise UsageError("--all", "only ranks; it proposes nothing", "name one principal for a proposal")
    _check(arn, every, output, assume, resources, activity, folder)
    with connect(current.lake()) as engine:
        start, end = window(engine, since, until, lookback or current.settings.lookback)
        assert start is not None  # a look-back is given
        if activity:
            lacking = _activity(engine, start, end, arn)
        elif every:
            lacking = _all(engine, start, end, output)
        else:
            lacking = _one(engine, start, end, arn, Options(resources, _assumed(assume)), output, folder)
    if lacking and (since or until):
        raise typer.Exit(5)


def _check(
    arn: str | None, every: bool, output: str, assume: str, resources: bool, activity: bool, folder: Path | None
) -> None:
    """Refuses what does not go together."""
    from pipeline.access.rightsize.fates import ELSEWHERE
    from pipeline.access.rightsize.render import FORMATS
    from pipeline.errors import UsageError

    if bool(arn) == every:
        raise UsageError("rightsize", "needs the ARN of a user or role, or --all", "give one of them")
    forms = (*_ROWS, "json") if every else ("policy", "json") if activity else tuple(FORMATS)
    if output not in forms:
        raise UsageError("-o", f"{output!r} is no output format here", f"write {', '.join(sorted(forms))}")
    if activity and folder:
        raise UsageError("-d", "there is nothing to roll back to with --from-activity", "leave it out")
    if ELSEWHERE in _assumed(assume) and not resources:
        raise UsageError("--assume-unused elsewhere", "narrows resources", "add --resources")


def _assumed(given: str) -> frozenset[str]:
    """The assumptions in a list with commas; raises UsageError for one there is not."""
    from pipeline.access.rightsize.fates import ASSUMPTIONS
    from pipeline.errors import UsageError

    names = frozenset(each.strip() for each in given.split(",") if each.strip())
    if unknown := sorted(names - set(ASSUMPTIONS)):
        remedy = f"write one or more of {', '.join(ASSUMPTIONS)}, with commas"
        raise UsageError("--assume-unused", f"{unknown[0]!r} cannot be assumed", remedy)
    return names


def _one(
    engine: Engine, start: datetime, end: datetime, arn: str, options: Options, output: str, folder: Path | None
) -> bool:
    """The proposal for one principal; whether the log has a gap."""
    from pipeline.access.exclusions import exclusions, grace
    from pipeline.access.ground import survey
    from pipeline.access.rightsize.files import write
    from pipeline.access.rightsize.proof import proof
    from pipeline.access.rightsize.propose import propose
    from pipeline.access.rightsize.render import FORMATS
    from pipeline.assurance.coverage import gaps
    from pipeline.cli.window import tell_ground

    ground = survey(
        engine, start, end, exclusions(current.settings.exclusions), grace(current.settings.permission_grace_days)
    )
    current.say(ground.rests_on)
    made = propose(ground, arn, options)
    made.replay = proof(ground, made)
    lacking = tell_ground(engine, start, end, gaps(ground.covered, start, end, {made.principal.account_id}))
    for note in made.notes:
        current.say(note)
    if folder is not None:
        current.say(f"{len(write(made, folder)):,} files in {folder}")
    sys.stdout.write(FORMATS[output](made))
    return lacking


def _activity(engine: Engine, start: datetime, end: datetime, arn: str) -> bool:
    """The policy from use alone; whether the log has a gap."""
    from pipeline.access.rightsize.activity import from_activity
    from pipeline.access.rightsize.texts import pretty
    from pipeline.cli.window import tell_ground

    made = from_activity(engine, start, end, arn)
    lacking = tell_ground(engine, start, end)
    current.say(f"bounded by {made['bounded_by']}")
    sys.stdout.write(pretty(made))
    return lacking


def _all(engine: Engine, start: datetime, end: datetime, output: str) -> bool:
    """The ranked list; whether the log has a gap."""
    from pipeline.access.exclusions import exclusions, grace
    from pipeline.access.ground import survey
    from pipeline.access.rightsize.worklist import BRIEF, worklist
    from pipeline.assurance.coverage import gaps
    from pipeline.cli.window import tell_ground

    ground = survey(
        engine, start, end, exclusions(current.settings.exclusions), grace(current.settings.permission_grace_days)
    )
    current.say(ground.rests_on)
    rows = worklist(ground)
    lacking = tell_ground(engine, start, end, gaps(ground.covered, start, end, set(ground.covered)))
    current.say("score = risk × confidence ÷ (1 + effort / 20); -o csv, json, ndjson or parquet has all its parts")
    current.show(rows, output, list(BRIEF))
    return lacking
