"""Batches of one run that are under way at once: an event is one row whichever batch was asked about it first."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config import Settings, SourceSettings
from pipeline.ingest import driver
from pipeline.lake.tables import Lake
from pipeline.sources.base import Round, Source, SourceObject
from tests.lake.contents import check_sums, table
from tests.logs import event


class Uneven(Source):
    """Three objects that share an event; the first takes longest to be read."""

    name = "uneven"

    @classmethod
    def claims(cls, text: str) -> bool:
        return False

    def __init__(self, settings: SourceSettings) -> None:
        self.bodies: list[bytes] = []

    def objects(self, this: Round) -> Iterator[SourceObject]:
        for number, body in enumerate(self.bodies):
            yield SourceObject(f"uneven:{number}", "e", len(body), str(number))

    def read(self, item: SourceObject) -> bytes:
        if item.address == "0":
            time.sleep(2)
        return self.bodies[int(item.address)]


@pytest.mark.parametrize("story", ["the same", "another"])
def test_a_batch_that_is_asked_about_after_a_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: str
) -> None:
    source = Uneven(SourceSettings("uneven:"))
    shared = event(eventID="shared")
    for number in range(3):
        copy = shared | ({"eventName": f"Other{number}"} if story == "another" else {})
        source.bodies.append(json.dumps({"Records": [copy, event(eventID=f"own-{number}")]}).encode())
    monkeypatch.setattr(driver, "_TASK_BYTES", 1)  # an object a batch
    listed = [(0, each) for each in source.objects(Round())]
    summary = driver.take_up(Lake(tmp_path / "lake"), [source], listed, Settings(jobs=3, batch_rows=1))
    assert (summary.events_new, summary.duplicates) == (4, 2)
    assert summary.conflicting_copies == (0 if story == "the same" else 2)
    rows = table(tmp_path / "lake", "events", "select eventID, eventName, batch_id from rows order by all").to_pylist()
    assert [each["eventID"] for each in rows] == ["own-0", "own-1", "own-2", "shared"]
    assert len({each["batch_id"] for each in rows}) == 3
    check_sums(tmp_path / "lake", records_read=6, events_new=4, duplicates=2, quarantined=0)
