"""The lake survives: stopped at each step of a commit, killed at random, and written by several at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.ingest import ingest
from pipeline.lake.failpoints import NAMES
from pipeline.lake.tables import Lake
from tests.lake.contents import check_sums, contents, table
from tests.logs import event, write

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 objects over four days: 960 events, 48 of them twice, and a bad record an object."""
    folder = tmp_path_factory.mktemp("logs")
    before: list[dict[str, object]] = []
    for number in range(24):
        records = [event(eventID=f"{number}-{n}", eventTime=f"2026-10-{1 + n % 4:02}T10:00:00Z") for n in range(40)]
        write(folder / f"{number:02}.json.gz", [*records, *before[:2], {"eventName": "no time"}])
        before = records
    return folder


@pytest.fixture(scope="module")
def expected(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    lake = tmp_path_factory.mktemp("expected") / "lake"
    ingest(lake, [str(logs)], Settings(jobs=2))
    assert table(lake, "events").num_rows == 960
    return contents(lake)


def start(lake: Path, logs: Path, failpoint: str = "", batch_rows: int = 250_000) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "ingest", str(logs), "--lake", str(lake)]
    variables = {"TRAILSIFT_FAILPOINT": failpoint, "TRAILSIFT_BATCH_ROWS": str(batch_rows), "TRAILSIFT_JOBS": "2"}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | variables,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> int:
    _, talk = process.communicate(timeout=120)
    assert b"Traceback" not in talk, talk.decode()
    assert process.returncode != 1, talk.decode()
    return process.returncode


def check(lake: Path, expected: dict[str, list[object]]) -> None:
    assert contents(lake) == expected
    check_sums(lake, records_read=24 * 41 + 23 * 2, events_new=960, duplicates=46, quarantined=24)
    assert table(lake, "ledger").num_rows == 24


@pytest.mark.parametrize("name", NAMES)
def test_stopped_at_each_step_and_run_again(
    tmp_path: Path, logs: Path, expected: dict[str, list[object]], name: str
) -> None:
    lake = tmp_path / "lake"
    assert finish(start(lake, logs, name)) == -signal.SIGKILL
    assert finish(start(lake, logs)) in (0, 4)  # 4 where this run met the bad records itself
    check(lake, expected)


def test_killed_at_random_and_run_again(tmp_path: Path, logs: Path, expected: dict[str, list[object]]) -> None:
    hammer(tmp_path / "lake", logs, expected, kills=10)


@pytest.mark.soak
def test_killed_hundreds_of_times(tmp_path: Path, logs: Path, expected: dict[str, list[object]]) -> None:
    for number in range(10):
        hammer(tmp_path / f"lake{number}", logs, expected, kills=20)


def hammer(lake: Path, logs: Path, expected: dict[str, list[object]], kills: int) -> None:
    """Kills runs at any time of what a whole run takes, but while its libraries are still loaded."""
    dice = random.Random(str(lake))
    began = time.monotonic()
    finish(start(lake.with_name(f"{lake.name}-whole"), logs, batch_rows=100))
    whole = time.monotonic() - began
    for _ in range(kills):
        process = start(lake, logs, batch_rows=100)
        time.sleep(dice.uniform(0.3, 1) * whole)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert finish(start(lake, logs)) in (0, 4)
    check(lake, expected)


def held(lake: Path, logs: Path, gate: Path) -> subprocess.Popen[bytes]:
    process = start(lake, logs, f"before-commit@{gate}")
    deadline = time.monotonic() + 60
    while not gate.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gate.exists()
    return process


@pytest.mark.parametrize("overlap", ["same objects", "other objects with the same events"])
def test_two_at_once_whose_commits_interleave(
    tmp_path: Path, logs: Path, expected: dict[str, list[object]], overlap: str
) -> None:
    lake, other = tmp_path / "lake", logs
    if overlap != "same objects":
        other = tmp_path / "copies"
        other.mkdir()
        for path in logs.iterdir():
            (other / path.name).write_bytes(path.read_bytes())
    ingest(lake, [str(write(tmp_path / "first.json", [event(eventTime="2020-01-01T00:00:00Z")]))], Settings(jobs=1))
    Lake.open(lake)
    processes = [held(lake, logs, tmp_path / "gate1"), held(lake, other, tmp_path / "gate2")]
    for number, process in enumerate(processes, 1):
        (tmp_path / f"gate{number}.go").touch()
        assert finish(process) in (0, 4)
    sources = table(lake, "ledger", "select * from rows where uri not like '%first.json'")
    assert sources.num_rows == (24 if overlap == "same objects" else 48)
    check_sums(lake, events_new=961, quarantined=24 if overlap == "same objects" else 48)
    known = [row for row in contents(lake)["events"] if "2020, 1, 1" not in row]
    assert known == expected["events"]


def test_four_at_once(tmp_path: Path, logs: Path, expected: dict[str, list[object]]) -> None:
    processes = [start(tmp_path / "lake", logs, batch_rows=100) for _ in range(4)]
    assert {finish(process) for process in processes} <= {0, 4}
    check(tmp_path / "lake", expected)


def test_files_of_a_killed_run_are_not_counted(tmp_path: Path, logs: Path) -> None:
    lake = tmp_path / "lake"
    finish(start(lake, logs, "data-written"))
    assert list((lake / "data/events").rglob("*.parquet"))
    assert table(lake, "events").num_rows == 0
