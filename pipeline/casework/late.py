"""What is wide of an event, read for those that are told: their ids, resources and records, by the spot they lie at.

A spot is one number: that of the data file among the plan's, times 2^32, and the row in it. Without a lake the file
is number 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from pipeline.casework.seeds import Place

ID = "coalesce(eventID, record_sha256)"


_CARRIED = "select spot, id from story semi join wanted using (spot) where carried"


def rows(place: Place, columns: str, wanted: pa.Table, more: str = "") -> list[dict[str, Any]]:
    """The events of the story at the spots of `wanted`, in no order: `spot`, then `columns`, an SQL list.

    `more` names columns of `wanted` that are given too.
    """
    if not wanted.num_rows:
        return []
    place.engine.register("wanted", wanted)
    # By the row too, not by the spot alone: readers skip the rows between.
    sql = f"""
    select wanted.spot, {columns}{"".join(f", wanted.{name}" for name in more.split())}
    from (select *, coalesce(list_position($paths::varchar[], file), 0) as number from events_by_file) as there
    join wanted on there.row = wanted.spot & {(1 << 32) - 1} and number = wanted.spot >> 32
    """
    with place.engine.reading(place.files_of(wanted["spot"].to_numpy().tolist())):
        return place.engine.rows(sql, {"paths": place.paths}, "investigate")


def table(spots: Iterable[int]) -> pa.Table:
    """Spots as `rows` takes them, each once."""
    return pa.table({"spot": pa.array(sorted(set(spots)), pa.int64())})


def ids(place: Place, spots: Iterable[int]) -> dict[int, str]:
    """The id of each event at these spots."""
    wanted = table(spots)
    place.engine.register("wanted", wanted)
    there = place.engine.rows(_CARRIED) if wanted.num_rows else []
    left = set(wanted["spot"].to_pylist()) - {row["spot"] for row in there}
    return {row["spot"]: row["id"] for row in [*there, *rows(place, f"{ID} as id", table(left))]}
