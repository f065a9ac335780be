"""What every verb shares: the settings in force, the lake they name, and how talk reaches the terminal."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from pipeline import __version__, config

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from pipeline.lake.tables import Lake
    from pipeline.names import Names


@dataclass
class Context:
    """One run of the command; filled from the global options. `config` is the settings' file where one was named."""

    settings: config.Settings = field(default_factory=config.Settings)
    config: str | None = None
    as_of: str | None = None
    color: bool = True
    progress: bool = True
    quiet: bool = False

    def lake(self, create: bool = False) -> Lake:
        """The lake the settings name; raises NoDataError where there is none and `create` is false."""
        from pipeline.lake.tables import Lake

        return Lake.open(self.settings.lake, create=create, settings=self.settings)

    @property
    def names(self) -> Names:
        """What people call ids, by the settings; raises UsageError for names that cannot be understood."""
        from pipeline.names import Names

        return Names.read(self.settings.names, self.settings.origin.get("names", "[names]"))

    def show(self, rows: pa.Table, output: str, brief: list[str] | None = None, file: Path | None = None) -> None:
        """Rows as data: on stdout, or in `file`. `brief` are the columns that a table for eyes has room for."""
        from pipeline import export

        export.emit(rows, output, file, color=self.color, brief=brief, names=self.names)

    def say(self, text: str) -> None:
        """Talk, on stderr, so that stdout carries nothing but data."""
        if not self.quiet:
            print(one_line(text), file=sys.stderr)


current = Context()


def _version(wanted: bool) -> None:
    if wanted:
        print(f"trailsift {__version__}")
        raise typer.Exit


def common_options(
    lake: str = typer.Option(None, "--lake", help="Folder of the lake.", metavar="DIR", show_default="./lake"),
    config_file: str = typer.Option(None, "--config", help="Settings file.", metavar="FILE"),
    as_of: str = typer.Option(None, "--as-of", help="Count relative times back from here.", metavar="TIME"),
    debug: bool = typer.Option(False, "--debug", help="Show the whole traceback of an error."),
    no_color: bool = typer.Option(False, "--no-color", help="Plain text; the variable NO_COLOR does the same."),
    no_progress: bool = typer.Option(False, "--no-progress", help="No progress bar."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Data and errors only."),
    version: bool = typer.Option(
        False, "--version", help="Show the version and exit.", is_eager=True, callback=_version
    ),
) -> None:
    """Reads the global options into `current`."""
    current.settings = config.load({"lake": lake, "config": config_file})
    current.config = config_file
    current.as_of, current.color = as_of, not no_color
    current.progress, current.quiet = not no_progress, quiet


# As in pipeline.export.cells, which takes long to import; without tab and line feed.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_BREAK = re.compile("[\t\n\r\u2028\u2029]")


def printable(text: str) -> str:
    """`text` without the control characters by which a log field could drive the reader's terminal."""
    return _CONTROL.sub("\ufffd", text)


def one_line(text: str) -> str:
    """The same on one line, so that a log field cannot pass for a line of our own."""
    return printable(_BREAK.sub(" ", text))
