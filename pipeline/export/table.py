"""A table for eyes: columns side by side where they fit the terminal, else a row under the other.

Long cells are cut, as the other formats have them whole. Cells are given to rich as text, never as markup. What people
call an id stands behind it, in its cell: where there is no room for both, below it.
"""

from __future__ import annotations

import io
import shutil
from typing import Any, BinaryIO

import pyarrow as pa
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.export import Options
from pipeline.export.cells import as_json, plain, rows
from pipeline.names import Names

BINARY = False
EXTENSION, MIME = ".txt", "text/plain"
_LIST = 3
_CELL = 400
_NARROW, _WIDE = 10, 60
_WIDTH = 100
_SEVERITY = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "blue", "informational": "dim"}
_STYLES = _SEVERITY | {"denied": "red", "error": "yellow", "fail": "red", "pass": "green"}


def write(table: pa.Table, out: BinaryIO, options: Options) -> None:
    """The rows, or a line that says there are none; the width is the terminal's, 100 where there is no terminal."""
    width = options.width or (shutil.get_terminal_size((_WIDTH, 24)).columns)
    text = io.StringIO()
    console = Console(file=text, width=width, color_system="standard" if options.color else None)
    names = [plain(each) for each in table.column_names]
    cells = [[_text(each) for each in row] for row in rows(table)]
    named = _named(options.names, table.column_names, cells)
    if not cells:
        console.print(Text("no rows"))
    elif (widths := _widths(table.schema, names, cells, width)) is None:
        _records(console, names, cells, named)
    else:
        console.print(_grid(table, names, cells, named, _widened(widths, named, width)))
    lines = (line.rstrip() for line in text.getvalue().splitlines())
    out.write("".join(f"{line}\n" for line in lines).encode(errors="replace"))


def _widths(schema: pa.Schema, names: list[str], cells: list[list[str]], width: int) -> list[int] | None:
    """A width for each column, at most what it needs; None where they do not fit side by side and stay readable.

    Times and numbers keep theirs, since a broken number misleads; the widest text gives way first.
    """
    needs = [
        max(cell_len(name), *(min(cell_len(row[index]), _WIDE) for row in cells)) for index, name in enumerate(names)
    ]
    room = width - 2 * (len(names) - 1)
    least = [
        need if _unbroken(field.type) else min(need, max(_NARROW, min(cell_len(name), _WIDE)))
        for field, need, name in zip(schema, needs, names, strict=True)
    ]
    if sum(least) > room:
        return None
    for index, need in enumerate(needs):  # an id or an ARN is copied: it stays in one piece where there is room
        spaceless = not any(" " in row[index] for row in cells)
        if spaceless and sum(least) - least[index] + need <= room:
            least[index] = need
    while sum(needs) > room:
        widest = max(range(len(needs)), key=lambda index: (needs[index] - least[index] > 0, needs[index]))
        needs[widest] -= 1
    return needs


def _named(names: Names, columns: list[str], cells: list[list[str]]) -> list[list[str]]:
    """The cells with what people call the ids in them."""
    if names == Names():
        return cells
    return [
        [plain(names.beside(column, cell, columns)) for column, cell in zip(columns, row, strict=True)] for row in cells
    ]


def _widened(widths: list[int], named: list[list[str]], width: int) -> list[int]:
    """Widths with what room is left given to cells with names; ids alone said what the columns need."""
    widths = list(widths)
    spare = width - sum(widths) - 2 * (len(widths) - 1)
    for index in range(len(widths)):
        more = max(min(cell_len(row[index]), _WIDE) for row in named) - widths[index]
        more = max(0, min(more, spare))
        widths[index] += more
        spare -= more
    return widths


def _grid(
    table: pa.Table, names: list[str], cells: list[list[str]], named: list[list[str]], widths: list[int]
) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", collapse_padding=True)
    for field, name, width in zip(table.schema, names, widths, strict=True):
        grid.add_column(Text(name), justify="right" if _numeric(field.type) else "left", width=width, overflow="fold")
    for row, told in zip(cells, named, strict=True):
        # Prose is cut after three lines; an ARN or an id never loses its end, which tells it from others.
        limits = [
            (3 if " " in cell else 12) * width + cell_len(full) - cell_len(cell)
            for cell, full, width in zip(row, told, widths, strict=True)
        ]
        grid.add_row(*(_styled(_cut(cell, limit)) for cell, limit in zip(told, limits, strict=True)))
    return grid


def _records(console: Console, names: list[str], cells: list[list[str]], named: list[list[str]]) -> None:
    label = max(cell_len(name) for name in names)
    for number, (row, told) in enumerate(zip(cells, named, strict=True), 1):
        console.print(Text(f"— {number} " + "—" * (label - len(str(number))), style="dim"))
        record = Table.grid(padding=(0, 2))
        record.add_column(width=label, style="bold")
        record.add_column(overflow="fold")
        for name, cell, full in zip(names, row, told, strict=True):
            if cell:
                record.add_row(Text(name), _styled(_cut(full, _CELL + cell_len(full) - cell_len(cell))))
        console.print(record)


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, float):
        return f"{content:g}"
    if isinstance(content, list):
        shown = ", ".join(_text(each) for each in content[:_LIST])
        return f"{shown}, … {len(content)} in all" if len(content) > _LIST else shown
    return plain(as_json(content) if isinstance(content, dict) else str(content))


def _numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _unbroken(kind: pa.DataType) -> bool:
    return _numeric(kind) or bool(pa.types.is_temporal(kind) or pa.types.is_boolean(kind))


def _styled(text: str) -> Text:
    return Text(text, style=_STYLES.get(text, ""))


def _cut(text: str, size: int) -> str:
    return text if cell_len(text) <= size else set_cell_size(text, size - 1).rstrip() + "…"
