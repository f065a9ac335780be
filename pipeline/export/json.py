"""JSON: a list of objects, one a row, times in CloudTrail's form, lists and structs as they are."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa

from pipeline.export.cells import as_json, rows

BINARY = False
EXTENSION, MIME = ".json", "application/json"


def write(table: pa.Table, out: BinaryIO, options: object = None) -> None:
    """A row a line, so that the list can be read by eye and by line tools."""
    names = table.column_names
    out.write(b"[")
    for index, row in enumerate(rows(table)):
        line = as_json(dict(zip(names, row, strict=True)))
        out.write((",\n" if index else "\n").encode() + line.encode(errors="replace"))
    out.write(b"\n]\n" if table.num_rows else b"]\n")
