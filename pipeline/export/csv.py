"""CSV as RFC 4180 has it, safe to open in a spreadsheet.

A text cell that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, "CSV Injection"); numbers
keep their sign. Lists and structs are JSON text, null is the empty cell. What is shown on a terminal cannot drive it;
a file has every character.
"""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO

import pyarrow as pa

from pipeline.export.cells import as_json, plain, rows

BINARY = False
EXTENSION, MIME = ".csv", "text/csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write(table: pa.Table, out: BinaryIO, options: object = None) -> None:
    """A header line, then a line a row; lines end in CRLF, the text is UTF-8."""
    text = io.TextIOWrapper(out, encoding="utf-8", errors="replace", newline="", write_through=True)
    try:
        lines = csv.writer(text, lineterminator="\r\n")
        shown = plain if out.isatty() else str
        lines.writerow([shown(_guarded(name)) for name in table.column_names])
        lines.writerows([shown(str(_cell(each))) for each in row] for row in rows(table))
    finally:
        text.detach()


def _cell(content: Any) -> Any:
    if content is None:
        return ""
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, dict | list):
        return as_json(content)
    return _guarded(content) if isinstance(content, str) else content


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
