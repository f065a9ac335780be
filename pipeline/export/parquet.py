"""Parquet: the rows with their types, for the next tool."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

BINARY = True
EXTENSION, MIME = ".parquet", "application/vnd.apache.parquet"


def write(table: pa.Table, out: BinaryIO, options: object = None) -> None:
    """One file, zstd. Text stands for what Parquet has no type for (intervals, unions) or readers read apart (null)."""
    for index, field in enumerate(table.schema):
        if pa.types.is_null(field.type) or pa.types.is_interval(field.type) or pa.types.is_union(field.type):
            texts = [None if each is None else str(each) for each in table.column(index).to_pylist()]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
    pq.write_table(table, out, compression="zstd")
