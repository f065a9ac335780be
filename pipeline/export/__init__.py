"""Rows to bytes: one file of this folder a format, found by itself; each holds `write(table, out, options)`.

Log fields are written by attackers, so every format takes the sting out of them in its own way: terminal control
characters and markup (table, JSON), spreadsheet formulas (CSV), links (SARIF). OCSF, SARIF and ASFF say something of
findings only, and refuse other rows.
"""

from __future__ import annotations

import difflib
import importlib
import io
import pkgutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import pyarrow as pa

from pipeline.errors import TrailsiftError, UsageError
from pipeline.names import Names


@dataclass(frozen=True)
class Options:
    """What a format may heed: `color` and `width` (characters) are for terminals.

    `names` are what people call ids. A table shows them beside the ids; other formats keep ids as they are, and tell
    names where they have a member for them.
    """

    color: bool = False
    width: int | None = None
    names: Names = field(default_factory=Names)


def formats() -> dict[str, ModuleType]:
    """The formats by name: the modules of this folder that can write."""
    modules = (importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__))
    return {module.__name__.rpartition(".")[2]: module for module in modules if hasattr(module, "write")}


def known(name: str) -> ModuleType:
    """The format of this name; raises UsageError with the nearest."""
    found = formats()
    if name in found:
        return found[name]
    near = difflib.get_close_matches(name, found, 1)
    remedy = f"did you mean {near[0]}?" if near else f"write {', '.join(sorted(found))}"
    raise UsageError("-o", f"{name!r} is no output format", remedy)


def write(
    table: pa.Table,
    fmt: str,
    out: IO[Any],
    *,
    color: bool = False,
    columns: list[str] | None = None,
    width: int | None = None,
    names: Names | None = None,
) -> None:
    """Writes the rows of `table` as `fmt` to a stream of bytes or text.

    `columns` picks and orders columns, `width` is the terminal's (asked of it where left out), `names` are told beside
    ids. Raises UsageError for an unknown format or column, and for a binary format on a terminal.
    """
    form = known(fmt)
    if columns is not None:
        missing = [each for each in columns if each not in table.column_names]
        if missing:
            raise UsageError(
                "columns", f"there is no column {missing[0]!r}", f"there are {', '.join(table.column_names)}"
            )
        table = table.select(columns)
    if form.BINARY and out.isatty():
        raise UsageError("-o", f"{fmt} is not for a terminal", "name a file by -O, or send it on with | or >")
    options = Options(color and out.isatty(), width, names or Names())
    if not isinstance(out, io.TextIOBase):
        _write(form, table, out, options)
    elif hasattr(out, "buffer"):
        out.flush()
        _write(form, table, out.buffer, options)
        out.buffer.flush()
    else:
        out.write(to_bytes(table, fmt, width=width, names=names).decode())


def to_bytes(table: pa.Table, fmt: str, *, width: int | None = None, names: Names | None = None) -> bytes:
    """The rows of `table` as `fmt`, whole."""
    out = io.BytesIO()
    _write(known(fmt), table, out, Options(width=width, names=names or Names()))
    return out.getvalue()


def _write(form: ModuleType, table: pa.Table, out: IO[Any], options: Options) -> None:
    try:
        form.write(table.rename_columns(distinct(table.column_names)), out, options)
    except OverflowError:
        raise TrailsiftError(
            "output", "a time lies outside the years 1 to 9999", "write it as text: ::varchar"
        ) from None


def distinct(names: list[str]) -> list[str]:
    """Names with every repeated one numbered (`a`, `a_2`): an SQL result may repeat one, an object's keys may not."""
    found: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in found or (number > 1 and candidate in names):
            number += 1
            candidate = f"{name}_{number}"
        found.append(candidate)
    return found


def emit(
    table: pa.Table,
    fmt: str,
    file: Path | None = None,
    *,
    color: bool = False,
    brief: list[str] | None = None,
    names: Names | None = None,
) -> None:
    """Writes to `file`, or to stdout; what a command does with its `-o` and `-O`.

    `brief` are the columns that a table for eyes has room for; every other format has all of them.
    """
    columns = brief if fmt == "table" else None
    if file is None:
        write(table, fmt, sys.stdout, color=color, columns=columns, names=names)
        return
    known(fmt)
    scratch = file.with_name(f".{file.name}.part")
    try:
        with scratch.open("wb") as out:
            write(table, fmt, out, columns=columns, names=names)
        scratch.replace(file)
    except OSError as error:
        raise TrailsiftError(file, f"cannot be written ({error.strerror})", "name another file by -O") from error
    finally:
        scratch.unlink(missing_ok=True)
