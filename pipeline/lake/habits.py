"""The table `habits`: one file a day, exchanged whole, so that a day is always of one making.

What the rows say is worked out in `pipeline.detect.baselines.habits`; here they are only kept.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.errors import LakeError
from pipeline.lake.failpoints import hit
from pipeline.lake.released import release
from pipeline.lake.rewrite import swap
from pipeline.lake.upkeep import day_of, planned, tidy

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake

_TRIES = 20


def replace_days(lake: Lake, days: Mapping[date, pa.Table]) -> None:
    """Puts each day's rows (schema HABITS) in the place of those the table has of it, all in one commit.

    A writer that loses the race looks again at what there is and replaces that, so that a day never stands twice.
    Raises LakeError where others keep winning.
    """
    from pyiceberg.exceptions import CommitFailedException, ValidationException

    new = []
    for day, rows in days.items():
        new.append(f"{lake.data}/habits/day={day}/{uuid.uuid4().hex}.parquet")
        lake.storage.write(new[-1], rows.cast(lake.schema("habits")))
    hit("habits-written")
    for _ in range(_TRIES):
        table = lake.load("habits")
        old = [each for each in planned(table) if day_of(each) in days]
        release(lake, [lake.storage.path(each.file_path) for each in old])
        try:
            swap(lake, table, old, new, "habits")
        except (CommitFailedException, ValidationException):
            time.sleep(random.uniform(0, 0.1))
            continue
        hit("habits-committed")
        tidy(lake)
        return
    raise LakeError(lake.location, "other writers kept the habits from being stored", "run the same command again")
