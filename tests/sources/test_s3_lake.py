"""From S3 into the lake, stopped at each step, killed at random, several at once: the same rows as from a folder."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import cast

import pytest

from pipeline.lake.failpoints import NAMES
from pipeline.lake.listings import marks
from pipeline.lake.tables import Lake
from tests.aws.fake_s3 import FakeS3
from tests.lake import test_protocol as protocol
from tests.lake.test_protocol import check, expected, finish, logs, start

__all__ = ["expected", "logs"]  # fixtures: the logs, and what a lake of them holds when filled from the folder

PLACE = cast("Path", "s3://trail-logs")
TRAIL = "trail-logs/AWSLogs/o-abcdefghij/111122223333/CloudTrail/eu-west-1/"
Contents = dict[str, list[object]]


@pytest.fixture
def bucket(s3: FakeS3, logs: Path) -> FakeS3:
    """The logs as a trail of an organization that ended long ago; only what a run leaves behind shows what it saw."""
    for number, path in enumerate(sorted(logs.iterdir())):
        s3.put(f"{TRAIL}2025/10/{1 + number % 7:02}/{path.name}", path.read_bytes())
    return s3


@pytest.mark.parametrize("name", NAMES)
def test_stopped_at_each_step_and_run_again(bucket: FakeS3, tmp_path: Path, expected: Contents, name: str) -> None:
    lake = tmp_path / "lake"
    assert finish(start(lake, PLACE, name)) == -signal.SIGKILL
    assert finish(start(lake, PLACE)) in (0, 4)  # 4 where this run met the bad records itself
    check(lake, expected)
    assert list(marks(Lake.open(lake))) == [f"s3://{TRAIL}"]


def test_killed_at_random_and_run_again(bucket: FakeS3, tmp_path: Path, expected: Contents) -> None:
    hammer(tmp_path, expected, kills=3)


@pytest.mark.soak
def test_killed_a_hundred_times(bucket: FakeS3, tmp_path: Path, expected: Contents) -> None:
    for _ in range(5):
        hammer(tmp_path, expected, kills=20)


def hammer(folder: Path, expected: Contents, kills: int) -> None:
    """Kills runs at any time of what a whole run takes; a few objects are a batch, so that runs get somewhere."""
    dice, lake = random.Random(kills), folder / f"lake{uuid.uuid4()}"
    began = time.monotonic()
    finish(in_small_batches(folder / f"whole{uuid.uuid4()}"))
    whole = time.monotonic() - began
    for _ in range(kills):
        process = in_small_batches(lake)
        time.sleep(dice.uniform(0.2, 1) * whole)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert finish(in_small_batches(lake)) in (0, 4)
    check(lake, expected)


def in_small_batches(lake: Path) -> subprocess.Popen[bytes]:
    code = "from pipeline.ingest import driver; driver._TASK_BYTES = 1 << 17; from pipeline.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "ingest", str(PLACE), "--lake", str(lake)],
        cwd=protocol.ROOT,
        env=os.environ | {"TRAILSIFT_BATCH_ROWS": "1", "TRAILSIFT_JOBS": "2"},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def test_four_at_once(bucket: FakeS3, tmp_path: Path, expected: Contents) -> None:
    for kind, fault in (("get", "half"), ("list", "reset"), ("get", "torn")):
        bucket.fault(fault, on=kind, skip=2, times=4)
    processes = [start(tmp_path / "lake", PLACE, batch_rows=100) for _ in range(4)]
    assert {finish(process) for process in processes} <= {0, 4}
    check(tmp_path / "lake", expected)
