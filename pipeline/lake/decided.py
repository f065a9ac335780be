"""Rows that depend on those already there: read, decided and committed as one, whoever else writes meanwhile."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.errors import LakeError
from pipeline.lake.failpoints import hit

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake

_ATTEMPTS = 50


def append_decided(
    lake: Lake, name: str, decide: Callable[[pa.Table], pa.Table], columns: list[str] | None = None
) -> None:
    """Commits the rows `decide` makes of the rows (or of some columns) that a table holds; none is fine, and commits
    nothing.

    The commit succeeds only if nobody has committed to the table since it was read. A writer that loses the race reads
    and decides again, so `decide` may be called several times. Whatever it raises ends the attempt; raises LakeError
    where other writers keep winning.
    """
    from pyiceberg.exceptions import CommitFailedException

    for _ in range(_ATTEMPTS):
        table = lake.load(name)
        rows = decide(_rows(lake, lake.files(name, table=table), columns))
        if not rows.num_rows:
            return
        hit(f"{name}-decided")
        try:
            table.append(rows)
            hit(f"{name}-appended")
            return
        except CommitFailedException:
            time.sleep(random.uniform(0, 0.1))
        except Exception as error:
            problem = f"{name} cannot be stored ({error})"
            raise LakeError(lake.location, problem, "see that the lake can be written, and run it again") from error
    raise LakeError(lake.location, f"other writers kept {name} from being stored", "run the same command again")


def rows(lake: Lake, name: str) -> pa.Table:
    """Every row that a small table holds now, in no order."""
    return _rows(lake, lake.files(name))


def _rows(lake: Lake, files: list[str], columns: list[str] | None = None) -> pa.Table:
    # The first file is the carrier: it has no rows, and every column.
    schema = lake.storage.read(files[0], columns).schema
    parts = [lake.storage.read(each, schema.names).select(schema.names).cast(schema) for each in files[1:]]
    return pa.concat_tables([schema.empty_table(), *parts])
