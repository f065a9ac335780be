"""`trailsift iam import`: IAM as it was at a time, into the lake."""

from __future__ import annotations

import json

import typer

from pipeline.cli.context import current, printable


def import_(
    files: list[str] = typer.Argument(
        ..., help="What the AWS command line answers about IAM, or what iam collect -d saved.", metavar="FILE…"
    ),
    account: str = typer.Option(None, "--account", help="Whose it is what does not say so.", metavar="ID"),
    taken_at: str = typer.Option(None, "--taken-at", help="When the state was so.", show_default="the file's own date"),
    output: str = typer.Option("table", "-o", "--output", help="table or json."),
) -> None:
    """Recognises each file by its content and stores all of them as one snapshot; repeating changes nothing."""
    from datetime import UTC, datetime

    from pipeline.access.snapshots import import_files
    from pipeline.cli.progress import complain
    from pipeline.errors import UsageError
    from pipeline.times import parse_time

    if output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no format of iam import", "write table or json")
    if account is not None and not (account.isascii() and account.isdigit() and len(account) == 12):
        raise UsageError("--account", f"{account!r} is no account", "write its 12 digits")
    moment = parse_time(taken_at, datetime.now(UTC), "--taken-at") if taken_at else None
    imported = import_files(current.lake(create=True), files, moment, account)
    for note in imported.notes:
        current.say(note)
    complain(imported.refused, current)
    print(json.dumps(imported.as_json()) if output == "json" else printable(imported.as_text()))
    if imported.refused:
        raise typer.Exit(4)
