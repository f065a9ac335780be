"""Compaction changes no row, retention drops whole days, and neither costs a reader or a writer anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.catalog import Catalog
from pipeline.config import Settings
from pipeline.engines.duckdb import connect
from pipeline.engines.script import script
from pipeline.engines.snapshot import plan
from pipeline.errors import LakeError
from pipeline.ingest import ingest
from pipeline.lake import compact, released, retention, rewrite
from pipeline.lake.rebuild import rebuild_usage
from pipeline.lake.tables import Lake
from tests.lake.contents import check_sums, contents, table
from tests.lakes import put_back
from tests.logs import event, write

ROOT = Path(__file__).resolve().parents[2]
DAYS = [date(2026, 10, day) for day in (1, 2, 3)]


def some(folder: Path, name: str, count: int = 30, **changes: Any) -> Path:
    """A log object with events on three days, of all sorts of shapes."""
    shapes: list[dict[str, Any]] = [
        {},
        {"errorCode": "AccessDenied", "requestParameters": None, "resources": [{"ARN": "arn:aws:s3:::b"}]},
        {"eventName": "ZetaCall", "eventSource": "iam.amazonaws.com", "unknownMember": {"a": [1, None]}},
    ]
    records = [
        event(eventID=f"{name}-{n}", eventTime=f"2026-10-{1 + n % 3:02}T{n % 24:02}:00:00Z", **shapes[n // 3 % 3])
        for n in range(count)
    ]
    return write(folder / f"{name}.json", [each | changes for each in records])


@pytest.fixture
def lake(place: Path) -> Lake:
    """A lake of three runs, so that each of its three days has three files."""

    def make(path: Path) -> None:
        for name in ("a", "b", "c"):
            ingest(path, [str(some(path.parent / "three", name))], Settings(jobs=1))

    return put_back(place / "three-runs", make)


def days(lake: Lake) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in lake.files("events"):
        if "day=" in path:
            day = path.partition("day=")[2][:10]
            found[day] = found.get(day, 0) + 1
    return found


def test_compaction_makes_one_sorted_file_a_day_and_changes_no_row(lake: Lake, tmp_path: Path) -> None:
    before, snapshots = contents(lake.path), table(lake.path, "ledger").num_rows
    assert set(days(lake).values()) == {3}
    jobs = compact.due(lake)
    assert {(each.table, each.day) for each in jobs} == {
        *(("events", day) for day in DAYS),
        ("ledger", None),
        ("usage", None),
    }
    done = list(compact.compact(lake, jobs))
    assert [each.files for each in done] == [1] * 5
    assert set(days(lake).values()) == {1}
    assert contents(lake.path) == before and table(lake.path, "ledger").num_rows == snapshots
    check_sums(lake.path, events_new=90)
    (path,) = [each for each in lake.files("events") if "day=2026-10-02" in each]
    rows = pq.read_table(path, partitioning=None).select(["eventSource", "eventName", "principal_arn", "eventTime"])
    assert rows.to_pylist() == rows.sort_by([(name, "ascending") for name in rows.column_names]).to_pylist()
    assert compact.due(lake) == []
    with connect(lake) as engine:
        assert engine.as_of() == datetime(2026, 10, 3, 23, tzinfo=UTC)


def test_a_day_that_is_not_over_is_left(lake: Lake) -> None:
    jobs = compact.due(lake, datetime(2026, 10, 3, 1, 59, tzinfo=UTC))
    assert [each.day for each in jobs if each.day] == DAYS[:1]
    jobs = compact.due(lake, datetime(2026, 10, 3, 2, 0, tzinfo=UTC))
    assert [each.day for each in jobs if each.day] == DAYS[:2]


def test_a_large_day_becomes_several_files(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(lake.path)
    size = compact.due(lake)[0].bytes
    monkeypatch.setattr(compact, "LARGEST", size // 2 + 1)
    list(compact.compact(lake, [each for each in compact.due(lake) if each.day == DAYS[0]]))
    assert days(lake)["2026-10-01"] == 2
    assert contents(lake.path) == before


def test_rows_that_come_in_between_stay(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = [some(tmp_path, "late")]

    def meanwhile(name: str) -> None:
        if name == "exchange-ready" and late:
            ingest(lake.location, [str(late.pop())], Settings(jobs=1))

    monkeypatch.setattr(rewrite, "hit", meanwhile)
    done = list(compact.compact(lake, compact.due(lake)))
    assert not late and all(each.files for each in done)
    check_sums(lake.path, events_new=120)
    assert table(lake.path, "events", "select count(distinct eventID) n from rows")["n"][0].as_py() == 120


def test_two_compactions_at_once_keep_every_row_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before, other = contents(lake.path), [Lake.open(lake.location)]

    def meanwhile(name: str) -> None:
        if name == "exchange-ready" and other:
            second = other.pop()
            list(compact.compact(second, compact.due(second)))

    monkeypatch.setattr(rewrite, "hit", meanwhile)
    done = list(compact.compact(lake, compact.due(lake)))
    assert {each.files for each in done} == {None}, "the slower one leaves it to the faster"
    assert contents(lake.path) == before
    assert not [
        each for each in retention.unneeded(lake, datetime.now(UTC) + timedelta(days=1)) if "-copies" in each.path
    ]


def test_what_does_not_hold_what_was_read_is_not_committed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before, files = contents(lake.path), days(lake)
    whole = rewrite.write_rows

    def lossy(lake: Lake, name: str, reader: Any, place: str, rows: int) -> list[str]:
        return whole(lake, name, [each.slice(1) for each in reader], place, rows)

    monkeypatch.setattr(rewrite, "write_rows", lossy)
    with pytest.raises(LakeError, match="do not hold what was read"):
        list(compact.compact(lake, compact.due(lake)))
    assert (contents(lake.path), days(lake)) == (before, files)


def run(lake: Lake, *words: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *words, "--lake", lake.location]
    environment = os.environ | {"TRAILSIFT_FAILPOINT": failpoint}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("failpoint", ["exchange-ready", "exchanged", "trimmed"])
def test_compaction_killed_and_run_again(lake: Lake, failpoint: str) -> None:
    before = contents(lake.path)
    words = ("lake", "compact") if failpoint != "trimmed" else ("lake", "expire")
    if failpoint != "trimmed":
        assert run(lake, *words, failpoint=failpoint).returncode == -signal.SIGKILL
    else:
        run(lake, "lake", "compact")
        assert run(lake, *words, failpoint=failpoint).returncode == -signal.SIGKILL
    assert contents(lake.path) == before
    assert run(lake, *words).returncode == 0
    assert contents(lake.path) == before
    check_sums(lake.path, events_new=90)


def test_expired_days_go_and_their_objects_are_not_read_again(lake: Lake, place: Path) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    said = retention.expire(lake, DAYS[1], dry_run=True)
    assert days(lake).keys() == {"2026-10-01", "2026-10-02", "2026-10-03"}
    found = retention.expire(lake, DAYS[1])
    assert found[:2] == said[:2]
    assert (found[0].rows, found[0].first_day, found[0].last_day) == (30, DAYS[0], DAYS[0])
    assert days(lake).keys() == {"2026-10-02", "2026-10-03"}
    counted = table(lake.path, "usage", "select min(day) d, sum(count)::bigint n from rows").to_pylist()
    assert counted == [{"d": DAYS[1], "n": 60}]
    again = ingest(lake.location, [str(place / "three" / f"{name}.json") for name in "abc"], Settings(jobs=1))
    assert (again.objects_skipped, again.events_new) == (3, 0)
    assert table(lake.path, "ledger", "select sum(events_new)::bigint n from rows")["n"][0].as_py() == 90
    assert list((lake.path / "data/events/day=2026-10-01").iterdir()), "a reader may still hold them"
    retention.expire(lake, DAYS[1], now=later)
    assert not list((lake.path / "data/events/day=2026-10-01").iterdir())
    assert table(lake.path, "events").num_rows == 60


def test_a_report_keeps_its_days(lake: Lake) -> None:
    events = lake.load("events")
    named = events.current_snapshot().snapshot_id
    events.manage_snapshots().create_tag(named, "report-1").commit()
    files = lake.files("events", snapshot_id=named)
    retention.expire(lake, date(2027, 1, 1))
    retention.expire(lake, date(2027, 1, 1), now=datetime.now(UTC) + timedelta(days=9))
    assert table(lake.path, "events").num_rows == 0
    assert lake.files("events", snapshot_id=named) == files and all(Path(each).exists() for each in files)


def test_what_killed_runs_leave_is_deleted_after_the_grace_period(lake: Lake, tmp_path: Path) -> None:
    kept = {each.path for each in lake.storage.files(lake.data)}
    folder = lake.path / "data/events"
    left = [
        folder / "day=2026-10-01/dead-1.parquet",
        folder / "copies/dead-2.parquet",
        lake.path / "data/ledger/x.parquet",
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half a file")
    retention.expire(lake, date.min)
    assert all(path.exists() for path in left), "they may belong to a run that is going on"
    old = (datetime.now(UTC) - timedelta(hours=lake.settings.grace_hours, minutes=1)).timestamp()
    for path in left:
        os.utime(path, (old, old))
    found = retention.expire(lake, date.min, dry_run=True)[-1]
    assert (found.files, found.bytes) == (3, 33) and all(path.exists() for path in left)
    retention.expire(lake, date.min)
    assert not any(path.exists() for path in left)
    assert kept - {each.path for each in lake.storage.files(lake.data)} <= set()
    check_sums(lake.path, events_new=90)


def test_rows_that_wait_to_be_applied_are_not_orphans(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pipeline.ingest.driver as driver

    monkeypatch.setattr(driver, "roll_forward", lambda *_: None)
    ingest(lake.location, [str(some(tmp_path, "d"))], Settings(jobs=1))
    retention.expire(lake, date.min, now=datetime.now(UTC) + timedelta(days=2))
    monkeypatch.undo()
    ingest(lake.location, [str(some(tmp_path, "e"))], Settings(jobs=1))
    check_sums(lake.path, events_new=150)


def test_usage_made_anew_is_the_same(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(lake.path)
    assert rebuild_usage(lake) == 90
    assert contents(lake.path) == before
    late = [some(tmp_path, "late")]

    def meanwhile(name: str) -> None:
        if name == "exchange-ready" and late:
            ingest(lake.location, [str(late.pop())], Settings(jobs=1))

    monkeypatch.setattr(rewrite, "hit", meanwhile)
    assert rebuild_usage(lake) == 90
    assert not late
    check_sums(lake.path, events_new=120)


def test_the_printed_sql_opens_the_lake_in_any_duckdb(lake: Lake) -> None:
    views = Catalog.load().views
    sql = script(plan(lake), [(each.name, each.sql) for each in views], lake.location)
    with duckdb.connect() as con:
        con.execute(sql)
        con.execute(sql)  # again in the same notebook
        assert con.execute("select count(*), max(eventTime)::varchar from events").fetchall() == [
            (90, "2026-10-03 23:00:00+00")
        ]
        assert con.execute("select sum(count)::int from usage").fetchall() == [(90,)]
        for each in views:
            con.execute(f'select * from "{each.name}"').fetchall()


def test_the_commands_say_what_they_did(lake: Lake) -> None:
    dry = run(lake, "lake", "compact", "--dry-run", "-o", "json")
    assert dry.returncode == 0 and '"files": null' in dry.stdout.replace('":null', '": null'), dry.stderr
    assert set(days(lake).values()) == {3}
    done = run(lake, "lake", "compact", "-o", "csv")
    assert done.returncode == 0 and "events,2026-10-01,30,3,1," in done.stdout, done.stdout + done.stderr
    assert "5/5 usage" in done.stderr
    expired = run(lake, "lake", "expire", "--keep", "1d", "-o", "csv")
    assert expired.returncode == 0 and "2026-10-02 were dropped" in expired.stderr, expired.stderr
    assert days(lake).keys() == {"2026-10-02", "2026-10-03"}
    assert "usage rebuilt from 60 events" in run(lake, "lake", "rebuild", "usage").stdout
    info = run(lake, "lake", "info")
    assert "metadata_bytes" in info.stdout and "wait for the grace period" in info.stderr
    printed = run(lake, "lake", "connect")
    assert duckdb.execute(printed.stdout + "select count(*) from events").fetchall() == [(60,)]
    wrong = run(lake, "lake", "expire", "--keep", "forever")
    assert wrong.returncode == 2 and "--keep" in wrong.stderr
    assert released.notes(lake)
