"""`trailsift iam actions|expand|evaluate`: what IAM's own language means, one JSON line in and one out."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipeline.cli.context import current

if TYPE_CHECKING:
    from pipeline.iam.catalogue import Catalogue


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
    from pipeline.iam.decisions import request, truth
    from pipeline.iam.evaluate import Evaluator

    compiled: dict[str, Evaluator] = {}

    def answer(given: dict[str, Any]) -> dict[str, Any]:
        for name in ("request", "policies"):
            if name not in given:
                raise UsageError("line", f"has no {name}", 'write {"id": …, "request": {…}, "policies": {…}}')
        asked = request(given["request"], truth(given, "partial_context", "line"))
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
            given = _read(line)
            # An id that cannot be written again is none.
            name = json.loads(json.dumps(given.get("id"), allow_nan=False))
            out = {"id": name, **answer(given)}
        except RecursionError:
            failed, out = True, {"id": name, "error": f"line {number}: is nested too deep"}
        except ValueError as error:
            failed, out = True, {"id": name, "error": f"line {number}: {error}"}
        except Exception as error:
            from pipeline.errors import TrailsiftError

            if not isinstance(error, TrailsiftError):
                raise
            failed, out = True, {"id": name, "error": f"line {number}: {error}"}
        print(json.dumps(out))
    if failed:
        raise typer.Exit(1)


def _read(line: str) -> dict[str, Any]:
    """The object of a line. Raises ValueError for anything else, also for NaN, which JSON does not have."""
    from pipeline.iam.policy import members

    def no_number(text: str) -> None:
        raise ValueError(f"{text} is no JSON")

    given = json.loads(line, parse_constant=no_number, object_pairs_hook=members)
    if not isinstance(given, dict):
        raise ValueError("is no JSON object")
    return given


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
