"""The command line: parse, call, print. One file a verb; what a verb does lives in its room.

A verb file holds `register(app)`, which adds its command to the Typer application. Heavy libraries are
imported inside commands, so that `trailsift --help` answers at once.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import pkgutil
import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from pipeline.cli import context
from pipeline.cli.lean import leave_pandas_out
from pipeline.errors import TrailsiftError

# Options that may stand before or after the verb; the value says whether one follows.
_GLOBAL = {"--lake": True, "--config": True, "--as-of": True, "--debug": False, "--no-color": False}
_GLOBAL |= {"--no-progress": False, "--quiet": False, "-q": False}


def application() -> typer.Typer:
    """The Typer application with every verb found in this folder."""
    app = typer.Typer(
        name="trailsift",
        cls=_Verbs,
        help="Sift an AWS audit trail: unused permissions, anomalies, and what can be shown to an auditor.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(context.common_options)
    for module in sorted(each.name for each in pkgutil.iter_modules(__path__)):
        verb = importlib.import_module(f"pipeline.cli.{module}")
        if hasattr(verb, "register"):
            verb.register(app)
    return app


def hoist(arguments: list[str]) -> list[str]:
    """The same arguments with the global options moved before the verb, where Typer expects them."""
    front: list[str] = []
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if word == "--":
            rest += [word, *queue]
            break
        name, _, value = word.partition("=")
        if name in _GLOBAL and (not value or _GLOBAL[name]):
            front.append(word)
            if _GLOBAL[name] and "=" not in word and queue:
                front.append(queue.pop(0))
        else:
            rest.append(word)
    return front + rest


def main(arguments: list[str] | None = None) -> None:
    """The console script: runs one verb and exits with the design's code."""
    # Importing makes some hundred thousand objects that stay; at Python's threshold each is walked again and again.
    gc.set_threshold(50_000, 20, 20)
    if arguments is None:
        leave_pandas_out()
        if isinstance(sys.stdout, io.TextIOWrapper):
            # As all formats are written, whatever the locale: no character of a log is lost, or ends the command.
            sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    words = hoist(sys.argv[1:] if arguments is None else arguments)
    try:
        code = application()(args=words, prog_name="trailsift", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in words:
            raise
        code = _tell(error)
    if code == 130:
        print("trailsift: interrupted; run the same command again to go on", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _tell(error: BaseException) -> int:
    """Says in one line what went wrong; gives the exit code."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return 130
    if isinstance(error, TrailsiftError):
        line, code = f"trailsift: {error}", error.exit_code
    elif isinstance(error, TyperException):
        message, code = error.format_message(), error.exit_code
        asked = getattr(error, "ctx", None)
        if "\n" in message and asked:  # a group without a verb answers with its help
            print(message, file=sys.stderr)
            return code
        path = asked.command_path if asked else "trailsift"
        line = f"{path}: {message.rstrip('.')}; see {path} --help"
    elif isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError) and error.strerror:
        place = error.filename or "files"
        line, code = f"trailsift: {place}: {error.strerror}; see that there is room, and leave to read and write", 1
    else:
        line = f"trailsift: {type(error).__name__}: {error}; run again with --debug for the whole story"
        code = 1
    print(context.printable(" ".join(line.split())), file=sys.stderr)
    return code


class _Verbs(TyperGroup):
    """The group of verbs; ends quietly when the reader of our output (head, less) has seen enough."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BrokenPipeError:
            # What is still buffered would be written, and fail again, when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
