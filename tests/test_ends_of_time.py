"""Events at the ends of the years that a time may have: a record can say any, and one must not stop every verb.

AWS documents eventTime as ISO 8601 text; the first moment of year 1 is what programs write that know no time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.times import shifted
from tests.casework.worlds import role
from tests.lakes import make_lake
from tests.logs import event, write

FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
# Without a creationDate the beginning of the session is sought in the hours before its first event.
UNDATED = role("worker", "build-7", "ASIAWORK", None)
LOGS = {
    "first": [event(eventTime=FIRST, userIdentity=UNDATED)],
    "last": [event(eventTime=LAST), event(eventTime="9999-12-30T23:59:59Z")],
}


@pytest.fixture(scope="module", params=LOGS)
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    records: list[dict[str, Any]] = LOGS[request.param]
    return str(make_lake(tmp_path_factory.mktemp(request.param) / "lake", records).path), len(records)


def run(*words: str) -> object:
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    return stop.value.code


def test_a_case_is_told_and_packed(lake: tuple[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, events = lake
    assert run("investigate", "worker", "--lake", path, "--pack", str(tmp_path / "case.zip")) == 0
    assert ("1 event from" if events == 1 else f"{events:,} events from") in capsys.readouterr().out
    assert (tmp_path / "case.zip").exists()


@pytest.mark.parametrize("words", [["anomalies"], ["comply", "cis_aws_foundations_5_0"]])
def test_verbs_look_at_them(lake: tuple[str, int], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words, "--lake", lake[0]) == 0


def test_a_window_that_would_begin_before_year_1_is_one_line(
    lake: tuple[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no snapshot (5), or no time before the newest event (2)."""
    assert run("unused", "--lake", lake[0]) in (2, 5)
    assert "Error" not in capsys.readouterr().err


def test_moments_are_shifted_within_the_years_there_are() -> None:
    begin, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    day = timedelta(days=1)
    assert (shifted(begin, -day), shifted(end, day)) == (begin, end)
    assert shifted(begin + day, -day) == begin


@pytest.mark.parametrize("verb", ["detect", "anomalies"])
def test_a_window_without_any_event_is_no_answer(
    verb: str, lake: tuple[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """The design's exit codes: 5 is no data, or a gap in a window given by --from or --to."""
    assert run(verb, "--from", "2020-01-01", "--to", "2020-01-03", "--lake", lake[0]) == 5
    assert "no data: no account's log has an event on any day of the window" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text"), [("--to", "9999-12-31T23:59:59.999999"), ("--from", "0001-01-01T00:00:00+14:00")]
)
def test_the_last_moments_can_be_asked_for(
    option: str, text: str, lake: tuple[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """The second lies in the year before the first in UTC, where no time can be told."""
    assert run("investigate", "worker", option, text, "--lake", lake[0]) == {"--to": 0, "--from": 2}[option]
    assert "OverflowError" not in capsys.readouterr().err


def test_detection_goes_on_after_an_event_of_year_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is new is examined with some days before it, and here there are none."""
    lake = str(make_lake(tmp_path / "lake", [event()]).path)
    assert run("detect", "--lake", lake) == 0
    source = write(tmp_path / "more.json", [event(eventTime=FIRST, eventName="StopLogging", readOnly=False)])
    assert run("ingest", str(source), "--lake", lake) == 0
    assert run("detect", "--lake", lake) == 0
    assert "OverflowError" not in capsys.readouterr().err


def test_what_goes_wrong_with_the_index_is_no_fault_of_an_ingest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_lake: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.casework.sightings.refresh", fail)
    source = write(tmp_path / "log.json", [event()])
    assert run("ingest", str(source), "--lake", str(tmp_path / "lake")) == 0
    assert "1 new events" in capsys.readouterr().out
