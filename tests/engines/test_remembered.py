"""A reader remembers its plan, and forgets it with the next commit."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Settings
from pipeline.engines import remembered, snapshot
from pipeline.engines.duckdb import connect
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake
from tests.lakes import make_lake, put_back
from tests.logs import event

COUNT = "select count(*) as n from lake.events"


def record(day: int) -> dict[str, Any]:
    return event(eventID=f"e{day}", eventTime=f"2026-03-{day:02}T10:00:00Z")


def add(lake: Lake, *days: int) -> None:
    source = lake.path.with_name(f"more-{days[0]}.json")
    source.write_text(json.dumps({"Records": [record(day) for day in days]}))
    ingest(lake.path, [str(source)], Settings(jobs=1))


@pytest.fixture
def lake(place: Path) -> Lake:
    return put_back(place / "remembered", lambda path: make_lake(path, [record(1), record(5), record(20)]))


def count(lake: Lake, **limits: datetime) -> int:
    with connect(lake, **limits) as engine:
        return int(engine.query(COUNT)["n"][0].as_py())


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(lake: Lake) -> None:
        raise AssertionError("the plan was made anew")

    monkeypatch.setattr(snapshot, "_plan", never)


def test_a_second_reader_asks_iceberg_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    first = snapshot.plan(lake)
    forbid(monkeypatch)
    again = snapshot.plan(Lake.open(lake.path))
    assert (again.files, again.mixed, again.snapshot_id) == (first.files, first.mixed, first.snapshot_id)
    assert again.spans == first.spans and again.newest() == datetime(2026, 3, 20, 10, tzinfo=UTC)
    assert count(lake) == 3


def test_limits_choose_files_of_a_remembered_plan_too(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    count(lake)
    forbid(monkeypatch)
    noon = {day: datetime(2026, 3, day, 12, tzinfo=UTC) for day in (2, 5, 6)}
    assert count(lake, since=noon[2]) == 2
    assert count(lake, until=noon[5]) == 2
    assert count(lake, since=noon[2], until=noon[5]) == 1
    assert count(lake, since=noon[5], until=noon[6]) == 0


def test_a_commit_is_seen(lake: Lake) -> None:
    assert count(lake) == 3
    add(lake, 7)
    assert count(lake) == 4
    assert count(lake) == 4


def test_a_lake_that_changes_meanwhile_is_not_remembered(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan was made of the older state; under the newer one it would hide the events added in between."""
    made = snapshot._plan

    def slow(there: Lake) -> snapshot.Plan:
        found = made(there)
        add(there, 7)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "_plan", slow)
        assert count(lake) == 3
    assert count(lake) == 4


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"state": 1}', '{"state": null, "files": {}}', "[" * 99999]
)
def test_a_damaged_memory_is_made_anew(lake: Lake, content: str) -> None:
    count(lake)
    (lake.path / "plan.json").write_text(content)
    assert count(lake) == 3
    assert json.loads((lake.path / "plan.json").read_text())["state"] == remembered.state(lake)


def test_a_memory_that_lacks_a_member_is_made_anew(lake: Lake) -> None:
    count(lake)
    kept = json.loads((lake.path / "plan.json").read_text())
    del kept["spans"]
    (lake.path / "plan.json").write_text(json.dumps(kept))
    assert count(lake) == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_read(lake: Lake) -> None:
    lake.path.chmod(0o500)
    try:
        assert count(lake) == 3
    finally:
        lake.path.chmod(0o700)


def test_reading_some_files_reads_no_others(lake: Lake) -> None:
    with connect(lake) as engine:
        assert engine.plan is not None
        (last,) = engine.plan.holding(datetime(2026, 3, 19, tzinfo=UTC), None)
        with engine.reading([last, "/etc/passwd"]):
            assert engine.query("select eventID from lake.events").to_pylist() == [{"eventID": "e20"}]
            rows = engine.query("select file, eventID from lake.events_by_file").to_pylist()
            assert rows == [{"file": last, "eventID": "e20"}]
        assert engine.query(COUNT)["n"][0].as_py() == 3
        with engine.reading([]):
            assert engine.query(COUNT)["n"][0].as_py() == 0


def test_rows_are_as_arrow_has_them(lake: Lake) -> None:
    sql = "select eventID, eventTime, null::timestamptz as never, readOnly from lake.events order by eventTime"
    with connect(lake) as engine:
        assert engine.rows(sql) == engine.query(sql).to_pylist()
        assert engine.rows(sql)[0]["eventTime"] == datetime(2026, 3, 1, 10, tzinfo=UTC)
