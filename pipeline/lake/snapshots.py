"""One import of IAM documents as one commit of `iam_snapshots`; the same snapshot is never stored twice."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.errors import LakeError

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake

_ATTEMPTS = 20


def append_snapshot(lake: Lake, snapshot_id: str, rows: pa.Table) -> datetime | None:
    """Commits the rows (schema IAM_SNAPSHOTS), or gives the `taken_at` of the same snapshot that the lake holds.

    A writer that loses the race looks again before it tries again, so two imports of one file make one snapshot.
    Raises LakeError where others keep winning.
    """
    from pyiceberg.exceptions import CommitFailedException
    from pyiceberg.expressions import EqualTo

    for _ in range(_ATTEMPTS):
        table = lake.load("iam_snapshots")
        held = table.scan(row_filter=EqualTo("snapshot_id", snapshot_id), selected_fields=("taken_at",)).to_arrow()
        if held.num_rows:
            known: datetime = held["taken_at"][0].as_py()
            return known
        try:
            table.append(rows)
            return None
        except CommitFailedException:
            continue
    raise LakeError(lake.location, "other writers kept the IAM snapshot from being stored", "run the import again")
