"""`trailsift iam …`: snapshots in, and what IAM's own language means, one JSON line in and one out."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current, printable

if TYPE_CHECKING:
    from pipeline.iam.catalogue import Catalogue


def register(app: typer.Typer) -> None:
    """Adds the verbs below `iam`."""
    group = typer.Typer(no_args_is_help=True, help="IAM snapshots, actions and policies.", rich_markup_mode=None)
    group.command("import", help="Bring IAM documents into the lake as one snapshot.")(import_)
    group.command("actions", help="Events to the IAM actions they need; JSON lines in, JSON lines out.")(actions)
    group.command("expand", help="Policies to the actions they grant; JSON lines in, JSON lines out.")(expand)
    group.command("evaluate", help="Requests to AWS's decision on them; JSON lines in, JSON lines out.")(evaluate)
    app.add_typer(group, name="iam")


def import_(
    files: list[str] = typer.Argument(
        ..., help="GetAccountAuthorizationDetails JSON, credential report, SCPs.", metavar="FILE…"
    ),
    taken_at: str = typer.Option(None, "--taken-at", help="When the state was so.", show_default="the file's own date"),
    output: str = typer.Option("table", "-o", "--output", help="table or json."),
) -> None:
    """Recognises each file by its content and stores all of them as one snapshot; repeating changes nothing."""
    from datetime import UTC, datetime

    from pipeline.access.snapshots import import_files
    from pipeline.errors import UsageError
    from pipeline.times import parse_time

    if output not in ("table", "json"):
        raise UsageError("-o", f"{output!r} is no format of iam import", "write table or json")
    moment = parse_time(taken_at, datetime.now(UTC), "--taken-at") if taken_at else None
    imported = import_files(current.lake(create=True), files, moment)
    for note in imported.notes:
        current.say(note)
    print(json.dumps(imported.as_json()) if output == "json" else printable(imported.as_text()))


_CATALOG = typer.Option(
    None, "--catalog", help="Newer actions: AWS's service reference or iam-data's files.", metavar="DIR"
)


def actions(
    file: str = typer.Argument("-", help="JSON lines; - is standard input.", metavar="[FILE]"),
    catalog: str = _CATALOG,
) -> None:
    """For each event: mapped, no_action or unmapped, with the actions, their resources and the basis."""
    from pipeline.iam.actions import Mapper

    by = Mapper(_catalogue(catalog))

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        mapped = by.map_event(given)
        needed = [
            {"action": each.action, "resources": list(each.resources), "basis": each.basis} for each in mapped.actions
        ]
        return {"state": mapped.state, "actions": needed}

    _each_line(file, answer)


def _catalogue(folder: str | None) -> Catalogue:
    """The catalogue, and on standard error which one it is."""
    from pipeline.iam.catalogue import load

    found = load(Path(folder) if folder else None)
    current.say(f"catalogue: {found.version}, {len(found.actions):,} actions")
    return found


def expand(
    file: str = typer.Argument("-", help="JSON lines; - is standard input.", metavar="[FILE]"),
    catalog: str = _CATALOG,
) -> None:
    """For each policy: the actions it grants in AWS's spelling, and the patterns that name none."""
    from pipeline.errors import UsageError
    from pipeline.iam.policy import parse

    catalogue = _catalogue(catalog)

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        if "policy" not in given:
            raise UsageError("line", "has no policy", 'write {"id": …, "policy": {…}}')
        found = parse(given["policy"]).expand(catalogue)
        return {"actions": catalogue.names(found.bits), "unknown": list(found.unknown)}

    _each_line(file, answer)


def evaluate(file: str = typer.Argument("-", help="JSON lines; - is standard input.", metavar="[FILE]")) -> None:
    """For each request and its policies: allowed, implicit_deny, explicit_deny or conditional, and why."""
    from pipeline.errors import UsageError
    from pipeline.iam.decisions import request
    from pipeline.iam.evaluate import Evaluator

    compiled: dict[str, Evaluator] = {}

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        for name in ("request", "policies"):
            if name not in given:
                raise UsageError("line", f"has no {name}", 'write {"id": …, "request": {…}, "policies": {…}}')
        asked = request(given["request"], given.get("partial_context") is True)
        # Lines about one principal mostly share their policies; a few dozen sets are kept.
        text = json.dumps(given["policies"])
        if text not in compiled:
            if len(compiled) >= 64:
                compiled.clear()
            compiled[text] = Evaluator(given["policies"])
        return compiled[text].decide(asked).as_json()

    _each_line(file, answer)


def _each_line(file: str, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answers every line of the file; a line that cannot be answered says why, and the exit code is then 1."""
    failed = False
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        name: Any = None
        try:
            given = json.loads(line)
            if not isinstance(given, dict):
                raise ValueError("is no JSON object")
            name = given.get("id")
            out = {"id": name, **answer(given)}
        except (ValueError, RecursionError, UnicodeError) as error:
            failed, out = True, {"id": name, "error": f"line {number}: {error}"}
        except Exception as error:
            from pipeline.errors import TrailsiftError

            if not isinstance(error, TrailsiftError):
                raise
            failed, out = True, {"id": name, "error": f"line {number}: {error}"}
        print(json.dumps(out))
    if failed:
        raise typer.Exit(1)


def _lines(file: str) -> Iterable[str]:
    from pipeline.errors import UsageError

    if file == "-":
        return io.TextIOWrapper(sys.stdin.buffer, "utf-8", errors="surrogateescape")
    path = Path(file)
    try:
        # Not splitlines: JSON may hold line separators of other alphabets.
        return path.read_text("utf-8", errors="surrogateescape").split("\n")
    except OSError as error:
        raise UsageError(path, f"cannot be read ({error.strerror})", "name a file of JSON lines, or -") from None
