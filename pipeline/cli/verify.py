"""`trailsift verify SOURCE`: whether the logs are what CloudTrail delivered, proved by its digests."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.assurance.outcome import Outcome

_EVERY_SECONDS = 10.0
_PIPED_WIDTH = 140
_SHOWN = 50
_NO_PLACES = ("sqs:", "lookup:")
MARKS = {"valid": ("✔", "green"), "incomplete": ("?", "yellow"), "invalid": ("✘", "bold red")}


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("verify", short_help="Prove by CloudTrail's digests that no log was altered or removed.")(verify)


def verify(
    source: str = typer.Argument(..., help="Folder, s3://bucket/prefix, or a name from trailsift.toml."),
    since: str = typer.Option(None, "--from", help="Only digests of hours after this time.", metavar="TIME"),
    until: str = typer.Option(None, "--to", help="Only digests of hours before this time.", metavar="TIME"),
    account: list[str] = typer.Option([], "--account", help="Only this account (repeatable)."),
    region: list[str] = typer.Option([], "--region", help="Only this region (repeatable)."),
    keys: list[Path] = typer.Option(
        [],
        "--keys",
        help="Public keys: what aws cloudtrail list-public-keys printed (repeatable).",
        show_default="ask AWS",
    ),
    quick: bool = typer.Option(
        False, "--quick", help="Trust the lake's ledger for logs that are still as they were when ingested."
    ),
    output: str = typer.Option("table", "-o", "--output", help="table or json."),
) -> None:
    """Prove by CloudTrail's digests that no log was altered, removed or added.

    Checks the signature of every digest, the chain between them, and the hash of every log they list.

    With --keys nothing is asked of AWS: a downloaded folder is verified offline. The newest digest of a folder is
    unsigned, as its signature stays in the bucket. Where there is a lake, the result is kept in it, and the lake's
    own copies are compared too.

    Exit code 0: nothing is wrong. 1: something is altered, missing or added, or could not be checked. 5: there are no
    digests, or nothing vouches for part of a window given by --from or --to.
    """
    from pipeline.assurance.verify import verify as run
    from pipeline.errors import UsageError
    from pipeline.lake.tables import Lake

    if output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no format of verify", "write table or json")
    lake = current.lake() if Lake(current.settings.lake, current.settings).exists else None
    task = _task(source, _window(since, until), keys)
    task = _narrowed(task, account, region, lake, quick)
    with _progress() as report:
        try:
            outcome = run(task, report)
        finally:
            task.source.close()
    if output == "json":
        print(json.dumps(outcome.as_json()))
    else:
        _table(outcome)
    if lake:
        outcome.store(lake)
    else:
        current.say(f"{current.settings.lake}: there is no lake; the result is not kept")
    if outcome.failing:
        raise typer.Exit(1)
    if outcome.gaps and (since or until):
        raise typer.Exit(5)


def _window(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    from datetime import UTC, datetime

    from pipeline.errors import UsageError
    from pipeline.times import iso, parse_time

    now = datetime.now(UTC)
    as_of = parse_time(current.as_of, now, "--as-of") if current.as_of else now
    begin = parse_time(since, as_of, "--from") if since else None
    end = parse_time(until, as_of, "--to") if until else None
    if begin and begin >= (end or now):
        raise UsageError("--from", f"{iso(begin)} is not before {iso(end or now)}", "name an earlier time")
    return begin, end


def _task(source: str, window: tuple[datetime | None, datetime | None], keys: list[Path]) -> Any:
    from pipeline.assurance.keys import KeyFiles, ListedKeys
    from pipeline.assurance.verify import Task
    from pipeline.config import SourceSettings
    from pipeline.errors import UsageError
    from pipeline.sources.base import open_source

    settings = {each.name: each for each in current.settings.sources}.get(source, SourceSettings(source))
    if settings.location.startswith(_NO_PLACES):
        raise UsageError(source, "holds no digests", "name the bucket or folder that the trail delivers to")
    known = KeyFiles(keys) if keys else ListedKeys(settings)
    return Task(open_source(settings), settings.location, known, *window)


def _narrowed(task: Any, account: list[str], region: list[str], lake: Any, quick: bool) -> Any:
    from dataclasses import replace

    limit = current.settings.max_object_bytes
    chosen = {"accounts": frozenset(account), "regions": frozenset(region)}
    return replace(task, **chosen, lake=lake, quick=quick, limit=limit)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar on a terminal, a plain line every ten seconds elsewhere; None where talk is not wanted."""
    if current.quiet or not current.progress:
        yield None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True, no_color=not current.color)
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
        with Progress(*columns, console=console, transient=True) as bar:
            tasks: dict[str, Any] = {}

            def show(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=total)
                bar.update(tasks[what], completed=done, total=total)

            yield show
    else:
        last = time.monotonic()

        def line(what: str, done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last >= _EVERY_SECONDS:
                last = time.monotonic()
                print(f"{what} {done:,}/{total:,}", file=sys.stderr)

        yield line


def _table(outcome: Outcome) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pipeline.export.cells import plain

    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    console = Console(no_color=not current.color, width=width, highlight=False, markup=False, emoji=False)
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("verdict", no_wrap=True)
    table.add_column("account / region / trail")
    for title in ("digests", "signed", "logs", "valid", "in lake"):
        table.add_column(title, justify="right")
    for title in ("from", "to"):
        table.add_column(title, no_wrap=True)
    for each in outcome.chains:
        mark, style = MARKS[each.verdict]
        counts = (each.digests_checked, each.digests_valid, each.logs_listed, each.logs_valid, each.logs_in_lake)
        times = [f"{moment:%Y-%m-%d %H:%M}" if moment else "–" for moment in (each.from_time, each.to_time)]
        name = current.names.account(each.chain.partition("/")[0])
        chain = Text(plain(f"{each.chain} ({name})" if name else each.chain))
        table.add_row(Text(f"{mark} {each.verdict}", style), chain, *[f"{count:,}" for count in counts], *times)
    console.print(table)
    _problems(outcome, console)
    mark, style = MARKS[outcome.verdict]
    first, *more = told(outcome)
    console.print()
    console.print(Text(f"{mark} {first}", style), soft_wrap=True)
    for line in more:
        console.print(Text(f"  {line}"), soft_wrap=True)


def _problems(outcome: Outcome, console: Any) -> None:
    """Problems by kind, each kind with what to do; the first of each where there are many."""
    from rich.text import Text

    from pipeline.assurance.problems import KINDS
    from pipeline.export.cells import plain

    for kind, (meaning, remedy) in KINDS.items():
        found = [each for each in outcome.problems if each.kind == kind]
        if not found:
            continue
        console.print()
        console.print(Text(f"{kind} ({len(found):,}): {meaning}", "bold"))
        for each in found[:_SHOWN]:
            console.print(Text(f"  {plain(each.object.removeprefix(f'{outcome.source}/'))}"), soft_wrap=True)
            console.print(Text(f"    {plain(each.detail)}", "dim"), soft_wrap=True)
        if len(found) > _SHOWN:
            console.print(Text(f"  … and {len(found) - _SHOWN:,} more: -o json"))
        console.print(Text(f"  → {remedy}"), soft_wrap=True)


def told(outcome: Outcome) -> list[str]:
    """The verdict and what it rests on, a line each."""
    from pipeline.times import iso

    since, until = outcome.span()
    total = outcome.total
    lines = [
        f"{outcome.verdict}, {iso(since)} to {iso(until)}" if since and until else outcome.verdict,
        f"{total('digests_valid'):,} of {total('digests_checked'):,} digests have CloudTrail's signature",
        f"{total('logs_valid'):,} of {total('logs_listed'):,} logs are as CloudTrail delivered them; "
        f"the lake holds {total('logs_in_lake'):,} of them so",
    ]
    if outcome.unsigned:
        lines.append(
            f"{outcome.unsigned:,} unsigned: the last digest of a run has its signature in the bucket alone, so that "
            f"nothing here vouches for it and what it lists ({total('logs_unsigned'):,} logs)"
        )
    if pending := outcome.unlisted.get("pending"):
        lines.append(f"{pending:,} logs are too new for a digest")
    if hidden := outcome.unlisted.get("hole"):
        lines.append(f"{hidden:,} logs lie in hours for which no digest speaks")
    return lines
