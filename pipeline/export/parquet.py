"""Parquet: the rows with their types, for the next tool."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

BINARY = True
EXTENSION, MIME = ".parquet", "application/vnd.apache.parquet"


def write(table: pa.Table, out: BinaryIO, options: object = None) -> None:
    """One file, zstd; a column that is null throughout is text, as Parquet readers disagree about the null type."""
    fields = [pa.field(each.name, pa.string()) if pa.types.is_null(each.type) else each for each in table.schema]
    pq.write_table(table.cast(pa.schema(fields)), out, compression="zstd")
