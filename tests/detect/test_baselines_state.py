"""The habits in the lake: whatever way the events came, they are what a computation from scratch gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config import Settings
from pipeline.detect.baselines import habits
from pipeline.engines.duckdb import Engine, connect
from pipeline.ingest import ingest
from pipeline.lake import compact
from pipeline.lake.habits import replace_days
from pipeline.lake.retention import expire
from pipeline.lake.tables import Lake
from tests.detect.life import (
    ATTACH,
    CATALOG,
    NEW_NET,
    NOW,
    SHARED_ROLE,
    USER,
    Records,
    assume,
    at,
    engine_of,
    grant,
    person,
    role,
)
from tests.detect.life import habits as quiet
from tests.lakes import make_lake

ROOT = Path(__file__).resolve().parents[2]
ORDER = [(name, "ascending") for name in ("day", "attribute", "principal_arn", "value", "access_key_id")]
SECOND = timedelta(seconds=1)
EC2 = {"userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}}


def log() -> Records:
    """Some days with every attribute in them."""
    walker = role("walker", key="ASIAWALKER")
    return [
        *quiet(4, 2, userIdentity=USER),
        *quiet(3, 2),
        at(NOW, userIdentity=USER, **NEW_NET),
        at(NOW, userIdentity=walker),
        at(NOW + SECOND, userIdentity=walker, sessionCredentialFromConsole="true", **NEW_NET),
        assume("walker", **EC2),
        *grant("AttachUserPolicy", ATTACH),
        *grant("CreateAccessKey", {"userName": "bob"}),
        at(NOW, userIdentity=person("eve")),
        at(NOW, userIdentity={"type": "AWSService", "invokedBy": "config.amazonaws.com"}),
    ]


def state(engine: Engine) -> list[dict[str, Any]]:
    rows = engine.query("select * from habits").sort_by(ORDER)
    return rows.to_pylist()


def from_scratch(records: Records) -> list[dict[str, Any]]:
    with engine_of(records) as engine:
        habits.prepare(engine)
        return state(engine)


def brought_up_to_date(lake: Lake) -> int:
    with connect(lake) as engine:
        CATALOG.install_views(engine)
        return habits.prepare(engine, lambda days: replace_days(lake, days))


def stored(lake: Lake) -> list[dict[str, Any]]:
    """What the lake's own table says, without anything worked out for the reader."""
    with connect(lake) as engine:
        return engine.query("select * from lake.habits").sort_by(ORDER).to_pylist()


def test_every_attribute_is_in_the_log_of_these_tests() -> None:
    attributes = {each["attribute"] for each in from_scratch(log())}
    assert attributes == {
        "network",
        "agent",
        "hour",
        "caller",
        "role",
        "moved_session",
        "own_change",
        "call",
        "made",
        "examined",
    }


def test_the_rows_say_what_happened() -> None:
    """Worked out by hand from log(): anna's networks, the session that moved, who took the role, and the change."""
    rows = {
        (each["attribute"], each["principal_arn"], each["value"], str(each["day"])): each
        for each in from_scratch(log())
    }
    anna, today = USER["arn"], "2026-10-28"
    home = rows["network", anna, "203.0.113.0/24", "2026-10-27"]
    assert (home["ok"], home["denied"], home["access_key_id"]) == (2, 0, "AKIAOLD")
    assert rows["network", anna, "192.0.2.0/24", today]["ok"] == 1
    walker = "arn:aws:iam::111122223333:role/walker"
    moved = rows["moved_session", walker, "203.0.113.0/24 → 192.0.2.0/24", today]
    assert (moved["access_key_id"], moved["ok"]) == ("ASIAWALKER", 1)
    assert rows["role", "ec2.amazonaws.com", walker, today]["principal_type"] == "AWSService"
    assert rows["own_change", anna, f"AttachUserPolicy {ATTACH['policyArn']}", today]["ok"] == 1
    eve = f"{SHARED_ROLE}/eve@corp.example"
    assert rows["call", eve, "r|eu-west-1|ec2.amazonaws.com:DescribeInstances", today]["ok"] == 1
    assert rows["caller", eve, "person", today]["ok"] == 1
    assert rows["made", None, "bob", today]["ok"] == 1
    assert rows["hour", anna, "08", "2026-10-27"]["ok"] == 1
    # Nothing is kept of what a service did in its own name but whose role it took.
    assert not any(key[1] == "config.amazonaws.com" for key in rows)
    assert rows["examined", None, habits.VERSION, today]["ok"] == 8


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_split_and_order_of_increments_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    records = data.draw(st.permutations(log()))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records) - 1), max_size=3)))
    folder = tmp_path_factory.mktemp("split")
    for begin, end in zip([0, *cuts], [*cuts, len(records)], strict=True):
        source = folder / f"{begin}.json"
        source.write_text(json.dumps({"Records": records[begin:end]}))
        ingest(folder / "lake", [str(source)], Settings(jobs=1))
        if data.draw(st.booleans()):
            brought_up_to_date(Lake.open(folder / "lake"))
    lake = Lake.open(folder / "lake")
    brought_up_to_date(lake)
    assert stored(lake) == from_scratch(records)
    assert brought_up_to_date(lake) == 0


def test_a_reader_sees_the_new_days_before_anybody_stores_them(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake", log())
    with connect(lake) as engine:
        CATALOG.install_views(engine)
        assert habits.prepare(engine) == 5
        assert state(engine) == from_scratch(log())
    assert stored(lake) == []


def test_only_the_days_that_got_events_are_worked_out(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake", log())
    assert brought_up_to_date(lake) == 5
    make_lake(tmp_path / "lake", [at(NOW.replace(day=26), userIdentity=USER)])
    assert brought_up_to_date(lake) == 1


@pytest.mark.parametrize("failpoint", ["habits-written", "habits-committed"])
def test_killed_and_run_again(tmp_path: Path, failpoint: str) -> None:
    lake = make_lake(tmp_path / "lake", log())
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "anomalies", "--lake", lake.location]
    environment = os.environ | {"TRAILSIFT_FAILPOINT": failpoint}
    killed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    brought_up_to_date(lake)
    assert stored(lake) == from_scratch(log())


def test_two_writers_of_one_day_leave_it_once(tmp_path: Path) -> None:
    """The second works from an older look at the table: what it stores takes the place of what the first stored."""
    lake = make_lake(tmp_path / "lake", log())
    with connect(lake) as one, connect(lake) as two:
        for engine in (one, two):
            CATALOG.install_views(engine)
            habits.prepare(engine, lambda days: replace_days(lake, days))
    assert stored(lake) == from_scratch(log())


def test_compaction_leaves_the_habits_and_expiry_takes_the_old_days(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake", log())
    brought_up_to_date(lake)
    jobs = compact.due(lake)
    assert "habits" not in {each.table for each in jobs}
    assert all(done.files for done in compact.compact(lake, jobs))
    assert brought_up_to_date(lake) == 0
    expire(lake, date(2026, 10, 27))
    assert {each["day"] for each in stored(lake)} == {date(2026, 10, 27), date(2026, 10, 28)}
    assert brought_up_to_date(lake) == 0


def test_rebuild_works_out_every_day_anew(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake", log())
    brought_up_to_date(lake)
    wrong = pa.Table.from_pylist([stored(lake)[0] | {"ok": 99}], schema=habits.HABITS)
    replace_days(lake, {wrong["day"][0].as_py(): wrong})
    with connect(lake) as engine:
        assert habits.rebuild(engine, lambda days: replace_days(lake, days)) == 5
    assert stored(lake) == from_scratch(log())


def test_another_version_is_worked_out_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = make_lake(tmp_path / "lake", log())
    monkeypatch.setattr(habits, "VERSION", "0")
    brought_up_to_date(lake)
    monkeypatch.undo()
    assert brought_up_to_date(lake) == 5
    assert stored(lake) == from_scratch(log())
