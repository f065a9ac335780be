"""`trailsift comply FRAMEWORK`: the verdict of every requirement, with the evidence behind it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from pipeline.evidence.comply import Report
    from pipeline.evidence.frameworks import Framework

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
    output: str = typer.Option("table", "-o", "--output", help="table, csv, json, ndjson or parquet."),
) -> None:
    """Judges each requirement over a period; what lacks data never passes."""
    from pipeline.assurance.statement import statement
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import connect
    from pipeline.evidence import frameworks
    from pipeline.evidence.comply import report, window
    from pipeline.export import known as known_format
    from pipeline.times import parse_time

    known_format(output)
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
        ground = statement(engine, made.window.since, made.window.until)
    _print(made, output)
    raise typer.Exit(_warn(made, ground, bool(since or until)))


def _warn(made: Report, ground: list[str], asked: bool) -> int:
    """Says what the log lacks of the period and whether it was verified.

    5 where the lake has nothing at all, or lacks something of a period that the user asked for.
    """
    gaps = made.evidence.gaps()
    if gaps:
        current.say(current.names.told("the log does not cover the period: " + "; ".join(gaps)))
    for line in ground:
        current.say(line)
    nothing = not made.evidence.events and not made.evidence.reports
    return 5 if nothing or (gaps and asked) else 0


def _print(made: Report, output: str) -> None:
    from datetime import UTC, datetime

    from pipeline.times import iso

    period = made.window
    current.say(f"window {iso(period.since)} to {iso(period.until)}; as of {iso(period.as_of)}")
    days = (datetime.now(UTC) - made.newest).days if made.newest else 0
    if made.newest and days:
        current.say(f"the newest event in the lake is {days:,} days old ({iso(made.newest)})")
    if output == "table":
        _table(made)
    else:
        _write(made.requirements, output)


def _write(rows: list[dict[str, Any]], output: str) -> None:
    """Rows differ from question to question, so that JSON is written object by object, and columns hold JSON text."""
    import pyarrow as pa

    from pipeline.export.cells import as_json

    if output == "ndjson":
        sys.stdout.writelines(f"{as_json(each)}\n" for each in rows)
    elif output == "json":
        sys.stdout.write("[\n" + ",\n".join(as_json(each) for each in rows) + "\n]\n")
    else:
        flat = [{name: as_json(cell) if isinstance(cell, list) else cell for name, cell in row.items()} for row in rows]
        current.show(pa.Table.from_pylist(flat), output)


def _table(made: Report) -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.export.cells import plain

    told = current.names.told
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
                table.add_row(Text(f"{mark} {word}", style), *[Text(plain(told(text))) for text in texts])
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
    _write(rows, output)


def _console() -> Any:
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return Console(no_color=not current.color, width=width, highlight=False, markup=False, emoji=False)
