"""The ledger: which objects were read, and what became of their records."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq

from pipeline.lake.tables import Lake


def known_objects(lake: Lake) -> set[tuple[str, str, int]]:
    """(uri, etag, size) of every object the lake has taken or refused for good; call `roll_forward` before."""
    known: set[tuple[str, str, int]] = set()
    for path in lake.files("ledger"):
        columns: dict[str, Any] = pq.read_table(path, columns=["uri", "etag", "size"], partitioning=None).to_pydict()
        known.update(zip(columns["uri"], columns["etag"], columns["size"], strict=True))
    return known
