"""The catalogue in a folder: how a table stands is asked each time, its metadata read only where it is new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyiceberg.serializers import FromInputFile

from pipeline.config import Settings
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake
from tests.logs import event, write


def test_a_metadata_file_is_read_once_and_a_commit_of_others_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    read: list[str] = []
    whole = FromInputFile.table_metadata

    def counted(file: Any, *more: Any, **others: Any) -> Any:
        read.append(file.location)
        return whole(file, *more, **others)

    monkeypatch.setattr(FromInputFile, "table_metadata", counted)
    lake.catalog._read.clear()
    before = [lake.load("events") for _ in range(3)]
    assert len(read) == 1
    assert {each.metadata_location for each in before} == {read[0]} and before[0].current_snapshot() is None
    monkeypatch.undo()
    ingest(tmp_path / "lake", [str(write(tmp_path / "a.json", [event()]))], Settings(jobs=1))
    after = lake.load("events")
    assert after.metadata_location != read[0] and after.current_snapshot() is not None
    assert before[0].current_snapshot() is None, "a table stays as it was when it was loaded"


def test_what_is_kept_of_metadata_is_bounded(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    for number in range(70):
        with lake.load("ledger").transaction() as change:
            change.set_properties({"number": str(number)})
    assert lake.load("ledger").properties["number"] == "69"
    assert len(lake.catalog._read) <= 64


@pytest.mark.parametrize(("name", "spec"), [("events", "[1000: day: day("), ("habits", "[1000: day: identity(")])
def test_what_lies_by_day_does(tmp_path: Path, name: str, spec: str) -> None:
    """Iceberg's specification, "Partitioning": ids of partition fields begin at 1000."""
    table = Lake.open(tmp_path / "lake", create=True).load(name)
    assert " ".join(str(table.spec()).split()).startswith(spec[:1] + " " + spec[1:])
    column = {"events": "eventTime", "habits": "day"}[name]
    assert table.spec().fields[0].source_id == table.schema().find_field(column).field_id
