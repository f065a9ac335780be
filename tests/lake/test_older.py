"""A lake made before there was some table is read as if the table were there and empty; lost rows are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engines.duckdb import connect
from pipeline.errors import LakeError
from pipeline.lake.deliveries import last_deliveries
from pipeline.lake.tables import NAMESPACE, Lake
from tests.lakes import make_lake
from tests.logs import event


@pytest.fixture
def older(tmp_path: Path) -> Lake:
    """A lake with one event that knows nothing of deliveries."""
    made = make_lake(tmp_path / "lake", [event()])
    made.catalog.drop_table(f"{NAMESPACE}.deliveries")
    return Lake.open(made.path)


def test_a_table_that_came_later_is_empty(older: Lake) -> None:
    with connect(older) as engine:
        (row,) = engine.query("select count(*) as events from lake.events").to_pylist()
    assert row == {"events": 1}
    assert older.files("deliveries") == [older.carrier("deliveries")]
    assert last_deliveries(older) == {}


def test_where_it_cannot_be_made_that_is_one_line(older: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("read-only file system")

    monkeypatch.setattr(Lake, "_make_table", refuse)
    with pytest.raises(LakeError, match="table deliveries is missing; run trailsift ingest once, which makes it"):
        older.load("deliveries")


@pytest.mark.parametrize("name", ["events", "usage", "ledger"])
def test_a_table_whose_rows_would_be_lost_is_missing(older: Lake, name: str) -> None:
    older.catalog.drop_table(f"{NAMESPACE}.{name}")
    with pytest.raises(LakeError, match=f"table {name} is missing"):
        older.load(name)
    older.load("deliveries")  # making one makes no other
    with pytest.raises(LakeError, match=f"table {name} is missing"):
        older.load(name)
