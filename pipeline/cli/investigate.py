"""`trailsift investigate SEED`: the whole story behind a key, a person, an address or a resource."""

from __future__ import annotations

from pathlib import Path

import typer

from pipeline.cli.context import current


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("investigate", help="The whole story behind a key, a principal, an address or a resource.")(investigate)


def investigate(
    seed: str = typer.Argument(
        ...,
        help="ARN, user or role name, access key, session, address or network, user agent, event id or resource.",
        metavar="SEED",
    ),
    since: str = typer.Option(None, "--from", help="Start of the window.", metavar="TIME", show_default="first event"),
    until: str = typer.Option(None, "--to", help="End of the window.", metavar="TIME", show_default="newest event"),
    max_events: int = typer.Option(
        None,
        "--max-events",
        help="Events of the timeline at most.",
        min=1,
        max=1_000_000,
        show_default="all up to 10,000; of more the 2,000 that stand out",
    ),
    pack: Path = typer.Option(None, "--pack", help="Write the case pack to this file too.", metavar="CASE.zip"),
    book: str = typer.Option(None, "--case", help="Tell the pins and notes of this case too.", metavar="NAME"),
    output: str = typer.Option("table", "-o", "--output", help="table (a report) or json."),
) -> None:
    """Tells who it was, what they did in order, what they made and gained, and who is near, each with its events.

    Exit code 5 where no event has the seed, and where the log has a gap in a window given by --from or --to.
    """
    from pipeline.casework import case, casebook, report
    from pipeline.casework.pack import write
    from pipeline.casework.sightings import KEPT
    from pipeline.catalog import Catalog
    from pipeline.cli.window import window
    from pipeline.engines.duckdb import connect
    from pipeline.errors import UsageError

    if output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no format of investigate", "write table or json")
    catalog = Catalog.unchecked("investigate", views=("events", "coverage", *KEPT))
    lake = current.lake()
    names = current.names
    written = casebook.case(lake, book) if book is not None else None
    with connect(lake) as engine:
        catalog.install_views(engine)
        begin, end = window(engine, since, until)
        found = case.investigate(engine, catalog, seed, begin, end, max_events, written, names)
        if pack is not None:
            write(pack, found, engine, catalog)
            current.say(f"case pack: {pack}")
    for line in found.facts["bounds"] + found.facts["coverage"]:
        current.say(line)
    if left := found.facts["counts"]["left_out"]:
        current.say(
            f"{left:,} of {found.facts['counts']['events']:,} events are left out of the timeline; see --max-events"
        )
    print(report.to_json(found.facts) if output == "json" else report.to_text(found.facts, names=names))
    if found.gaps and (since or until):
        raise typer.Exit(5)
