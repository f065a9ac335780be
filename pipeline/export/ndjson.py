"""Newline-delimited JSON: an object a line, for jq, for logs, for piping."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa

from pipeline.export.cells import as_json, rows

BINARY = False
EXTENSION, MIME = ".ndjson", "application/x-ndjson"


def write(table: pa.Table, out: BinaryIO, options: object = None) -> None:
    """One object a row."""
    names = table.column_names
    for row in rows(table):
        out.write(as_json(dict(zip(names, row, strict=True))).encode(errors="replace") + b"\n")
