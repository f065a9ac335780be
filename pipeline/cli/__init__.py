"""The command line: parse, call, print. One file a verb; what a verb does lives in its room.

A verb file holds `register(app)`, which adds its command to the Typer application. Heavy libraries are
imported inside commands, so that `trailsift --help` answers at once.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from pipeline.cli import context
from pipeline.errors import TrailsiftError

# Options that may stand before or after the verb; the value says whether one follows.
_GLOBAL = {"--lake": True, "--config": True, "--as-of": True, "--debug": False, "--no-color": False}
_GLOBAL |= {"--no-progress": False, "--quiet": False, "-q": False}


def application() -> typer.Typer:
    """The Typer application with every verb found in this folder."""
    app = typer.Typer(
        name="trailsift",
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
    words = hoist(sys.argv[1:] if arguments is None else arguments)
    try:
        application()(args=words, standalone_mode=True)
    except TrailsiftError as error:
        if "--debug" in words:
            raise
        print(f"trailsift: {context.printable(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("trailsift: interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output (head, less) has seen enough; say nothing more to it.
        sys.stdout = None  # type: ignore[assignment]
        sys.exit(0)
    except Exception as error:
        if "--debug" in words:
            raise
        text = context.printable(f"{type(error).__name__}: {error}").splitlines() or [""]
        print(f"trailsift: {text[0]}; run again with --debug for the whole story", file=sys.stderr)
        sys.exit(1)
