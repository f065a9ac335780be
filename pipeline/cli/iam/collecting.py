"""`trailsift iam collect`: IAM as it is now, asked of AWS, into the lake."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli.context import current, printable

if TYPE_CHECKING:
    from pipeline.access.collect import Tally


def collect(
    account: list[str] = typer.Option([], "--account", help="Account to ask (repeatable).", show_default="your own"),
    role: str = typer.Option("", "--role", help="Role to assume in each other account: a name or an ARN."),
    profile: str = typer.Option("", "--profile", help="Profile of AWS's configuration."),
    organization: bool = typer.Option(False, "--organization", help="All active accounts of the organization."),
    last_accessed: bool = typer.Option(
        True, "--last-accessed/--no-last-accessed", help="Service last-accessed data, a job a user and role."
    ),
    region: list[str] = typer.Option([], "--region", help="Trails of this region only (repeatable)."),
    folder: Path = typer.Option(None, "-d", "--dir", help="Keep AWS's answers here; iam import reads them."),
    fresh: bool = typer.Option(False, "--fresh", help="Begin anew where a run was stopped."),
    output: str = typer.Option("table", "-o", "--output", help="table or json."),
) -> None:
    """Asks for everything about IAM and stores it as one snapshot; a run that was stopped goes on for 12 hours.

    Reads only; trailsift doctor --print-policy shows the permissions it needs. What is refused is said and left out.
    """
    from pipeline.access.collect import Plan, Stopped
    from pipeline.access.collect import collect as run
    from pipeline.cli.ingest import stopping
    from pipeline.cli.progress import complain
    from pipeline.errors import UsageError

    if output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no format of iam collect", "write table or json")
    plan = Plan(
        accounts=tuple(account),
        role=role,
        profile=profile,
        organization=organization,
        last_accessed=last_accessed,
        regions=tuple(region),
        folder=folder.expanduser() if folder else None,
        fresh=fresh,
    )
    plan.check()
    with _progress() as report, stopping(signal.SIGTERM) as stop:
        try:
            done = run(current.lake(create=True), plan, report, stop)
        except Stopped:
            raise typer.Exit(130) from None
    for note in done.notes:
        current.say(note)
    problems = [*done.lacking, *done.imported.refused]
    complain(problems, current)
    told = done.imported.as_json() | {"lacking": done.lacking}
    print(json.dumps(told) if output == "json" else printable(done.imported.as_text()))
    if problems:
        raise typer.Exit(4)


@contextmanager
def _progress() -> Iterator[Callable[[Tally], None] | None]:
    """A bar on a terminal, a line every ten seconds elsewhere; None where talk is not wanted."""
    if current.quiet or not current.progress:
        yield None
    elif sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield _Lines().report


@contextmanager
def _bar() -> Iterator[Callable[[Tally], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color=not current.color)
    columns = [TextColumn("collect"), BarColumn(), TextColumn("{task.fields[talk]}"), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("collect", total=None, talk="")
        yield lambda tally: bar.update(
            task, completed=tally.families_done + tally.principals_done,
            total=tally.families + tally.principals, talk=_talk(tally),
        )  # fmt: skip


class _Lines:
    def __init__(self) -> None:
        self.last = time.monotonic()

    def report(self, tally: Tally) -> None:
        """Prints a line if the last one is long enough ago."""
        from pipeline.cli.progress import EVERY_SECONDS

        if time.monotonic() - self.last >= EVERY_SECONDS:
            self.last = time.monotonic()
            print(_talk(tally), file=sys.stderr)


def _talk(tally: Tally) -> str:
    text = f"{tally.families_done:,}/{tally.families:,} families of {tally.accounts:,} accounts"
    if tally.principals:
        text += f" · last-accessed data of {tally.principals_done:,}/{tally.principals:,} principals"
    return text + (f" · throttled {tally.throttled:,} times" if tally.throttled else "")
