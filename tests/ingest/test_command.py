"""`trailsift ingest` and `trailsift lake quarantine` as commands: what they print, where, and their exit codes."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.logs import event, write, write_bytes

ROOT = Path(__file__).resolve().parents[2]


def trailsift(*words: object, prepare: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=prepare, timeout=300)


def test_json_has_the_designs_keys_and_adds_up(tmp_path: Path) -> None:
    write(tmp_path / "logs/a.json.gz", [event(eventID="x"), event(eventID="x"), {"no": "time"}])
    write_bytes(
        tmp_path / "logs/b.json.gz",
        b'{"digestStartTime":"2026-10-01T00:00:00Z","digestEndTime":"2026-10-01T01:00:00Z"}',
    )
    done = trailsift("ingest", tmp_path / "logs", "--lake", tmp_path / "lake", "-o", "json", "--no-progress")
    assert done.returncode == 4
    summary = json.loads(done.stdout)
    keys = "objects_seen objects_skipped objects_loaded objects_failed records_read events_new duplicates quarantined"
    assert {*keys.split(), "other_tables", "bytes_read", "seconds"} <= summary.keys()
    parts = [summary[name] for name in ("events_new", "duplicates", "quarantined", "other_tables")]
    # The second "x" has another requestID: a conflicting copy, which counts as a duplicate.
    assert (summary["records_read"], parts, summary["conflicting_copies"]) == (4, [1, 1, 1, 1], 1)
    assert done.stderr.splitlines() == [f"trailsift: {tmp_path}/logs/a.json.gz#2: has no eventTime"]


BAD: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "missing path": (lambda path: None, 2, "no such file or folder"),
    "empty folder": (lambda path: path.mkdir(), 5, "no log files in this folder"),
    "no CloudTrail": (
        lambda path: write_bytes(path / "a.json", b'{"name": "package"}'),
        4,
        "a.json#0: has no eventTime",
    ),
    "truncated gzip": (lambda path: cut(path / "a.json.gz"), 4, "a.json.gz: the gzip ends early"),
    "invalid JSON": (lambda path: write_bytes(path / "a.json", b'{"Records":[{]}'), 4, "a.json"),
    "truncated JSON": (lambda path: write_bytes(path / "a.json", b'{"Records":[{"a'), 4, "a.json: is no valid JSON"),
    "wrong shape": (
        lambda path: write_bytes(path / "a.json", b'{"Records":5}'),
        4,
        'has "Records" or "Events" that is no',
    ),
    "deep nesting": (lambda path: write_bytes(path / "a.json", b"[" * 200_000), 4, "a.json: is nested too deeply"),
    "invalid UTF-8": (
        lambda path: write_bytes(path / "a.json", b'{"eventTime":"2026-10-01T10:00:00Z","requestID":"\xff"}'),
        4,
        "a.json",
    ),
    "empty file": (lambda path: write_bytes(path / "a.json", b""), 4, "a.json: is empty"),
    "a dangling link": (lambda path: link(path / "a.json"), 4, "a.json: No such file or directory"),
}


def cut(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(gzip.compress(json.dumps({"Records": [event()]}).encode())[:-20])


def link(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to("/nowhere")


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_clear_line_and_the_right_code(tmp_path: Path, name: str) -> None:
    make, code, words = BAD[name]
    make(tmp_path / "logs")
    done = trailsift("ingest", tmp_path / "logs", "--lake", tmp_path / "lake", "--no-progress")
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"trailsift: {tmp_path}/logs")
    assert words in done.stderr


def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    write_bytes(tmp_path / "logs/\x1b[2Jx.json", b"{")
    done = trailsift("ingest", tmp_path / "logs", "--lake", tmp_path / "lake", "--no-progress")
    assert done.returncode == 4
    assert "\x1b" not in done.stderr + done.stdout


@pytest.mark.parametrize("room", [30_000, 100_000])
def test_a_full_disk_loses_nothing(tmp_path: Path, room: int) -> None:
    """The limit on a file's size stands in for a full disk: writing fails in the middle of a file."""
    records = [event(requestParameters={"x": os.urandom(300).hex()}) for _ in range(600)]
    write(tmp_path / "logs/a.json.gz", records)
    words = ("ingest", tmp_path / "logs", "--lake", tmp_path / "lake", "--no-progress")
    full = trailsift(*words, prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    assert full.returncode == 1
    assert len(full.stderr.splitlines()) == 1
    again = trailsift(*words)
    assert (again.returncode, again.stdout.split(" new events")[0]) == (0, "600")


def test_quarantine_is_listed_and_retried(tmp_path: Path) -> None:
    broken = write_bytes(tmp_path / "logs/b.json", b'{"Records":[')
    write(tmp_path / "logs/a.json", [{"no": "time"}])
    lake = ("--lake", tmp_path / "lake")
    assert trailsift("ingest", tmp_path / "logs", *lake).returncode == 4
    listed = json.loads(trailsift("lake", "quarantine", "-o", "json", *lake).stdout)
    assert {(each["kind"], each["place"]) for each in listed} == {
        ("record", f"{tmp_path}/logs/a.json#0"),
        ("object", f"{tmp_path}/logs/b.json"),
    }
    write(broken, [event()])
    retried = trailsift("lake", "quarantine", "--retry", *lake)
    assert retried.returncode == 4  # the record without a time stays
    assert retried.stdout.startswith("1 new events")
    assert len(json.loads(trailsift("lake", "quarantine", "-o", "json", *lake).stdout)) == 1


def test_nothing_to_retry_is_fine(tmp_path: Path) -> None:
    write(tmp_path / "a.json", [event()])
    trailsift("ingest", tmp_path / "a.json", "--lake", tmp_path / "lake")
    done = trailsift("lake", "quarantine", "--retry", "--lake", tmp_path / "lake")
    assert done.returncode == 0
