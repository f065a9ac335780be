"""The pace: no two callers of this machine get the same moment, and all keep away when one was throttled."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.errors import SourceError
from pipeline.sources.pace import Pace, folder

ROOT = Path(__file__).resolve().parents[2]
RESERVE = "from pipeline.sources.pace import Pace; p = Pace('k', 100); print(*[p.reserve() for _ in range(40)])"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_processes_share_one_pace(tmp_path: Path) -> None:
    variables = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", RESERVE]
    running = [subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE) for _ in range(3)]
    moments = sorted(float(each) for p in running for each in p.communicate(timeout=60)[0].split())
    assert len(moments) == 120
    assert min(b - a for a, b in pairwise(moments)) > 0.0099


def test_threads_share_one_pace() -> None:
    moments: list[float] = []
    pace = Pace("k", 1000)
    threads = [threading.Thread(target=lambda: moments.extend(pace.reserve() for _ in range(20))) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert min(b - a for a, b in pairwise(sorted(moments))) > 0.00099


def test_another_key_is_another_pace() -> None:
    Pace("a", 0.001).reserve()
    assert Pace("b", 0.001).reserve() <= time.monotonic()


def test_backing_off_holds_every_caller_and_never_shortens_a_wait() -> None:
    begun = time.monotonic()
    Pace("k", 100).back_off(50)
    Pace("k", 100).back_off(10)
    assert Pace("k", 100).reserve() >= begun + 50


@pytest.mark.parametrize("left", [b"", b"nonsense", b"9999999999.0"])
def test_a_damaged_or_stale_file_holds_nobody(left: bytes) -> None:
    # The monotonic clock begins again when the machine does: a moment of the last start may lie far ahead.
    pace = Pace("k", 100)
    pace.path.write_bytes(left)
    assert pace.reserve() <= time.monotonic()


def test_a_set_stop_ends_the_wait() -> None:
    pace, stop = Pace("k", 100), threading.Event()
    pace.back_off(300)
    stop.set()
    pace.wait(stop)  # would be five minutes


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"trailsift-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match="belongs to somebody else; name a folder of your own in TMPDIR"):
        folder()
