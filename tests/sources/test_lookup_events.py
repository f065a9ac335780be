"""`lookup`: every event of 90 days once, whatever a day holds, in few calls and within AWS's limits."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import SourceError, UsageError
from pipeline.ingest import Selection, plan
from pipeline.sources.base import open_source
from pipeline.sources.lookup_events import LookupSource
from tests.aws.cloudtrail import NOW, CloudTrail
from tests.lake.contents import check_sums, contents, table
from tests.logs import write, write_bytes
from tests.sources.history import at, ids, past, run, spread, windows

HOUR = timedelta(hours=1)
TODAY = datetime(2026, 11, 25, tzinfo=UTC)


def test_a_quiet_region_costs_a_call_or_two(history: CloudTrail, tmp_path: Path) -> None:
    history.add(spread(40, past(89), past(1)))
    summary = run(tmp_path / "lake")
    assert (summary.events_new, summary.duplicates, summary.problems) == (40, 0, [])
    assert history.stats()["calls"] == 1
    # Whole days from the one after the edge of history (NOW is 12:30) to yesterday; at both ends, hours.
    found = windows(tmp_path / "lake")
    assert sum(each.endswith("/P1D") for each in found) == 89
    assert "2026-08-27T12:00:00Z/PT1H" in found
    assert "2026-08-27T11:00:00Z/PT1H" not in found


def test_paging_gives_all_of_a_window(history: CloudTrail, tmp_path: Path) -> None:
    history.add(spread(730, past(3), past(2)))
    summary = run(tmp_path / "lake")
    assert ids(tmp_path / "lake") == sorted(f"e{n}" for n in range(730))
    check_sums(tmp_path / "lake", events_new=730)
    assert summary.problems == []
    stats = history.stats()
    assert (stats["refused"], stats["busiest"] <= 400) == (0, True)
    assert stats["calls"] <= 730 / 50 + 8


def test_events_of_one_second_over_several_pages(history: CloudTrail, tmp_path: Path) -> None:
    history.add([at(past(2), f"burst{n}") for n in range(160)])
    run(tmp_path / "lake")
    assert len(ids(tmp_path / "lake")) == 160


def test_the_second_run_reads_what_the_ledger_lacks(history: CloudTrail, tmp_path: Path) -> None:
    history.add(spread(300, past(60), past(0.2)))
    run(tmp_path / "lake")
    before, calls = contents(tmp_path / "lake"), history.stats()["calls"]
    again = run(tmp_path / "lake")
    assert (again.events_new, again.records_read) == (0, 0)
    assert history.stats()["calls"] - calls == 1
    assert contents(tmp_path / "lake") == before


def test_a_busy_day_is_cut_into_hours_and_a_busy_hour_into_minutes(
    history: CloudTrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LookupSource, "window_events", 400)
    day = TODAY - timedelta(days=2)
    history.add(spread(1200, day, day + timedelta(days=1), "day"))
    history.add(spread(900, day + 9 * HOUR, day + 10 * HOUR, "hour"))
    run(tmp_path / "lake")
    assert len(ids(tmp_path / "lake")) == 2100
    found = [each for each in windows(tmp_path / "lake") if each.startswith("2026-11-23")]
    assert sum(each.endswith("PT1H") for each in found) == 23
    assert sum(each.endswith("PT5M") for each in found) == 12
    assert not any(each.endswith("P1D") for each in found)


def test_much_to_read_is_committed_in_rounds(
    history: CloudTrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LookupSource, "probes", 3)
    history.add(spread(900, past(11), past(1)))
    summary = run(tmp_path / "lake")
    assert len(ids(tmp_path / "lake")) == 900
    assert summary.problems == []
    batches = table(tmp_path / "lake", "events", "select distinct batch_id from rows").num_rows
    assert batches >= 3


def test_a_window_too_large_is_read_in_smaller_ones_next_time(
    history: CloudTrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A calm end hides a burst: the page says nothing of it, the reading does.
    monkeypatch.setattr(LookupSource, "window_bytes", 600_000)
    day = TODAY - timedelta(days=2)
    history.add(spread(600, day + 3 * HOUR, day + 9 * HOUR) + spread(60, day + 10 * HOUR, day + 24 * HOUR, "calm"))
    first = run(tmp_path / "lake")
    (line,) = first.problems
    assert "P1D: holds more than" in line
    assert "the next run reads it in smaller windows" in line
    assert (first.objects_failed, first.partial) == (1, True)
    second = run(tmp_path / "lake")
    assert second.problems == []
    assert len(ids(tmp_path / "lake")) == 660


def test_a_window_too_busy_for_the_api_is_told_and_set_aside(
    history: CloudTrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LookupSource, "window_events", 50)
    monkeypatch.setattr(LookupSource, "window_bytes", 100_000)
    day = TODAY - timedelta(days=2)
    history.add([at(day + HOUR + timedelta(seconds=n % 200), f"e{n}") for n in range(500)])
    history.add(spread(30, past(9), past(7), "other"))
    first = run(tmp_path / "lake")
    (line,) = [each for each in first.problems if "too many" in each]
    assert line.startswith("lookup://111122223333/eu-west-1/2026-11-23T01:00:00Z/PT5M: holds more than")
    assert "take this time from the trail's bucket" in line
    assert [each for each in ids(tmp_path / "lake") if each.startswith("other")] == sorted(
        f"other{n}" for n in range(30)
    )
    assert run(tmp_path / "lake").problems == []


def test_a_late_event_of_an_open_window_is_found_by_the_next_run(history: CloudTrail, tmp_path: Path) -> None:
    history.add([at(NOW - timedelta(minutes=50), "first")])
    run(tmp_path / "lake")
    history.add([at(NOW - timedelta(minutes=70), "late")])
    history.configure(now=NOW + timedelta(minutes=10))
    run(tmp_path / "lake")
    assert ids(tmp_path / "lake") == ["first", "late"]
    # Closed, both windows are read once more; nothing is lost or doubled.
    history.add([at(NOW - timedelta(minutes=75), "later")])
    history.configure(now=NOW + timedelta(hours=5))
    run(tmp_path / "lake")
    assert ids(tmp_path / "lake") == ["first", "late", "later"]
    history.configure(now=NOW + timedelta(days=2))
    last = run(tmp_path / "lake")
    assert (last.events_new, last.duplicates, last.conflicting_copies) == (0, 0, 0)


def test_an_open_busy_hour_is_read_again(history: CloudTrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LookupSource, "window_events", 100)
    history.add(spread(500, NOW - timedelta(minutes=90), NOW))
    run(tmp_path / "lake")
    history.add(spread(200, NOW - timedelta(minutes=30), NOW - timedelta(minutes=20), "late"))
    history.configure(now=NOW + timedelta(minutes=1))
    assert run(tmp_path / "lake").events_new == 200
    assert len(ids(tmp_path / "lake")) == 700


def test_neighbouring_windows_share_a_second_and_no_row(history: CloudTrail, tmp_path: Path) -> None:
    midnights = [at(TODAY - timedelta(days=n), f"midnight{n}") for n in range(1, 6)]
    history.add(midnights + spread(200, past(5), past(1)))
    summary = run(tmp_path / "lake")
    assert len(ids(tmp_path / "lake")) == 205
    assert summary.events_new == 205
    assert summary.conflicting_copies == 0


@pytest.mark.parametrize("hours", [-26, -3, 3, 26])
def test_windows_close_by_awss_clock(history: CloudTrail, tmp_path: Path, hours: int) -> None:
    # To the fake's clock this machine is months off anyway; it moves between two runs, as a mended clock would.
    history.configure(now=NOW + timedelta(hours=hours))
    history.add([at(NOW - timedelta(hours=30), "old"), at(NOW + timedelta(hours=hours, minutes=-5), "new")])
    run(tmp_path / "lake")
    history.configure(now=NOW + timedelta(hours=hours, minutes=30))
    history.add([at(NOW + timedelta(hours=hours, minutes=-20), "late")])
    run(tmp_path / "lake")
    assert ids(tmp_path / "lake") == ["late", "new", "old"]


def test_an_event_of_the_future_is_read_when_its_time_has_come(history: CloudTrail, tmp_path: Path) -> None:
    history.add([at(NOW + timedelta(minutes=40), "future"), at(past(1), "past")])
    run(tmp_path / "lake")
    assert ids(tmp_path / "lake") == ["past"]
    history.configure(now=NOW + timedelta(hours=1))
    run(tmp_path / "lake")
    assert ids(tmp_path / "lake") == ["future", "past"]


def test_a_narrowed_run_reads_those_days_alone(history: CloudTrail, tmp_path: Path) -> None:
    history.add(spread(400, past(40), past(0.1)))
    days = Selection(since=(NOW - timedelta(days=10)).date(), until=(NOW - timedelta(days=8)).date())
    run(tmp_path / "lake", selection=days)
    found = table(tmp_path / "lake", "events", 'select distinct "eventTime"::date::text d from rows order by d')
    assert found["d"].to_pylist() == ["2026-11-15", "2026-11-16", "2026-11-17"]
    run(tmp_path / "lake")
    assert len(ids(tmp_path / "lake")) == 400


def test_more_than_90_days_back_is_told(history: CloudTrail, tmp_path: Path) -> None:
    history.add(spread(10, past(80), past(70)))
    summary = run(tmp_path / "lake", selection=Selection(since=(NOW - timedelta(days=200)).date()))
    assert summary.events_new == 10
    assert len(summary.problems) == 1
    assert "LookupEvents goes back 90 days, to 2026-08-27T12:31:00Z, not to 2026-05-09" in summary.problems[0]
    assert summary.partial


def test_the_edge_of_history_moves_on_between_runs(history: CloudTrail, tmp_path: Path) -> None:
    history.add([at(past(89.999), "edge"), at(past(1), "new")])
    run(tmp_path / "lake")
    history.configure(now=NOW + timedelta(days=1))
    summary = run(tmp_path / "lake")
    assert (summary.problems, ids(tmp_path / "lake")) == ([], ["edge", "new"])
    assert history.stats()["refused"] == 0


def test_a_dry_run_writes_nothing(history: CloudTrail, tmp_path: Path) -> None:
    history.add(spread(100, past(3), past(1)))
    summary = plan(tmp_path / "lake", ["lookup:eu-west-1"])
    assert summary.objects_seen > 80
    assert not (tmp_path / "lake").exists()


def story(**changes: Any) -> dict[str, Any]:
    return at(past(2), "same") | changes


def test_one_event_by_bucket_lookup_and_eventbridge_is_one_row(history: CloudTrail, tmp_path: Path) -> None:
    record = story()
    history.add([json.dumps(dict(reversed(record.items())), indent=1)])  # other order, other spaces: the same JSON
    write(tmp_path / "logs/bucket.json.gz", [record])
    envelope = {"version": "0", "id": "x", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2"}
    write_bytes(tmp_path / "logs/bus.json", json.dumps(envelope | {"detail": record}).encode())
    sources = [str(tmp_path / "logs"), "lookup:eu-west-1"]
    random.Random(1).shuffle(sources)
    for number, source in enumerate(sources):
        summary = run(tmp_path / "lake", source)
        assert summary.conflicting_copies == 0
        assert summary.events_new == (number == 0)
    assert ids(tmp_path / "lake") == ["same"]


def test_another_story_under_the_same_id_is_a_conflicting_copy(history: CloudTrail, tmp_path: Path) -> None:
    write(tmp_path / "logs/bucket.json.gz", [story()])
    run(tmp_path / "lake", str(tmp_path / "logs"))
    history.add([story(eventName="TerminateInstances")])
    assert run(tmp_path / "lake").conflicting_copies == 1
    assert ids(tmp_path / "lake") == ["same"]


def test_the_records_text_is_kept_to_the_letter(history: CloudTrail, tmp_path: Path) -> None:
    odd = '{ "a" : "\\u00e9\\ud83d\\ude00é",  "n": 1.50e3 }'
    text = json.dumps(story(requestParameters="HERE")).replace('"HERE"', odd)
    history.add([text])
    run(tmp_path / "lake")
    assert table(tmp_path / "lake", "events")["requestParameters"].to_pylist() == [odd]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lookup:", "there is no region ''"),
        ("lookup:eu-wset-1", "there is no region 'eu-wset-1'"),
        ("lookup:eu-west-1,../x", "there is no region '../x'"),
        ("lookup://111122223333/eu-west-1/yesterday/P1D", "is no window of time"),
    ],
)
def test_a_location_that_names_nothing(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_source(text)
    assert str(caught.value).startswith(f"{text}: {problem}; write lookup:REGION")


def test_one_window_by_its_name(history: CloudTrail, tmp_path: Path) -> None:
    history.add(spread(300, past(3), past(1)))
    summary = run(tmp_path / "lake", "lookup://111122223333/eu-west-1/2026-11-23T00:00:00Z/P1D")
    assert summary.objects_loaded == 1
    assert summary.events_new == 150
    with pytest.raises(SourceError, match="is of another account than these credentials"):
        run(tmp_path / "lake", "lookup://444455556666/eu-west-1/2026-11-23T00:00:00Z/P1D")
