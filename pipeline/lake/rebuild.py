"""`lake rebuild usage`: the roll-up made anew from the events, for when a newer Trailsift keeps more of a request."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.errors import LakeError
from pipeline.lake.commit import applied, complete, roll_forward
from pipeline.lake.rewrite import READ, exchange, scratch, write_anew
from pipeline.lake.tables import Lake
from pipeline.lake.upkeep import planned
from pipeline.lake.usage import roll_up

if TYPE_CHECKING:
    from pyiceberg.table import Table

_BATCH = 32_000
_TRIES = 5


def rebuild_usage(lake: Lake, progress: Callable[[int, int], None] | None = None) -> int:
    """Replaces the roll-up in one commit; gives the number of events it counts.

    What others ingest meanwhile keeps the rows it brings. `progress` is told events done and in all.
    """
    for _ in range(_TRIES):
        roll_forward(lake)
        usage = lake.load("usage")
        events = lake.load("events")
        snapshot = _counted(events, applied(usage))
        if snapshot is None and events.current_snapshot() is not None:
            continue  # others dropped it in between
        files = lake.files("events", snapshot_id=snapshot, table=events) if snapshot else [lake.carrier("events")]
        partial, total = _partial(lake, files, progress)
        with scratch(lake) as connection:
            new = write_anew(lake, "usage", partial, f"{lake.data}/usage/rebuild", 1, connection) if partial else []
        for path in partial:
            lake.storage.delete(path)
        if exchange(lake, usage, planned(usage), new, "rebuild", planned):
            return total
    raise LakeError(lake.location, "the roll-up was rewritten by others each time", "run the same command again")


def _counted(events: Table, through: int) -> int | None:
    """The newest snapshot of `events` of which the roll-up counts every event, and none beyond."""
    limit = complete(events, {"usage": through})
    fitting: list[Any] = [each for each in events.snapshots() if each.sequence_number <= limit]
    return max(fitting, key=lambda each: each.sequence_number).snapshot_id if fitting else None


def _partial(lake: Lake, files: list[str], progress: Callable[[int, int], None] | None) -> tuple[list[str], int]:
    """Files of partial sums, beside the roll-up's own, and how many events they count."""
    paths: list[str] = []
    held: list[pa.Table] = []
    done = 0
    with scratch(lake) as connection:
        total = connection.execute(f"select count(*) from {READ}", [files]).fetchall()[0][0]
        schema = lake.schema("usage")
        for batch in connection.sql(f"select * from {READ}", params=[files]).to_arrow_reader(_BATCH):
            held.append(roll_up(pa.Table.from_batches([batch]), ""))
            done += batch.num_rows
            if progress:
                progress(done, total)
            if sum(each.num_rows for each in held) > 8 * _BATCH or done == total:
                paths.append(f"{lake.data}/usage/partial-{len(paths)}-{uuid.uuid4().hex}.parquet")
                lake.storage.write(paths[-1], pa.concat_tables(held).cast(schema))
                held = []
    return paths, total
