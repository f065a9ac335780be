"""The table `case_entries`, which stands alone: read whole, since people write it, and added to by compare-and-swap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.records.schema import CASE_ENTRIES

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake


def entries(lake: Lake) -> tuple[list[dict[str, Any]], Any]:
    """Every entry in the order of its case, and the state of the table that it was read from."""
    table = lake.load("case_entries")
    rows: list[dict[str, Any]] = []
    if table.current_snapshot() is not None:
        for path in lake.files("case_entries", table=table):
            rows += lake.storage.read(path).to_pylist()
    return sorted(rows, key=lambda row: (row["case"], row["number"])), table


def add(state: Any, rows: list[dict[str, Any]]) -> bool:
    """Adds entries in one commit; False, and nothing added, where somebody else added some since `state` was read."""
    from pyiceberg.exceptions import CommitFailedException

    try:
        state.append(pa.Table.from_pylist(rows, CASE_ENTRIES))
    except CommitFailedException:
        return False
    return True
