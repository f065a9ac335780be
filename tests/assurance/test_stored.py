"""Verifications in the lake: the lake's own copies compared, and what is said of a window later on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.assurance.integrity import Integrity, integrity
from pipeline.assurance.keys import KeyFiles
from pipeline.assurance.outcome import Outcome
from pipeline.assurance.verify import Task, verify
from pipeline.config import Settings
from pipeline.engines.duckdb import connect
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake
from pipeline.sources.local import LocalSource
from tests.assurance.chains import HOUR, START, Trail, key_file, to_folder
from tests.assurance.conftest import kinds
from tests.lakes import make_lake

CHAIN = "111122223333/eu-west-1/main@eu-west-1"
Stored = Callable[..., Outcome]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return make_lake(tmp_path / "lake", [])


@pytest.fixture
def stored(tmp_path: Path, lake: Lake) -> Stored:
    """Verifies a folder and keeps the outcome in the lake."""

    def run(folder: Path, **task: object) -> Outcome:
        files = KeyFiles([key_file(tmp_path / "keys.json", "first")])
        from pipeline.sources.base import open_source

        outcome = verify(Task(open_source(str(folder)), str(folder), files, lake=lake, **task))  # type: ignore[arg-type]
        outcome.store(lake)
        return outcome

    return run


def told(lake: Lake, *window: object) -> Integrity:
    with connect(lake) as engine:
        return integrity(engine, *window)  # type: ignore[arg-type]


def test_a_lake_that_nothing_vouches_for(lake: Lake) -> None:
    assert told(lake).verdict == "no_evidence"


def test_what_was_ingested_is_compared_and_counted(lake: Lake, stored: Stored, tmp_path: Path) -> None:
    trail = Trail().hours(6)
    folder = to_folder(tmp_path / "trail", trail)
    ingest(lake.path, [str(folder)], Settings(jobs=1))
    trail.hour()
    to_folder(folder, trail)
    found = stored(folder)
    assert (found.total("logs_listed"), found.total("logs_valid"), found.total("logs_in_lake")) == (7, 7, 6)

    whole = told(lake)
    assert (whole.digests_checked, whole.digests_valid, whole.digests_unsigned) == (7, 6, 1)
    assert (whole.logs_listed, whole.logs_valid, whole.logs_in_lake) == (7, 7, 6)
    assert whole.signed == [(CHAIN, START, START + 6 * HOUR)]  # the newest digest is unsigned in a folder
    assert (whole.verdict, whole.newer_objects) == ("incomplete", 0)

    part = told(lake, START + HOUR, START + 4 * HOUR)
    assert (part.digests_checked, part.logs_in_lake, part.verdict, part.uncovered) == (3, 3, "valid", [])
    outside = told(lake, START - 9 * HOUR, START + HOUR)
    assert outside.uncovered == [(CHAIN, START - 9 * HOUR, START)] and outside.verdict == "incomplete"

    ingest(lake.path, [str(folder)], Settings(jobs=1))
    assert told(lake).newer_objects == 1  # the log of the hour that was added


def test_verifying_again_replaces(lake: Lake, stored: Stored, tmp_path: Path) -> None:
    trail = Trail().hours(6)
    trail.remove(trail.logs[1])
    folder = to_folder(tmp_path / "trail", trail)
    for _ in range(2):
        stored(folder)
        found = told(lake)
        assert (found.digests_checked, found.logs_listed, found.logs_valid) == (6, 6, 5)
        assert [each.kind for each in found.problems] == ["missing_log"]
        assert found.verdict == "invalid"
    # A later look at other hours says nothing about that one; a look at it after it was put right does.
    stored(folder, since=START + 3 * HOUR)
    assert [each.kind for each in told(lake).problems] == ["missing_log"]
    assert told(lake, START + 3 * HOUR, START + 5 * HOUR).problems == []
    moment, trail.number = START + HOUR + timedelta(minutes=5), 1
    assert trail.log(moment) == trail.logs[1]
    listed = trail.content(trail.digests[1])["logFiles"][0]["hashValue"]
    (folder / trail.logs[1]).parent.mkdir(parents=True, exist_ok=True)
    (folder / trail.logs[1]).write_bytes(b"")
    assert listed and kinds(stored(folder)) == ["altered_log"]
    assert [each.kind for each in told(lake).problems] == ["altered_log"]


def test_a_log_that_the_lake_took_altered(lake: Lake, stored: Stored, tmp_path: Path) -> None:
    trail = Trail().hours(5)
    good = dict(trail.objects)
    trail.spoil(trail.logs[1])
    folder = to_folder(tmp_path / "trail", trail)
    ingest(lake.path, [str(folder)], Settings(jobs=1))
    trail.objects = good
    found = stored(to_folder(folder, trail))
    [problem] = found.problems
    assert problem.kind == "altered_in_lake" and problem.object.endswith(trail.logs[1])
    assert (found.total("logs_valid"), found.total("logs_in_lake"), found.verdict) == (5, 4, "invalid")


def test_a_log_altered_after_the_lake_took_it(lake: Lake, stored: Stored, tmp_path: Path) -> None:
    trail = Trail().hours(5)
    folder = to_folder(tmp_path / "trail", trail)
    ingest(lake.path, [str(folder)], Settings(jobs=1))
    trail.spoil(trail.logs[1])
    (folder / trail.logs[1]).write_bytes(trail.objects[trail.logs[1]])
    for quick in (False, True):
        found = stored(folder, quick=quick)
        assert kinds(found) == ["altered_log"]
        assert (found.total("logs_valid"), found.total("logs_in_lake")) == (4, 5)


def test_quick_reads_only_what_the_ledger_does_not_know(
    lake: Lake, stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = Trail().hours(4)
    folder = to_folder(tmp_path / "trail", trail)
    ingest(lake.path, [str(folder)], Settings(jobs=1))
    trail.hours(2)
    to_folder(folder, trail)
    read: list[str] = []
    original = LocalSource.read
    monkeypatch.setattr(LocalSource, "read", lambda self, item: (read.append(item.uri), original(self, item))[1])
    found = stored(folder, quick=True)
    assert found.problems == [] and found.total("logs_valid") == 6
    assert sorted(each.removeprefix(f"{folder}/") for each in read if "CloudTrail-Digest" not in each) == trail.logs[4:]
    read.clear()
    ingest(lake.path, [str(folder)], Settings(jobs=1))
    found = stored(folder, quick=True)
    assert found.total("logs_valid") == 6 and not [each for each in read if "CloudTrail-Digest" not in each]


def test_an_unknown_tail_stays_told(lake: Lake, stored: Stored, tmp_path: Path) -> None:
    trail = Trail().hours(8)
    trail.remove(*trail.digests[-4:])
    folder = to_folder(tmp_path / "trail", trail)
    for _ in range(2):
        stored(folder)
        assert [each.kind for each in told(lake).problems] == ["undigested_logs"]
