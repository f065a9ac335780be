"""Ingestion as a user meets it: same rows whatever the order, one clear line for whatever is bad."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Settings
from pipeline.errors import LakeError, NoDataError, UsageError
from pipeline.ingest import Selection, ingest, plan
from pipeline.ingest.retry import retry
from pipeline.ingest.summary import Summary
from pipeline.lake.quarantine import entries
from pipeline.lake.tables import MARKER, Lake
from pipeline.records import normalize
from tests.lake.contents import check_sums, contents, table
from tests.logs import event, write, write_bytes

SETTINGS = Settings(jobs=2)


def run(lake: Path, *sources: Path, **settings: Any) -> Summary:
    return ingest(lake, [str(each) for each in sources], Settings(jobs=2, **settings))


def many(count: int = 60, days: int = 3) -> list[dict[str, Any]]:
    return [event(eventID=f"id-{n}", eventTime=f"2026-10-{1 + n % days:02}T10:00:00Z") for n in range(count)]


def test_twice_is_once(tmp_path: Path) -> None:
    write(tmp_path / "logs/a.json.gz", many())
    first = run(tmp_path / "lake", tmp_path / "logs")
    before = contents(tmp_path / "lake")
    second = run(tmp_path / "lake", tmp_path / "logs")
    assert (first.events_new, first.objects_loaded) == (60, 1)
    assert (second.events_new, second.objects_skipped, second.records_read) == (0, 1, 0)
    assert contents(tmp_path / "lake") == before


@pytest.mark.parametrize("seed", range(3))
def test_any_order_and_any_split_give_the_same_rows(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    records = many(120)
    write(tmp_path / "whole/a.json", records)
    run(tmp_path / "one", tmp_path / "whole")
    copies = records + dice.sample(records, 30)
    dice.shuffle(copies)
    cuts = [0, *sorted(dice.sample(range(1, len(copies)), 6)), len(copies)]
    for number, (begin, end) in enumerate(itertools.pairwise(cuts)):
        write(tmp_path / f"split/{dice.random()}-{number}.json.gz", copies[begin:end])
    half = sorted((tmp_path / "split").iterdir())
    summary = run(tmp_path / "two", *half[:3], batch_rows=1)
    run(tmp_path / "two", tmp_path / "split", batch_rows=20)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    assert summary.objects_loaded == 3
    check_sums(tmp_path / "two", records_read=150, events_new=120, duplicates=30)


def test_one_event_in_two_objects_is_one_row(tmp_path: Path) -> None:
    record = event(eventID="same")
    write(tmp_path / "logs/a.json", [record])
    write(tmp_path / "logs/b.json", [record, record])
    summary = run(tmp_path / "lake", tmp_path / "logs")
    assert (summary.events_new, summary.duplicates, summary.conflicting_copies) == (1, 2, 0)


def test_the_same_id_in_two_accounts_is_two_events(tmp_path: Path) -> None:
    write(tmp_path / "a.json", [event(eventID="x"), event(eventID="x", recipientAccountId="444455556666")])
    assert run(tmp_path / "lake", tmp_path / "a.json").events_new == 2


def test_events_without_an_id_are_known_by_their_content(tmp_path: Path) -> None:
    old = event(eventVersion="1.0", eventID=None, recipientAccountId=None)
    write(tmp_path / "a.json", [old, old | {"eventName": "Other"}])
    write(tmp_path / "b.json", [dict(reversed(old.items())), old | {"eventID": ""}])
    assert run(tmp_path / "lake", tmp_path / "a.json").events_new == 2
    second = run(tmp_path / "lake", tmp_path / "b.json")
    assert (second.events_new, second.duplicates) == (1, 1)


def test_copies_that_differ_only_in_their_text_do_not_conflict(tmp_path: Path) -> None:
    record = event(eventID="x", requestParameters={"a": 1, "b": None})
    write(tmp_path / "a.json", [record])
    write_bytes(tmp_path / "b.json", json.dumps({"Records": [dict(reversed(record.items()))]}, indent=3).encode())
    run(tmp_path / "lake", tmp_path / "a.json")
    second = run(tmp_path / "lake", tmp_path / "b.json")
    assert (second.duplicates, second.conflicting_copies) == (1, 0)


@pytest.mark.parametrize("together", [True, False], ids=["one run", "two runs"])
def test_a_copy_that_tells_another_story_is_kept_aside(tmp_path: Path, together: bool) -> None:
    write(tmp_path / "a.json", [event(eventID="x", eventName="DeleteTrail")])
    write(tmp_path / "b.json", [event(eventID="x", eventName="DescribeTrails")])
    runs = [[tmp_path / "a.json", tmp_path / "b.json"]] if together else [[tmp_path / "a.json"], [tmp_path / "b.json"]]
    summaries = [run(tmp_path / "lake", *sources) for sources in runs]
    assert sum(each.conflicting_copies for each in summaries) == 1
    assert sum(each.duplicates for each in summaries) == 1
    assert table(tmp_path / "lake", "events")["eventName"].to_pylist() == ["DeleteTrail"]
    (kept,) = table(tmp_path / "lake", "quarantine").to_pylist()
    assert (kept["kind"], json.loads(kept["raw"])["eventName"]) == ("conflicting_copy", "DescribeTrails")
    assert not summaries[-1].partial


def test_each_kind_of_record_goes_to_its_table(tmp_path: Path) -> None:
    digest = {"awsAccountId": "1", "digestStartTime": "2026-10-01T00:00:00Z", "digestEndTime": "2026-10-01T01:00:00Z"}
    write_bytes(tmp_path / "logs/d.json.gz", json.dumps(digest).encode())
    insight = {"eventTime": "2026-10-01T00:00:00Z", "eventCategory": "Insight", "eventType": "AwsCloudTrailInsight"}
    aggregated = {"eventCategory": "Aggregated", "eventId": "e", "timeWindow": {"windowStart": "2026-10-01T00:00:00Z"}}
    write(tmp_path / "logs/m.json.gz", [insight, aggregated, event(eventCategory="NetworkActivity")])
    summary = run(tmp_path / "lake", tmp_path / "logs")
    assert (summary.records_read, summary.events_new, summary.other_tables) == (4, 1, 3)
    assert [table(tmp_path / "lake", name).num_rows for name in ("digests", "insights", "aggregated")] == [1, 1, 1]


def test_a_bad_record_costs_itself_and_a_bad_object_costs_itself(tmp_path: Path) -> None:
    good = event()
    write(tmp_path / "logs/a.json", [good, {"eventName": "no time"}, event()])
    write_bytes(tmp_path / "logs/b.json", b'{"Records":[{"eventTime":"2026-10-01T10:00:00Z","eventI')
    (tmp_path / "logs/c.json.gz").write_bytes(gzip.compress(b"x" * 999)[:-4])
    write_bytes(tmp_path / "logs/d.json", b'{"Records":[' + json.dumps(event()).encode() + b',{"eventTime": nope}]}')
    summary = run(tmp_path / "lake", tmp_path / "logs")
    assert (summary.objects_loaded, summary.objects_failed, summary.quarantined, summary.events_new) == (2, 2, 2, 3)
    assert summary.records_read == summary.events_new + summary.duplicates + summary.quarantined + summary.other_tables
    assert summary.partial
    rows = table(tmp_path / "lake", "quarantine").to_pylist()
    places = {Path(each["place"]).name: each["reason"] for each in rows}
    assert set(places) == {"a.json#1", "b.json", "c.json.gz", "d.json#1"}
    assert places["a.json#1"] == "has no eventTime"
    again = run(tmp_path / "lake", tmp_path / "logs")
    assert (again.objects_skipped, again.partial) == (4, False)


def test_a_dangling_link_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/a.json").symlink_to(tmp_path / "later.json")
    first = run(tmp_path / "lake", tmp_path / "logs")
    assert (first.objects_failed, first.problems[0].split(": ")[1]) == (1, "No such file or directory")
    write(tmp_path / "later.json", [event()])
    assert run(tmp_path / "lake", tmp_path / "logs").events_new == 1


def test_limits(tmp_path: Path) -> None:
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(b"[" + b" " * (8 << 20) + b"]"))
    summary = run(tmp_path / "lake", tmp_path / "bomb.json.gz", max_object_bytes=1 << 20)
    assert summary.objects_failed == 1
    assert "more than the limit of 1,048,576 bytes" in summary.problems[0]


def test_a_line_of_many_megabytes_is_read_or_refused_whole(tmp_path: Path) -> None:
    big = [event(eventID=str(n), requestParameters={"x": "y" * 20_000}) for n in range(2000)]
    write_bytes(tmp_path / "line.json", json.dumps({"Records": big}).encode())
    write_bytes(tmp_path / "junk.json", b"{" + b"a" * (40 << 20))
    summary = run(tmp_path / "lake", tmp_path)
    assert (summary.events_new, summary.objects_failed) == (2000, 1)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda path: path / "missing", UsageError, "no such file or folder"),
        (lambda path: path / "empty", NoDataError, "no log files in this folder"),
        (lambda path: path / "other", NoDataError, "no log files in this folder"),
    ],
)
def test_a_source_that_holds_nothing(tmp_path: Path, make: Any, error: type[Exception], words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("x")
    with pytest.raises(error, match=words):
        run(tmp_path / "lake", make(tmp_path))
    assert not (tmp_path / "lake").exists()


def test_a_lake_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    source = write(tmp_path / "a.json", [event()])
    run(tmp_path / "lake", source)
    (tmp_path / "lake" / MARKER).write_text('{"version": 99}')
    with pytest.raises(LakeError, match=r"version 99.*upgrade"):
        run(tmp_path / "lake", source)


def test_a_folder_that_is_no_lake_is_left_alone(tmp_path: Path) -> None:
    source = write(tmp_path / "logs/a.json", [event()])
    with pytest.raises(LakeError, match="no lake and not empty"):
        run(tmp_path / "logs", source)


def test_plan_touches_nothing(tmp_path: Path) -> None:
    source = write(tmp_path / "logs/a.json", [event()])
    summary = plan(tmp_path / "lake", [str(source)])
    assert (summary.objects_seen, summary.objects_skipped) == (1, 0)
    assert not (tmp_path / "lake").exists()


def test_selection_goes_by_the_objects_names(tmp_path: Path) -> None:
    for region, day in (("eu-west-1", 1), ("us-east-1", 1), ("eu-west-1", 9)):
        name = f"111122223333_CloudTrail_{region}_202610{day:02}T1005Z_abcdefghijklmnop.json.gz"
        write(tmp_path / "logs" / name, [event()])
    from datetime import date

    chosen = Selection(regions=frozenset({"eu-west-1"}), until=date(2026, 10, 5))
    summary = ingest(tmp_path / "lake", [str(tmp_path / "logs")], SETTINGS, chosen)
    assert (summary.objects_seen, summary.events_new) == (1, 1)


@pytest.mark.real_logs
def test_real_logs_ingest_whole(tmp_path: Path, real_logs: Path) -> None:
    first = run(tmp_path / "lake", real_logs / "invictus")
    assert (first.objects_loaded, first.events_new, first.quarantined, first.objects_failed) == (55, 2900, 0, 0)
    second = run(tmp_path / "lake", real_logs / "invictus")
    assert (second.events_new, second.objects_skipped) == (0, 55)
    usage = table(tmp_path / "lake", "usage")
    assert sum(usage["count"].to_pylist()) == 2900


def test_the_lake_can_be_opened_after(tmp_path: Path) -> None:
    source = write(tmp_path / "a.json", [event()])
    run(tmp_path / "lake", source)
    assert len(Lake.open(tmp_path / "lake").files("events")) == 2


def test_retry_takes_what_can_be_read_now_and_leaves_the_rest(tmp_path: Path) -> None:
    broken = write_bytes(tmp_path / "logs/b.json", b'{"Records":[')
    good = event(eventID="good")
    write(tmp_path / "logs/a.json", [good, {"eventName": "no time"}])
    run(tmp_path / "lake", tmp_path / "logs")
    assert [each.kind for each in entries(Lake.open(tmp_path / "lake"))] == ["record", "object"]
    nothing = retry(tmp_path / "lake", SETTINGS)
    assert (nothing.objects_loaded, nothing.partial) == (0, False)
    write(broken, [event(eventID="mended"), good])
    mended = retry(tmp_path / "lake", SETTINGS)
    assert (mended.events_new, mended.duplicates) == (1, 1)
    assert [each.place.rpartition("/")[2] for each in entries(Lake.open(tmp_path / "lake"))] == ["a.json#1"]
    check_sums(tmp_path / "lake", events_new=2)


def test_a_record_that_an_older_version_refused_is_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "logs/a.json", [event(eventID="late", eventTime="2026-10-01T10:00:00.5Z")])
    with monkeypatch.context() as older:
        older.setattr(normalize, "readable_time", lambda text: None)
        assert run(tmp_path / "lake", tmp_path / "logs").quarantined == 1
    released = retry(tmp_path / "lake", SETTINGS)
    assert (released.events_new, released.quarantined) == (1, 0)
    assert entries(Lake.open(tmp_path / "lake")) == []
    source = table(tmp_path / "lake", "events")["source_object"].to_pylist()[0]
    assert source.endswith("a.json#0")
