"""Delivery: everything that is news at least once, nothing else, and one sink's trouble is not another's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Settings, SinkSettings
from pipeline.detect.sinks import deliver, deliver_current
from pipeline.detect.sinks.slack import slack
from pipeline.detect.store import record
from pipeline.detect.store.verbs import mark
from pipeline.lake.deliveries import last_deliveries
from pipeline.lake.failpoints import DELIVERY
from pipeline.lake.tables import Lake
from tests.detect.sinks.receiver import Receiver, Reply
from tests.export.found import ROLE, finding

ROOT = Path(__file__).resolve().parents[3]


def settings(path: Path, name: str = "log", **more: Any) -> Settings:
    return Settings(sinks=(SinkSettings("file", name, path=str(path / f"{name}.ndjson"), **more),))


def told(path: Path, name: str = "log") -> list[tuple[str, str]]:
    """(finding, change) of each line."""
    file = path / f"{name}.ndjson"
    lines = [json.loads(each) for each in file.read_text().splitlines()] if file.exists() else []
    return [(each["id"], each["change"]) for each in lines]


def run(lake: Lake, given: Settings, *findings: dict[str, Any]) -> list[str]:
    """What was said."""
    said: list[str] = []
    deliver(lake, given, findings, said.append)
    return said


def test_each_finding_is_told_once_the_gravest_first(lake: Lake, tmp_path: Path) -> None:
    low, high = finding(id="a", severity="low"), finding(id="b")
    assert run(lake, settings(tmp_path), low, high) == []
    assert run(lake, settings(tmp_path), low, high, finding(id="c", status="acknowledged")) == []
    assert told(tmp_path) == [("b", "found"), ("a", "found"), ("c", "found")]


def test_what_somebody_took_is_no_news(lake: Lake, tmp_path: Path) -> None:
    run(lake, settings(tmp_path), finding(id="a"))
    run(lake, settings(tmp_path), finding(id="a", status="acknowledged", note="on it", owner="anna"))
    assert told(tmp_path) == [("a", "found")]


@pytest.mark.parametrize("status", ["muted", "resolved"])
def test_what_is_muted_or_resolved_is_not_told(lake: Lake, tmp_path: Path, status: str) -> None:
    run(lake, settings(tmp_path), finding(id="a", status=status))
    assert told(tmp_path) == []
    run(lake, settings(tmp_path), finding(id="a"))
    assert told(tmp_path) == [("a", "found")]


@pytest.mark.parametrize("status", ["muted", "resolved"])
def test_what_is_open_again_is_told_again(lake: Lake, tmp_path: Path, status: str) -> None:
    for each in ("open", status, status, "open", "open"):
        run(lake, settings(tmp_path), finding(id="a", status=each))
    assert told(tmp_path) == [("a", "found"), ("a", "reopened")]


def test_what_grew_is_told_when_the_time_has_come(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        shift = timedelta()

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + cls.shift

    monkeypatch.setattr("pipeline.detect.sinks.datetime", Clock)
    run(lake, settings(tmp_path), finding(id="a"))
    grown = finding(id="a", count=3, last_seen=datetime(2026, 11, 1, 12, tzinfo=UTC))
    run(lake, settings(tmp_path), grown)
    assert told(tmp_path) == [("a", "found")]
    Clock.shift = timedelta(minutes=59)
    run(lake, settings(tmp_path), grown)
    assert told(tmp_path) == [("a", "found")]
    Clock.shift = timedelta(minutes=61)
    run(lake, settings(tmp_path), grown)
    run(lake, settings(tmp_path), grown)
    assert told(tmp_path) == [("a", "found"), ("a", "grew")]
    Clock.shift = timedelta(minutes=72)
    run(lake, settings(tmp_path, repeat="10m"), grown | {"count": 4})
    assert told(tmp_path)[2:] == [("a", "grew")]


def test_a_sink_takes_what_its_settings_let_through(lake: Lake, tmp_path: Path) -> None:
    found = [
        finding(id="a", severity="critical", account="444455556666"),
        finding(id="b", severity="high", rule="anomalies/root_use"),
        finding(id="c", severity="medium", rule="anomalies/root_use"),
        finding(id="d", severity="critical", account=None),
    ]
    run(lake, settings(tmp_path, "grave", least="high"), *found)
    run(lake, settings(tmp_path, "odd", rules=("anomalies/*", "nothing")), *found)
    run(lake, settings(tmp_path, "mine", accounts=("1111*",)), *found)
    assert [each for each, _ in told(tmp_path, "grave")] == ["a", "d", "b"]
    assert [each for each, _ in told(tmp_path, "odd")] == ["b", "c"]
    assert [each for each, _ in told(tmp_path, "mine")] == ["b", "c"]


def test_one_that_fails_stops_no_other_and_is_tried_again(lake: Lake, tmp_path: Path, receiver: Receiver) -> None:
    chat = SinkSettings("webhook", "chat", url=receiver.url, shape="json")
    wrong = SinkSettings("webhook", "wrong", url="http://example.com/x")
    given = Settings(sinks=(wrong, chat, *settings(tmp_path).sinks))
    receiver.always = Reply(403, text="no")
    said = run(lake, given, finding(id="a"), finding(id="b"))
    assert said == [
        "sink wrong: its url would carry findings in the clear; write https:// (http:// only for this machine);"
        " nothing is sent to it",
        f"sink chat (http://127.0.0.1:{receiver.port}/…): refused it (HTTP 403: no); check the URL;"
        " left for the next run: 2",
    ]
    assert len(receiver.asked) == 1  # who refuses us is not asked again for the next finding
    assert told(tmp_path) == [("a", "found"), ("b", "found")]
    receiver.always = None
    run(lake, given, finding(id="a"), finding(id="b"))
    assert [each["id"] for each in receiver.bodies] == ["a", "b"]
    assert len(told(tmp_path)) == 2


def test_one_finding_that_is_not_taken_keeps_no_other_back(lake: Lake, receiver: Receiver) -> None:
    given = Settings(sinks=(SinkSettings("webhook", "chat", url=receiver.url, shape="json"),))
    receiver.replies = [Reply(), Reply(400), Reply(), Reply()]
    said = run(lake, given, *(finding(id=each) for each in "abcd"))
    assert [each["id"] for each in receiver.bodies] == ["a", "c", "d"]
    assert len(said) == 1 and said[0].endswith("left for the next run: 1")
    run(lake, given, *(finding(id=each) for each in "abcd"))
    assert [each["id"] for each in receiver.bodies] == ["a", "c", "d", "b"]


def test_a_sink_that_refuses_everything_is_not_asked_for_ever(lake: Lake, receiver: Receiver) -> None:
    given = Settings(sinks=(SinkSettings("webhook", "chat", url=receiver.url),))
    receiver.always = Reply(400)
    (said,) = run(lake, given, *(finding(id=each) for each in "abcdefgh"))
    assert len(receiver.asked) == 3
    assert said.endswith("left for the next run: 8")


@pytest.mark.parametrize("count", [1, 120])
def test_a_kill_after_sending_repeats_and_loses_nothing(lake: Lake, tmp_path: Path, count: int) -> None:
    code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from pipeline.lake.tables import Lake
from tests.detect.sinks.test_deliver import finding, run, settings
path = Path({str(tmp_path)!r})
run(Lake.open({lake.location!r}), settings(path), *(finding(id=f"{{n:03d}}") for n in range({count})))
"""
    environment = os.environ | {"TRAILSIFT_FAILPOINT": DELIVERY[0]}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    first = [each for each, _ in told(tmp_path)]
    assert first == [f"{n:03d}" for n in range(min(count, 100))]  # at most so many are told before that is stored
    assert last_deliveries(lake) == {}
    run(lake, settings(tmp_path), *(finding(id=f"{n:03d}") for n in range(count)))
    second = [each for each, _ in told(tmp_path)][len(first) :]
    assert second == [f"{n:03d}" for n in range(count)]
    run(lake, settings(tmp_path), *(finding(id=f"{n:03d}") for n in range(count)))
    assert len(told(tmp_path)) == len(first) + count


def test_the_store_s_history_tells_what_was_opened_again(lake: Lake, tmp_path: Path) -> None:
    """Resolved and reopened between two runs, which the findings as they are do not show."""
    given = settings(tmp_path)
    record(lake, [finding(id="aaaa1"), finding(id="bbbb2")])
    deliver_current(lake, given, print)
    mark(lake, ["aaaa1"], "resolved", "anna", "done")
    mark(lake, ["aaaa1"], "reopened", "anna", "not yet")
    mark(lake, ["bbbb2"], "acknowledged", "anna", "on it")
    for _ in range(2):
        deliver_current(lake, given, print)
    assert told(tmp_path) == [("aaaa1", "found"), ("bbbb2", "found"), ("aaaa1", "reopened")]
    mark(lake, ["bbbb2"], "resolved", "anna", "done")
    (answer,) = deliver_current(lake, given, print)
    assert (answer.sent, answer.failed, answer.later) == (0, 0, 0)


def test_what_was_told_is_stored_every_few_seconds(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.detect.sinks._SECONDS", 0.0)
    before = len(lake.load("deliveries").snapshots())
    run(lake, settings(tmp_path), *(finding(id=each) for each in "abc"))
    assert len(lake.load("deliveries").snapshots()) - before == 3


def test_without_sinks_the_lake_is_left_alone(lake: Lake) -> None:
    before = lake.load("deliveries").metadata_location
    assert deliver(lake, Settings(), [finding()], print) == []
    assert lake.load("deliveries").metadata_location == before


def test_names_of_the_settings_stand_beside_ids(lake: Lake, tmp_path: Path) -> None:
    """In members of their own where a machine reads it, behind the id where people do; ids stay as they are."""
    names = {"accounts": {"111122223333": "prod & <co>"}, "owners": {"*:role/ci/*": "platform team"}}
    given = replace(settings(tmp_path), names=names)
    run(lake, given, finding(id="a"), finding(id="b", principal_arn=None, account=None))
    lines = [json.loads(each) for each in (tmp_path / "log.ndjson").read_text().splitlines()]
    one, two = sorted(lines, key=lambda each: str(each["id"]))
    assert (one["account"], one["account_name"]) == ("111122223333", "prod & <co>")
    assert (one["principal_arn"], one["principal_owner"]) == (ROLE, "platform team")
    assert not {"account_name", "principal_owner"} & two.keys()
    message = slack(finding() | {"account_name": "prod & <co>"}, "found")
    fields = [each["text"] for each in message["blocks"][1]["fields"]]
    assert "Account: 111122223333 (prod &amp; &lt;co&gt;)" in fields and f"Principal: {ROLE}" in fields
