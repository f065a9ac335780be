"""`trailsift comply FRAMEWORK`: the verdict of every requirement, with the evidence behind it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current, printable

if TYPE_CHECKING:
    from pipeline.evidence.comply import Report
    from pipeline.evidence.frameworks import Framework

FORMATS = ("table", "csv", "json", "ndjson", "parquet")
# A mark and a word, so that nothing hangs on colour alone.
MARKS = {
    "pass": ("✔", "pass", "green"),
    "fail": ("✘", "fail", "bold red"),
    "no_evidence": ("?", "no evidence", "yellow"),
    "manual": ("✎", "manual", "cyan"),
    "not_covered": ("–", "not covered", "dim"),
}
_PIPED_WIDTH = 140


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("comply", help="Judge the requirements of a framework; alone, list the frameworks.")(comply)


def comply(
    framework: str = typer.Argument(None, help="Framework; without it, all are listed.", metavar="FRAMEWORK"),
    since: str = typer.Option(
        None, "--from", help="Start of the period.", metavar="TIME", show_default="30 days before"
    ),
    until: str = typer.Option(None, "--to", help="End of the period.", metavar="TIME", show_default="newest event"),
    rows: int = typer.Option(100, "--rows", min=0, help="Most rows to give of each question."),
    output: str = typer.Option("table", "-o", "--output", help=f"{', '.join(FORMATS)}."),
) -> None:
    """Judges each requirement over a period; what lacks data never passes."""
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError
    from pipeline.evidence import frameworks
    from pipeline.evidence.comply import report, window
    from pipeline.times import parse_time

    if output not in FORMATS:
        raise UsageError("-o", f"{output!r} is no format", f"write one of {', '.join(FORMATS)}")
    catalog = Catalog.load()
    known = frameworks.load(catalog)
    if framework is None:
        _list(list(known.values()), output)
        return
    chosen = frameworks.get(known, framework)
    with connect(current.lake()) as engine:
        catalog.install_views(engine)
        newest = window(engine).as_of
        as_of = parse_time(current.as_of, newest, "--as-of") if current.as_of else newest
        start = parse_time(since, as_of, "--from") if since else None
        end = parse_time(until, as_of, "--to") if until else None
        made = report(engine, catalog, chosen, window(engine, start, end, as_of), rows)
    _print(made, output)
    raise typer.Exit(_warn(made, bool(since or until)))


def _warn(made: Report, asked: bool) -> int:
    """Says what the log lacks of the period; 5 where the lake has nothing at all, or the user asked for the period."""
    gaps = made.evidence.gaps()
    if gaps:
        current.say("the log does not cover the period: " + "; ".join(gaps))
    nothing = not made.evidence.events and not made.evidence.reports
    return 5 if nothing or (gaps and asked) else 0


def _print(made: Report, output: str) -> None:
    from pipeline.times import iso

    period = made.window
    current.say(f"{iso(period.since)} to {iso(period.until)}, as of {iso(period.as_of)}{_age(made)}")
    if output == "json":
        print(json.dumps(made.requirements, ensure_ascii=False, indent=2))
    elif output == "ndjson":
        for each in made.requirements:
            print(json.dumps(each, ensure_ascii=False))
    elif output == "table":
        _table(made)
    else:
        _write(made.requirements, output)


def _age(made: Report) -> str:
    """Says when the newest event is over a day old, so that nobody takes an old log for today's."""
    from datetime import UTC, datetime

    days = (datetime.now(UTC) - made.window.as_of).days
    return f", {days:,} days ago" if days > 1 else ", a day ago" if days == 1 else ""


def _write(requirements: list[dict[str, Any]], output: str) -> None:
    """Files of rows have flat columns: what is nested becomes JSON text."""
    import pyarrow as pa

    from pipeline.export import write

    flat = [
        {
            name: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
            for name, value in each.items()
        }
        for each in requirements
    ]
    write(pa.Table.from_pylist(flat), output, sys.stdout, color=False)


def _table(made: Report) -> None:
    from rich.table import Table
    from rich.text import Text

    console = _console()
    console.print(Text(made.framework.title, style="bold"))
    console.print(Text(made.framework.statement), style="dim")
    for section, title in made.framework.sections.items():
        table = Table(
            title=Text(f"{section} {title}"), title_justify="left", expand=True, show_edge=False, pad_edge=False
        )
        table.add_column("verdict", no_wrap=True, width=13)
        table.add_column("id", no_wrap=True, width=5)
        table.add_column("requirement", ratio=2)
        table.add_column("why", ratio=4)
        for each in made.requirements:
            if each["section"] == section:
                mark, word, style = MARKS[each["verdict"]]
                texts = (each["requirement"], each["title"], each["reason"])
                table.add_row(Text(f"{mark} {word}", style), *[Text(printable(text)) for text in texts])
        console.print()
        console.print(table)
    console.print()
    counts = {verdict: sum(each["verdict"] == verdict for each in made.requirements) for verdict in MARKS}
    parts = [f"{MARKS[verdict][0]} {number} {MARKS[verdict][1]}" for verdict, number in counts.items()]
    console.print(Text(" · ".join(parts)))


def _list(known: list[Framework], output: str) -> None:
    """The frameworks there are, and how much of each has questions."""
    rows = [
        {
            "framework": each.id,
            "title": each.title,
            "version": each.version,
            "requirements": len(each.requirements),
            "evaluated": sum(bool(requirement.questions) for requirement in each.requirements),
        }
        for each in known
    ]
    if output == "json":
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    elif output == "ndjson":
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
    elif output == "table":
        from rich.table import Table

        table = Table(*rows[0] if rows else [], show_edge=False, pad_edge=False)
        for row in rows:
            table.add_row(*map(str, row.values()))
        _console().print(table)
    else:
        _write(rows, output)


def _console() -> Any:
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return Console(no_color=not current.color, width=width, highlight=False, markup=False, emoji=False)
