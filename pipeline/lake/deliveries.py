"""Which sinks were told what of which finding: the table `deliveries`, append-only."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa

from pipeline.errors import LakeError
from pipeline.lake.decided import rows
from pipeline.lake.tables import Lake
from pipeline.records.schema import DELIVERIES

_ATTEMPTS = 20


class Delivery(NamedTuple):
    """One row; `delivered_at` is UTC."""

    sink: str
    finding_id: str
    state: str
    change: str
    delivered_at: datetime


def last_deliveries(lake: Lake) -> dict[tuple[str, str], Delivery]:
    """The last delivery to each sink of each finding, by (sink, finding id)."""
    lake.make()
    made = sorted((Delivery(**row) for row in rows(lake, "deliveries").to_pylist()), key=lambda each: each.delivered_at)
    return {(each.sink, each.finding_id): each for each in made}


def remember_deliveries(lake: Lake, told: Sequence[Delivery]) -> None:
    """Stores deliveries; raises LakeError where other writers never leave it a chance."""
    from pyiceberg.exceptions import CommitFailedException

    if not told:
        return
    added = pa.Table.from_pylist([each._asdict() for each in told], schema=DELIVERIES)
    for _ in range(_ATTEMPTS):
        try:
            lake.load("deliveries").append(added)
            return
        except CommitFailedException:
            time.sleep(random.uniform(0, 0.1))
    raise LakeError(lake.location, "other writers kept the deliveries from being stored", "run the same command again")
