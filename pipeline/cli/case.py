"""`trailsift case …`: what investigators write down of a case; see `trailsift investigate` for what the log tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from pipeline.casework.casebook import CaseFile

_CASE = typer.Argument(..., help="Name of the case.", metavar="NAME")
_IDS = typer.Argument(..., help="Event ids.", metavar="EVENT_ID…")
_NOTE = typer.Option("", "--note", help="Why.", metavar="TEXT")
_BY = typer.Option(None, "--by", help="Who writes.", metavar="WHO", show_default="the user of this machine")
_OUTPUT = typer.Option("table", "-o", "--output", help="table or json.")


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    verbs = typer.Typer(help="Cases: seeds, pinned events and notes, of which none is ever deleted.")
    verbs.command("new", help="Open a case.")(new)
    verbs.command("pin", help="Pin events to a case.")(pin)
    verbs.command("unpin", help="Take pins away; the case keeps that they were there.")(unpin)
    verbs.command("note", help="Write a note.")(note)
    verbs.command("show", help="A case: its seeds, pins, notes, and every entry.")(show)
    verbs.command("list", help="Every case.")(listing)
    app.add_typer(verbs, name="case", no_args_is_help=True)


def new(
    name: str = _CASE,
    seed: list[str] = typer.Option(..., "--seed", help="Where to begin; may be given several times.", metavar="SEED"),
    about: str = typer.Option("", "--about", help="What it is about.", metavar="TEXT"),
    by: str = _BY,
) -> None:
    """The next step is to investigate each of its seeds."""
    from pipeline.casework import casebook

    found = casebook.open_case(current.lake(), name, seed, about, by)
    current.say(f"case {name} is open; next: trailsift investigate {found.seeds[0]} --pack case.zip --case '{name}'")


def pin(name: str = _CASE, ids: list[str] = _IDS, note: str = _NOTE, by: str = _BY) -> None:
    """Each must be the id of an event of the lake."""
    from pipeline.casework import casebook
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import connect

    lake = current.lake()
    casebook.case(lake, name)
    with connect(lake) as engine:
        Catalog.load(within="views").install_views(engine)
        _told(casebook.pin(lake, engine, name, ids, note, by))


def unpin(name: str = _CASE, ids: list[str] = _IDS, note: str = _NOTE, by: str = _BY) -> None:
    """Nothing is deleted: it is one entry more."""
    from pipeline.casework import casebook

    _told(casebook.unpin(current.lake(), name, ids, note, by))


def note(name: str = _CASE, text: str = typer.Argument(..., help="The note.", metavar="TEXT"), by: str = _BY) -> None:
    """A note of several lines is one argument in quotes."""
    from pipeline.casework import casebook

    _told(casebook.add_note(current.lake(), name, text, by))


def show(name: str = _CASE, output: str = _OUTPUT) -> None:
    """As JSON one object: case, about, seeds, pins, notes and every entry."""
    from pipeline.casework import casebook, report
    from pipeline.export.cells import as_json, plain, value

    found = casebook.case(current.lake(), name)
    entries = casebook.entries_of(found)
    if _is_json(output):
        members: dict[str, Any] = {"pinned": list(found.pins), "entries": entries}
        print(as_json(value(found.summary | members)))
        return
    about = found.summary["about"]
    print(plain(f"{found.name}: {about}" if about else found.name))
    print(plain(f"seeds: {', '.join(found.seeds)}; {len(found.pins)} pinned, {len(found.notes)} notes"))
    print("\n".join(report.entries(entries)))


def listing(output: str = _OUTPUT) -> None:
    """The one with the newest entry first."""
    from pipeline.casework import casebook
    from pipeline.export.cells import as_json, value

    rows = [found.summary for found in casebook.cases(current.lake()).values()]
    if _is_json(output):
        print(as_json(value(rows)))
        return
    if not rows:
        current.say("there is no case; open one: trailsift case new NAME --seed SEED")
        return
    import pyarrow as pa

    current.show(pa.Table.from_pylist(rows), "table")


def _is_json(output: str) -> bool:
    from pipeline.errors import UsageError

    if output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no format of case", "write table or json")
    return output == "json"


def _told(found: CaseFile) -> None:
    last = found.entries[-1]
    current.say(f"case {found.name}: {last['change']}, entry {last['number']} by {last['actor']}")
