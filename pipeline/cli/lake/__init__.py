"""`trailsift lake …`: what is in the lake, and its upkeep."""

from __future__ import annotations

import typer

from pipeline.cli.lake import look, quarantine, upkeep


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    verbs = typer.Typer(help="What is in the lake, and its upkeep.", no_args_is_help=True)
    verbs.command("info", help="Tables with their rows, files and bytes; what upkeep is due.")(look.info)
    verbs.command("connect", help="Print SQL that opens the lake in any DuckDB.")(look.connect)
    verbs.command("compact", help="Write closed days anew as few large sorted files.")(upkeep.compact)
    verbs.command("index", help="Get ready for investigations: who was seen where.")(upkeep.index)
    verbs.command("expire", help="Drop old days, old snapshots, and files nothing needs.")(upkeep.expire)
    verbs.command("quarantine", help="List what ingestion refused, or try it again.")(quarantine.quarantine)
    again = typer.Typer(help="Make a table anew from the events.", no_args_is_help=True)
    again.command("usage", help="Make the usage roll-up anew from the events.")(upkeep.usage)
    again.command("habits", help="Work out anew what each principal is wont to do.")(upkeep.habits)
    verbs.add_typer(again, name="rebuild")
    app.add_typer(verbs, name="lake")
