"""`trailsift rightsize ARN`: the policies a principal would need, and what was kept because nobody can know."""

from __future__ import annotations

import sys

import typer

from pipeline.cli.context import current


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("rightsize", help="A principal's policies, less what the log shows to be unused.")(rightsize)


def rightsize(
    arn: str = typer.Argument(..., help="A user or role."),
    since: str = typer.Option(None, "--from", help="Begin of the window.", metavar="TIME"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    lookback: str = typer.Option(None, "--lookback", help="Length of the window.", show_default="90d"),
    output: str = typer.Option("policy", "-o", "--output", help="policy or diff."),
    resources: bool = typer.Option(False, "--resources", help="Narrow resources to those the log shows."),
    assume: str = typer.Option(None, "--assume-unused", help="services: drop what the log cannot show of idle ones."),
) -> None:
    """Drops what is unused or blocked, keeps the rest as it is. Reads the newest IAM snapshot and the usage roll-up.

    Exit code 5 where the log has a gap in a window given by --from or --to.
    """
    from pipeline.access.ground import survey
    from pipeline.access.rightsize.judging import Options
    from pipeline.access.rightsize.proof import proof
    from pipeline.access.rightsize.propose import propose
    from pipeline.access.rightsize.render import FORMATS
    from pipeline.assurance.coverage import gaps
    from pipeline.cli.window import tell_ground, window
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError

    if since and lookback:
        raise UsageError("--lookback", "goes with --to, not with --from", "leave one of them out")
    if output not in FORMATS:
        raise UsageError("-o", f"{output!r} is no output format", f"write {', '.join(sorted(FORMATS))}")
    if assume not in (None, "services"):
        raise UsageError("--assume-unused", f"{assume!r} cannot be assumed", "write services")
    with connect(current.lake()) as engine:
        start, end = window(engine, since, until, lookback or "90d")
        assert start is not None  # a look-back is given
        ground = survey(engine, start, end)
        made = propose(ground, arn, Options(resources, assume == "services"))
        made.replay = proof(ground, made.principal, made.documents)
        lacking = tell_ground(engine, start, end, gaps(ground.covered, start, end, {made.principal.account_id}))
    for note in made.notes:
        current.say(note)
    sys.stdout.write(FORMATS[output](made))
    if lacking and (since or until):
        raise typer.Exit(5)
