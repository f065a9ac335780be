"""The index of sightings: it changes nothing that a case tells, follows the lake, and survives whatever befalls it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyarrow import dataset

from pipeline.casework import sightings
from pipeline.casework.case import investigate
from pipeline.cli import main
from pipeline.config import Settings
from pipeline.engines.duckdb import Engine, connect
from pipeline.errors import TrailsiftError
from pipeline.ingest import ingest
from pipeline.lake.compact import compact, due
from pipeline.lake.storage import Storage
from pipeline.lake.tables import Lake
from tests.casework.worlds import CATALOG, call, role, user
from tests.lakes import make_lake

SEEDS = ["AKIAOTK6QQO7WEXAMPLE", "192.0.2.61", "192.0.2.0/24", "jonas.lind", "etl-batch", "lambda.amazonaws.com"]
ANNA = user("anna", "AKIAANNA")


def told(engine: Engine, seed: str, since: datetime | None, until: datetime) -> dict[str, Any] | str:
    try:
        return investigate(engine, CATALOG, seed, since, until).facts
    except TrailsiftError as error:
        return str(error)


def in_memory(path: Path, seed: str, since: datetime | None, until: datetime) -> dict[str, Any] | str:
    """The same case without any file to choose among: every event in one table of DuckDB's memory."""
    with connect(Lake.open(path)) as engine:
        tables = {name: engine.query(f"select * from lake.{name}") for name in engine.plan.files} if engine.plan else {}
    with Engine(None, tables) as engine:
        CATALOG.install_views(engine)
        return told(engine, seed, since, until)


def by_files(path: Path, seed: str, since: datetime | None, until: datetime) -> dict[str, Any] | str:
    with connect(Lake.open(path)) as engine:
        CATALOG.install_views(engine)
        return told(engine, seed, since, until)


@pytest.mark.parametrize("days", [None, 9])
@pytest.mark.parametrize("seed", SEEDS)
def test_choosing_files_changes_nothing_that_is_told(sample_lake: Path, seed: str, days: int | None) -> None:
    """Once with the index there is, and with a window whose ends lie within files."""
    until = datetime(2026, 10, 29, 12, 3, 4, tzinfo=UTC)
    since = until - timedelta(days=days) if days else None
    expected = in_memory(sample_lake, seed, since, until)
    assert by_files(sample_lake, seed, since, until) == expected
    assert by_files(sample_lake, seed, since, until) == expected


def on(day: int, identity: dict[str, Any], name: str) -> dict[str, Any]:
    return call(day, identity, name, "iam", eventTime=f"2026-10-{day:02}T10:00:00Z")


def make(tmp_path: Path) -> Lake:
    """Five days with an event of anna's each, the last of them under another key."""
    records = [on(day, ANNA, "ListBuckets") for day in range(1, 5)]
    return make_lake(tmp_path / "lake", [*records, on(6, role("worker", "work", "ASIAWORK", 1), "ListUsers")])


def seen(lake: Lake) -> dict[str, int]:
    """Events by key, as the prepared view has them, and that it agrees with the events themselves."""
    with connect(lake) as engine:
        CATALOG.install_views(engine)
        sightings.prepare(engine, datetime.min.replace(tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
        sql = "select access_key_id as key, sum(events)::bigint as n from sightings group by all order by all"
        found = {row["key"]: row["n"] for row in engine.rows(sql)}
        truth = engine.rows("select access_key_id as key, count(*) as n from events group by all order by all")
        assert found == {row["key"]: row["n"] for row in truth}
        return found


def index(lake: Lake) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((lake.path / "sightings" / "index.json").read_text())
    return found


def rows(folder: Path) -> list[dict[str, Any]]:
    """What all bundles of a folder say, whether they count or not."""
    found: list[dict[str, Any]] = dataset.dataset(sorted(map(str, folder.glob("*.parquet")))).to_table().to_pylist()
    return found


def test_only_new_files_are_looked_at(tmp_path: Path) -> None:
    lake = make(tmp_path)
    assert seen(lake) == {"AKIAANNA": 4, "ASIAWORK": 1}
    (first,) = index(lake)["bundles"]
    source = tmp_path / "more.json"
    source.write_text(json.dumps({"Records": [on(20, ANNA, "ListUsers")]}))
    ingest(lake.path, [str(source)], Settings(jobs=1))
    assert seen(lake) == {"AKIAANNA": 5, "ASIAWORK": 1}
    bundles = index(lake)["bundles"]
    assert len(bundles) == 2 and first in bundles
    assert [len(bundles[name]) for name in bundles if name != first] == [1]


def test_who_looks_ahead_spares_the_next_case(tmp_path: Path) -> None:
    lake = make(tmp_path)
    assert sightings.refresh(lake) == 5
    assert sightings.refresh(lake) == 0
    assert seen(lake) == {"AKIAANNA": 4, "ASIAWORK": 1} and len(index(lake)["bundles"]) == 1


def test_compacted_files_are_looked_at_anew_and_the_old_ones_forgotten(tmp_path: Path) -> None:
    lake = make(tmp_path)
    for number in range(12):  # more files a day than compaction leaves alone
        source = tmp_path / f"more-{number}.json"
        source.write_text(json.dumps({"Records": [call(100 + number, ANNA, "ListUsers", "iam")]}))
        ingest(lake.path, [str(source)], Settings(jobs=1))
        if number % 2:
            assert seen(lake)["AKIAANNA"] == 5 + number
    assert len(list(compact(lake, due(lake)))) >= 1
    assert seen(lake) == {"AKIAANNA": 16, "ASIAWORK": 1}
    for number in range(20, 29):
        source = tmp_path / f"more-{number}.json"
        source.write_text(json.dumps({"Records": [call(100 + number, ANNA, "ListUsers", "iam")]}))
        ingest(lake.path, [str(source)], Settings(jobs=1))
        seen(lake)
    bundles = index(lake)["bundles"]
    assert len(bundles) <= 9
    with connect(lake) as engine:
        assert engine.plan is not None
        listed = [each for files in bundles.values() for each in files]
        assert len(listed) == len(set(listed)) and set(engine.plan.files["events"][1:]) <= set(listed)


@pytest.mark.parametrize("harm", ["index", "bundle", "form", "gone", "empty", "cut", "zeros"])
def test_a_damaged_index_is_made_anew(tmp_path: Path, harm: str) -> None:
    lake = make(tmp_path)
    expected = seen(lake)
    folder = lake.path / "sightings"
    (bundle,) = folder.glob("*.parquet")
    if harm == "index":
        (folder / "index.json").write_text('{"mark": 3')
    elif harm == "form":
        (folder / "index.json").write_text(json.dumps(index(lake) | {"mark": "of another form of the view"}))
    elif harm == "bundle":
        bundle.unlink()
    elif harm in ("empty", "cut", "zeros"):  # what a power failure may leave of a file that was being written
        whole = bundle.read_bytes()
        bundle.write_bytes({"empty": b"", "cut": whole[:-20], "zeros": bytes(len(whole))}[harm])
    else:
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()
    assert seen(lake) == expected
    assert index(lake)["mark"] != "of another form of the view"


def test_bundles_that_count_no_more_are_deleted_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = make(tmp_path)
    expected = seen(lake)
    (old,) = (lake.path / "sightings").glob("*.parquet")
    (lake.path / "sightings" / "index.json").unlink()
    assert seen(lake) == expected and old.exists()
    monkeypatch.setattr(sightings, "_GRACE", timedelta(0))
    (lake.path / "sightings" / "index.json").unlink()
    assert seen(lake) == expected and not old.exists()


def test_what_left_the_lake_is_told_in_no_bundle(tmp_path: Path) -> None:
    """Days before the 4th go; anna's events of the 4th and the role's of the 6th stay, in the same bundle before."""
    bucket = {"resources": [{"ARN": "arn:aws:s3:::plans", "accountId": "111122223333", "type": "AWS::S3::Bucket"}]}
    bob = call(2, user("bob", "AKIABOB"), "GetObject", "s3", eventTime="2026-10-02T10:00:00Z", **bucket)
    stay = [on(4, ANNA, "ListBuckets"), on(6, role("worker", "work", "ASIAWORK", 1), "ListUsers")]
    lake = make_lake(tmp_path / "lake", [on(1, ANNA, "ListBuckets"), bob, *stay])
    sightings.refresh(lake)
    assert len(index(lake)["bundles"]) == 1
    with duckdb.connect() as engine:
        ((plans,),) = engine.execute("select hash('arn:aws:s3:::plans') >> 16").fetchall()
    assert plans in {row["word"] for row in rows(lake.path / "mentions")}
    with pytest.raises(SystemExit):
        main(["lake", "expire", "--keep", "2d", "--lake", str(lake.path)])
    told = {view: rows(lake.path / view) for view in sightings.KEPT}
    assert sorted(row["access_key_id"] for row in told["sightings"]) == ["AKIAANNA", "ASIAWORK"]
    assert {row["resource"] for row in told["touches"]} == {None} and len(told["touches"]) == 2
    assert plans not in {row["word"] for row in told["mentions"]}
    assert seen(lake) == {"AKIAANNA": 1, "ASIAWORK": 1}
    assert sightings.refresh(lake) == 0  # and what stays need not be looked at again


def test_a_key_that_two_principals_used_at_once_has_its_first_event(tmp_path: Path) -> None:
    """No honest log has it; the ids that stand for a network's first event are still found."""
    records = [
        call(5, user("anna", "AKIASAME"), "ListBuckets", "s3", eventID="b"),
        call(5, user("zoe", "AKIASAME"), "ListBuckets", "s3", eventID="a"),
    ]
    lake = make_lake(tmp_path / "lake", records)
    facts = by_files(lake.path, "AKIASAME", None, datetime(2027, 1, 1, tzinfo=UTC))
    assert isinstance(facts, dict)
    assert [each["first_event"] for each in facts["related"]["networks"]] == ["a"]


def test_a_lake_that_cannot_be_written_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = make(tmp_path)

    def refuse(storage: Storage, path: str, content: bytes) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(Storage, "put", refuse)
    assert seen(lake) == {"AKIAANNA": 4, "ASIAWORK": 1}
    assert not (lake.path / "sightings").exists()


def test_what_one_did_in_part_is_counted_from_the_events(tmp_path: Path) -> None:
    """Anna names the bucket in two calls of one file, once in the window: the index counts both, the case one."""
    bucket = {"resources": [{"ARN": "arn:aws:s3:::plans", "accountId": "111122223333", "type": "AWS::S3::Bucket"}]}
    records = [call(minute, ANNA, "GetObject", "s3", **bucket) for minute in (1, 2)]
    records += [call(3, ANNA, "ListBuckets", "s3")]  # the window's end lies in the file
    lake = make_lake(tmp_path / "lake", records)
    sightings.refresh(lake)
    until = datetime(2026, 10, 1, 10, 1, 30, tzinfo=UTC)
    for end, events in ((until, 1), (until.replace(minute=3), 2)):
        facts = by_files(lake.path, "AKIAANNA", None, end)
        assert isinstance(facts, dict)
        assert [(each["resource"], each["events"]) for each in facts["resources"]] == [("arn:aws:s3:::plans", events)]
    # A case that has but one of the two events of this key, address and program in the file reads that one.
    facts = by_files(lake.path, "arn:aws:s3:::plans", None, until.replace(minute=3))
    assert isinstance(facts, dict)
    assert [(each["events"], each["sample_event_id"]) for each in facts["resources"]] == [(2, "e1")]


@pytest.mark.parametrize("seed", ["AKIAANNA", "arn:aws:s3:::plans"])
def test_a_resource_that_a_record_lists_twice_is_named_by_one_event(tmp_path: Path, seed: str) -> None:
    bucket = {"ARN": "arn:aws:s3:::plans", "accountId": "111122223333", "type": "AWS::S3::Bucket"}
    path = make_lake(tmp_path / "lake", [call(1, ANNA, "GetObject", "s3", resources=[bucket, bucket])]).path
    until = datetime(2026, 10, 1, 11, tzinfo=UTC)
    for facts in (by_files(path, seed, None, until), in_memory(path, seed, None, until)):
        assert isinstance(facts, dict)
        assert [(each["resource"], each["events"]) for each in facts["resources"]] == [("arn:aws:s3:::plans", 1)]
