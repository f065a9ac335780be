"""Upkeep as part of ingest: what a commit has to look at stays bounded, and nothing that counts is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.config import Settings
from pipeline.engines.snapshot import plan
from pipeline.ingest import ingest
from pipeline.lake import released
from pipeline.lake.commit import harmless
from pipeline.lake.ledger import OBJECT, known_objects, unknown
from pipeline.lake.tables import Lake
from pipeline.lake.upkeep import EVERY, FAN, KEEP, SIZES, planned, tidy, to_merge, trim
from tests.lake.contents import check_sums, contents, table
from tests.logs import event, write

BATCHES = 28


def batch(folder: Path, number: int) -> Path:
    """Four objects of five events on three days, one of them a copy of one of the batch before."""
    for index in range(4):
        records = [
            event(eventID=f"{number}-{index}-{n}", eventTime=f"2026-10-{1 + (index + n) % 3:02}T10:00:00Z")
            for n in range(5)
        ]
        copy = event(eventID=f"{number - 1}-{index}-0", eventTime=f"2026-10-{1 + index % 3:02}T10:00:00Z")
        write(folder / f"{number:03}/{index}.json", [*records, copy] if number else records)
    return folder / f"{number:03}"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, int]]]:
    """A lake of 28 small runs, and what a commit had to look at after each."""
    folder = tmp_path_factory.mktemp("many")
    counted = []
    for number in range(BATCHES):
        ingest(folder / "lake", [str(batch(folder / "logs", number))], Settings(jobs=1))
        counted.append(work(Lake.open(folder / "lake")))
    return folder, counted


def work(lake: Lake) -> dict[str, int]:
    """What the next commit reads: files planned, manifests, bytes of metadata, snapshots; the worst of the tables."""
    found: dict[str, list[int]] = {"files": [], "manifests": [], "metadata": [], "snapshots": []}
    for name in ("events", "ledger", "usage"):
        loaded = lake.load(name)
        found["files"].append(len(planned(loaded)) / (3 if name == "events" else 1))
        found["manifests"].append(len(loaded.current_snapshot().manifests(loaded.io)))
        found["metadata"].append(len(lake.storage.get(lake.storage.path(loaded.metadata_location))))
        found["snapshots"].append(len(loaded.snapshots()))
    return {name: max(each) for name, each in found.items()}


def test_what_a_commit_looks_at_does_not_grow(filled: tuple[Path, list[dict[str, int]]]) -> None:
    _, counted = filled
    tiers = len(SIZES) * (FAN - 1) + EVERY
    assert max(each["files"] for each in counted) <= tiers
    assert max(each["snapshots"] for each in counted) <= KEEP + 2 * EVERY + 1
    assert max(each["manifests"] for each in counted) <= 16 + EVERY
    early, late = counted[: BATCHES // 2], counted[BATCHES // 2 :]
    for name in ("files", "manifests", "snapshots"):
        assert max(each[name] for each in late) <= max(each[name] for each in early) + 2, name
    assert max(each["metadata"] for each in late) <= 1.1 * max(each["metadata"] for each in early)


def test_nothing_is_lost_or_doubled_by_it(filled: tuple[Path, list[dict[str, int]]], tmp_path: Path) -> None:
    folder, _ = filled
    ingest(tmp_path / "whole", [str(folder / "logs")], Settings(jobs=1))
    assert contents(folder / "lake") == contents(tmp_path / "whole")
    check_sums(folder / "lake", events_new=BATCHES * 20, duplicates=(BATCHES - 1) * 4)


def test_partial_sums_are_folded(filled: tuple[Path, list[dict[str, int]]]) -> None:
    folder, _ = filled
    assert table(folder / "lake", "usage").num_rows < BATCHES * 3
    assert table(folder / "lake", "usage", "select sum(count)::bigint n from rows")["n"][0].as_py() == BATCHES * 20


def test_known_objects_are_found_after_merging(filled: tuple[Path, list[dict[str, int]]]) -> None:
    lake = Lake.open(filled[0] / "lake")
    known = sorted(known_objects(lake))
    assert len(known) == BATCHES * 4
    uri, etag, size = known[0]
    rows = [known[0], (uri, "other", size), (uri, etag, size + 1), ("nowhere", etag, size), known[-1]]
    listing = pa.Table.from_pylist([dict(zip(OBJECT.names, row, strict=True)) for row in rows], schema=OBJECT)
    assert unknown(lake, listing).to_pylist() == listing.slice(1, 3).to_pylist()
    assert unknown(lake, listing.slice(0, 0)).to_pylist() == []


def test_a_reader_that_planned_before_still_finds_its_files(tmp_path: Path) -> None:
    for number in range(FAN - 1):
        ingest(tmp_path / "lake", [str(batch(tmp_path / "logs", number))], Settings(jobs=1))
    lake = Lake.open(tmp_path / "lake")
    before = plan(lake).files["events"]
    ingest(tmp_path / "lake", [str(batch(tmp_path / "logs", FAN))], Settings(jobs=1))
    assert set(before[1:]) - set(plan(lake).files["events"]), "nothing was merged"
    released.sweep(lake, lazily=False)
    assert all(Path(path).exists() for path in before)
    later = datetime.now(UTC) + timedelta(hours=lake.settings.grace_hours + 1)
    assert all(Path(path).exists() for path in plan(lake).files["events"])
    trim(lake, "events", keep=1)
    assert released.sweep(lake, later, lazily=False) > 0
    assert not any(Path(path).exists() for path in before[1:])
    assert all(Path(path).exists() for path in plan(lake).files["events"])


def test_a_tagged_snapshot_is_kept_with_its_files(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    ingest(lake.location, [str(batch(tmp_path / "logs", 0))], Settings(jobs=1))
    events = lake.load("events")
    named = events.current_snapshot().snapshot_id
    events.manage_snapshots().create_tag(named, "report-2026-10").commit()
    files = lake.files("events", snapshot_id=named)
    for number in range(1, 2 * FAN + 2):
        ingest(lake.location, [str(batch(tmp_path / "logs", number))], Settings(jobs=1))
    trim(lake, "events", keep=1)
    released.sweep(lake, datetime.now(UTC) + timedelta(days=2), lazily=False)
    assert {each.snapshot_id for each in lake.load("events").snapshots()} >= {named}
    assert lake.files("events", snapshot_id=named) == files
    assert all(Path(path).exists() for path in files)


def test_a_snapshot_whose_rows_are_not_applied_yet_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pipeline.ingest.driver as driver

    lake = Lake.open(tmp_path / "lake", create=True)
    monkeypatch.setattr(driver, "roll_forward", lambda *_: None)
    for number in range(5):
        ingest(lake.location, [str(batch(tmp_path / "logs", number))], Settings(jobs=1))
    trim(lake, "events", keep=1)
    released.sweep(lake, datetime.now(UTC) + timedelta(days=2), lazily=False)
    batches = [each for each in lake.load("events").snapshots() if not harmless(each)]
    assert len(batches) == 5
    assert plan(lake).snapshot_id is None
    monkeypatch.undo()
    ingest(lake.location, [str(batch(tmp_path / "logs", 99))], Settings(jobs=1))
    check_sums(tmp_path / "lake", events_new=6 * 20 + 4)  # four whose first copy never came


def test_a_run_that_was_overtaken_beyond_what_is_kept_looks_again(tmp_path: Path) -> None:
    from pipeline.lake.batch import Horizon

    lake = Lake.open(tmp_path / "lake", create=True)
    horizon = Horizon(sequence=0)
    assert not horizon.look(lake.load("events"))
    for number in range(3):
        ingest(lake.location, [str(batch(tmp_path / "logs", number))], Settings(jobs=1))
    events = lake.load("events")
    horizon.ours = {each.summary.additional_properties["lake.batch-id"] for each in events.snapshots()}
    assert not Horizon(sequence=0, ours=horizon.ours).look(events)
    trim(lake, "events", keep=1)
    assert Horizon(sequence=0, ours=horizon.ours).look(lake.load("events"))


def test_files_that_a_note_names_wrongly_stay(tmp_path: Path) -> None:
    """A merge that was noted and then not committed must not cost a live file."""
    ingest(tmp_path / "lake", [str(batch(tmp_path / "logs", 0))], Settings(jobs=1))
    lake = Lake.open(tmp_path / "lake")
    files = [path for path in lake.files("events") if "/data/" in path]
    released.release(lake, files)
    (note,) = released.notes(lake)
    assert json.loads(lake.storage.get(note)) == sorted(files)
    assert released.sweep(lake, datetime.now(UTC) + timedelta(days=2), lazily=False) == 0
    assert all(Path(path).exists() for path in files)
    assert not released.notes(lake)


class Sized:
    def __init__(self, rows: int) -> None:
        self.record_count = rows


@pytest.mark.parametrize(
    ("rows", "merged"),
    [
        ([7] * (FAN - 1), 0),
        ([7] * FAN, FAN),
        ([7] * FAN + [SIZES[0]], FAN),
        ([SIZES[0]] * FAN, FAN),
        ([SIZES[0]] * FAN + [7], FAN + 1),
        ([SIZES[1]] * 100, 0),
        ([], 0),
    ],
)
def test_files_of_one_size_are_merged(rows: list[int], merged: int) -> None:
    assert len(to_merge([Sized(each) for each in rows])) == merged  # type: ignore[misc]


def test_tidy_of_a_new_lake_does_nothing(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    tidy(lake)
    assert lake.load("events").current_snapshot() is None
