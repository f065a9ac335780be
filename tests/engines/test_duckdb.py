"""The engine: what it reads, how it binds, how it tells faults, and that it sees one story of the lake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.engines import snapshot
from pipeline.engines.duckdb import Engine, connect, over
from pipeline.errors import LakeError, QueryError
from pipeline.lake.commit import roll_forward
from pipeline.lake.tables import Lake
from pipeline.records.normalize import to_table
from tests.conftest import ROOT
from tests.lakes import make_lake


def record(number: int, **more: object) -> dict[str, object]:
    given = {"eventID": f"e{number}", "eventTime": f"2026-03-{number:02}T10:00:00Z", "eventName": "ListUsers"}
    return given | {"eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1"} | more


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_lake(tmp_path_factory.mktemp("engine") / "lake", [record(1), record(2), record(20)])


@pytest.fixture
def engine(lake: Lake) -> Iterator[Engine]:
    with connect(lake) as opened:
        yield opened


def test_raw_tables_are_there_and_typed(engine: Engine) -> None:
    kinds = engine.columns("select eventTime, userIdentity, readOnly from lake.events")
    assert kinds["eventTime"] == "TIMESTAMP WITH TIME ZONE"
    assert kinds["readOnly"] == "BOOLEAN"
    assert kinds["userIdentity"].startswith("STRUCT(")
    for name in ("usage", "ledger", "quarantine", "digests", "insights", "aggregated", "iam_snapshots"):
        assert engine.query(f"select count(*) as n from lake.{name}")["n"][0].as_py() >= 0


def test_rows_are_kept_and_added_to(engine: Engine) -> None:
    sql = 'select eventID from lake."events" where eventID = $id -- the end'
    assert [engine.keep("kept", sql, {"id": each}) for each in ("e1", "e2", "e3")] == [1, 1, 0]
    assert engine.query("select eventID from kept order by all")["eventID"].to_pylist() == ["e1", "e2"]
    with pytest.raises(QueryError, match="the parameter id has no value"):
        engine.keep("kept", sql)
    for wrong in ("select nothing from kept", "drop table kept", "select 1; select 2"):
        with pytest.raises(QueryError):
            engine.keep("kept", wrong)
    assert engine.query("select count(*) as n from kept")["n"][0].as_py() == 2
    engine.drop("kept", "never there")
    assert engine.keep("kept", sql, {"id": "e1"}) == 1


def test_as_of_is_the_newest_event_whatever_the_window(lake: Lake) -> None:
    with connect(lake, until=datetime(2026, 3, 5, tzinfo=UTC)) as engine:
        assert engine.as_of() == datetime(2026, 3, 20, 10, tzinfo=UTC)
        assert engine.query("select max(eventTime) as t from lake.events")["t"][0].as_py().day == 2


def test_an_empty_lake_answers_with_no_rows(tmp_path: Path) -> None:
    with connect(make_lake(tmp_path / "lake", [])) as engine:
        assert engine.as_of() is None
        assert engine.snapshot_id is None
        assert engine.query("select * from lake.events").num_rows == 0


def test_only_the_parameters_that_are_named_are_bound(engine: Engine) -> None:
    sql = "select count(*) as n from lake.events where eventID = any($ids)"
    found = engine.query(sql, {"ids": ["e1", "e2", "none"], "unused": 1})
    assert found["n"].to_pylist() == [2]
    assert found.schema.field("n").type == pa.int64()


def test_a_missing_parameter_is_named(engine: Engine) -> None:
    with pytest.raises(QueryError, match="the parameter id has no value; give -p id=VALUE"):
        engine.query("select * from lake.events where eventID = $id")


def test_a_value_is_bound_and_never_sql(engine: Engine) -> None:
    hostile = "' or 1=1 --"
    assert engine.query("select * from lake.events where eventID = $id", {"id": hostile}).num_rows == 0


def test_sums_come_as_whole_numbers(engine: Engine) -> None:
    found = engine.query("select sum(1) as n, sum(0.5) as x from lake.events")
    assert found.schema.field("n").type == pa.int64()
    assert found.to_pylist()[0]["n"] == 3


def test_times_are_utc(engine: Engine) -> None:
    found = engine.query("select eventTime, eventTime::varchar as text from lake.events order by 1 limit 1")
    assert found.schema.field("eventTime").type == pa.timestamp("us", tz="UTC")
    assert found["text"][0].as_py() == "2026-03-01 10:00:00+00"


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("select nosuch from lake.events", "q.sql:1:8:"),
        ("select eventID,\n  eventNam\nfrom lake.events", "q.sql:2:3:"),
        ("-- é ü\nselect 'é', zz from lake.events", "q.sql:2:13:"),
        ("select * from lake.events wher eventID = 'a'", "q.sql:1:32:"),
        ("select\n  nosuch(1)", "q.sql:2:3:"),
        ("select 1;\n-- and\ndrop view x", "q.sql:3:1:"),
        ("\n-- a comment\ncreate table x (a int)", "q.sql:3:1:"),
    ],
)
def test_a_fault_is_told_with_its_place(engine: Engine, sql: str, place: str) -> None:
    with pytest.raises(QueryError) as caught:
        engine.query(sql, place="q.sql")
    assert str(caught.value).startswith(place)
    assert "\n" not in str(caught.value)


def test_a_python_variable_is_no_table(engine: Engine) -> None:
    secret = pa.table({"a": [1]})
    assert secret.num_rows == 1
    with pytest.raises(QueryError):
        engine.query("select * from secret")


def test_views_and_registered_tables_reach_adhoc_sql(engine: Engine) -> None:
    engine.create_view("names", "select eventName, eventID from lake.events")
    engine.register("owners", pa.table({"eventID": ["e1"], "owner": ["ann"]}))
    answer = engine.adhoc("select owner from names join owners using (eventID)")
    assert answer.table.to_pylist() == [{"owner": "ann"}]
    assert not answer.truncated


def test_several_threads_may_ask(engine: Engine) -> None:
    found: list[int] = []

    def ask() -> None:
        for _ in range(20):
            found.append(engine.query("select count(*) as n from lake.events")["n"][0].as_py())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [3] * 80


def test_the_scratch_folder_goes_with_the_engine(lake: Lake) -> None:
    engine = connect(lake)
    scratch = Path(engine._scratch.name)
    assert scratch.is_dir()
    engine.close()
    engine.close()
    assert not scratch.exists()


def test_a_lake_in_a_folder_with_a_quote_and_a_space(tmp_path: Path) -> None:
    with connect(make_lake(tmp_path / "it's a lake", [record(3)])) as engine:
        assert engine.query("select eventID from lake.events").num_rows == 1
        assert engine.adhoc("select eventID from lake.events").table.num_rows == 1


def test_a_lost_data_file_is_an_error_of_the_lake(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake", [record(3)])
    with connect(lake) as engine:
        for path in engine.plan.files["events"][1:] if engine.plan else ():
            Path(path).unlink()
        with pytest.raises(LakeError, match="run the command again"):
            engine.query("select * from lake.events")


def die_after_commit(lake: Path, record: dict[str, object]) -> None:
    """An ingest that is killed between the events commit and the tables that follow."""
    source = lake.with_name("late.json")
    source.write_text(json.dumps({"Records": [record]}))
    command = [
        sys.executable,
        "-c",
        "from pipeline.cli import main; main()",
        "ingest",
        str(source),
        "--lake",
        str(lake),
    ]
    given = os.environ | {"TRAILSIFT_FAILPOINT": "events-committed"}
    ended = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL


def test_events_wait_for_the_tables_that_follow(tmp_path: Path) -> None:
    """A writer that died after its commit leaves usage behind; a reader then sees neither half."""
    lake = make_lake(tmp_path / "lake", [record(1)])
    die_after_commit(lake.path, record(9))
    assert len(lake.load("events").snapshots()) > 1
    sql = 'select (select count(*) from lake.events) as events, (select sum("count") from lake.usage) as usage'
    with connect(lake) as engine:
        assert engine.query(sql).to_pylist() == [{"events": 1, "usage": 1}]
        assert engine.as_of() == datetime(2026, 3, 1, 10, tzinfo=UTC)
    roll_forward(lake)
    with connect(lake) as engine:
        assert engine.query(sql).to_pylist() == [{"events": 2, "usage": 2}]


def test_nothing_is_read_before_the_first_batch_is_complete(tmp_path: Path) -> None:
    die_after_commit(tmp_path / "lake", record(1))
    with connect(Lake.open(tmp_path / "lake")) as engine:
        assert engine.snapshot_id is None
        assert engine.as_of() is None
        assert engine.query("select * from lake.events").num_rows == 0


def test_columns_added_later_are_null_in_older_files(lake: Lake, tmp_path: Path) -> None:
    """A file that lacks a column of the schema is read by name, and so never by the place of its columns."""
    older = tmp_path / "older.parquet"
    rows = to_table([{"eventTime": "2026-01-01T00:00:00Z", "eventID": "old"}]).drop_columns(["tlsDetails", "extra"])
    pa.parquet.write_table(rows, older)
    planned = snapshot.plan(lake)
    planned.files["events"].append(str(older))
    mixed = snapshot.Plan(planned.files, frozenset(["events"]), planned.snapshot_id)
    with Engine(mixed, {}) as engine:
        engine.create_view("events", "select * from lake.events")
        found = engine.query("select eventID, tlsDetails, extra from events where eventID = 'old'")
        assert found.to_pylist() == [{"eventID": "old", "tlsDetails": None, "extra": None}]


def test_over_takes_only_the_lakes_tables() -> None:
    with pytest.raises(QueryError, match="no table evnts"):
        over({"evnts": pa.table({"a": [1]})})
