"""How far places have been listed for good, so that a run need not list the whole history again.

A mark is a prefix of uris with the last day of delivery that needs no further look. It is no watermark over keys:
days are marked whole, a look-back after their end, and only when every object under them was taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pyarrow as pa

from pipeline.errors import LakeError
from pipeline.lake.tables import Lake
from pipeline.records.schema import LISTINGS

_ATTEMPTS = 20


def marks(lake: Lake) -> dict[str, date]:
    """The newest day each mark has."""
    lake.make()
    found: dict[str, date] = {}
    for path in lake.files("listings"):
        rows = lake.storage.read(path, ["mark", "through"]).to_pydict()
        for mark, through in zip(rows["mark"], rows["through"], strict=True):
            found[mark] = max(through, found.get(mark, through))
    return found


def remember(lake: Lake, through: Mapping[str, date]) -> None:
    """Stores marks; raises LakeError where other writers never leave it a chance."""
    from pyiceberg.exceptions import CommitFailedException

    if not through:
        return
    now = datetime.now(UTC)
    rows = [{"mark": mark, "through": day, "listed_at": now} for mark, day in through.items()]
    for _ in range(_ATTEMPTS):
        try:
            lake.load("listings").append(pa.Table.from_pylist(rows, schema=LISTINGS))
            return
        except CommitFailedException:
            continue
    raise LakeError(lake.location, "other writers kept the listing from being stored", "run the same command again")
