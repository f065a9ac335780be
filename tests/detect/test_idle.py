"""A run that finds nothing new reads no rule; and whatever may be new is asked all the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli import main
from pipeline.config import Settings
from pipeline.detect.sigma import correlations
from pipeline.ingest import ingest
from pipeline.lake.decided import rows
from pipeline.lake.tables import Lake
from tests.detect.sigma import rule
from tests.logs import event, write

Run = Callable[..., tuple[int, list[Any], str, bool]]
IDLE = "nothing to examine"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs detect in a folder of its own: exit code, findings, stderr, and whether the rules were read."""
    read: list[object] = []
    whole = correlations.load

    def load(*given: Any) -> correlations.RuleSet:
        read.append(given)
        return whole(*given)

    monkeypatch.setattr(correlations, "load", load)
    monkeypatch.chdir(tmp_path)

    def ran(*words: str) -> tuple[int, list[Any], str, bool]:
        read.clear()
        with pytest.raises(SystemExit) as stop:
            main(["detect", "--rules", "mine", "--lake", str(tmp_path / "lake"), "-o", "json", *words])
        said = capsys.readouterr()
        return int(stop.value.code or 0), json.loads(said.out), said.err, bool(read)

    (tmp_path / "mine").mkdir()
    put(tmp_path, "one", {"s": {"eventName": "StopLogging"}})
    arrive(tmp_path, "10:00:00")
    return ran


def put(folder: Path, name: str, detection: dict[str, Any], comment: str = "", place: str = "mine") -> None:
    (folder / place).mkdir(exist_ok=True)
    text = yaml.safe_dump(rule(detection, title=name, id="5b1ac9d5-3f1f-4d6c-9c53-2a7f0a1f7c11"))
    (folder / place / f"{name}.yml").write_text(comment + text)


def arrive(folder: Path, at: str) -> None:
    record = event(eventName="StopLogging", eventTime=f"2026-10-01T{at}Z", eventID=at)
    ingest(folder / "lake", [str(write(folder / f"{at[:2]}.json", [record]))], Settings(jobs=1))


def test_nothing_new_is_found_out_without_the_rules(tmp_path: Path, run: Run) -> None:
    code, found, err, read = run("--fail-on", "high")
    assert (code, len(found), read) == (3, 1, True) and "examined 1 batch of events" in err
    code, found, err, read = run("--fail-on", "high")
    assert (code, found, read) == (3, [], False), "what is open is told by the exit code all the same"
    assert IDLE in err and "0 muted, 0 resolved" in err
    assert [each["title"] for each in run("--all")[1]] == ["one"]
    kept = rows(Lake.open(tmp_path / "lake"), "examined").num_rows
    run()
    assert rows(Lake.open(tmp_path / "lake"), "examined").num_rows == kept, "an idle run stores nothing"


def test_what_comes_is_examined(tmp_path: Path, run: Run) -> None:
    run()
    arrive(tmp_path, "15:00:00")
    _, found, err, read = run()
    assert read and "examined 1 batch of events" in err
    assert [each["event_ids"] for each in found] == [["15:00:00"]]
    assert run()[3] is False


def test_all_is_examined_again_where_asked_for(run: Run) -> None:
    run()
    assert run("--again")[3] is True


def test_a_rule_that_changed_is_asked(tmp_path: Path, run: Run) -> None:
    run()
    put(tmp_path, "one", {"s": {"eventName": ["StopLogging", "StartLogging"]}})
    assert "1 rules were asked about the whole log" in run()[2]
    assert run()[3] is False
    put(tmp_path, "one", {"s": {"eventName": "StopLogging"}})
    _, _, err, read = run()
    assert read and IDLE not in err, "what was asked last is not what is asked now"


def test_a_rule_that_is_new_is_asked(tmp_path: Path, run: Run) -> None:
    run()
    (tmp_path / "mine" / "two.yml").write_text(yaml.safe_dump(rule({"s": {"eventSource": "*"}}, title="two")))
    assert [each["title"] for each in run()[1]] == ["two"]
    (tmp_path / "mine" / "two.yml").unlink()
    assert run()[3] is False, "what is left is as it was asked before"


def test_a_comment_changes_nothing_and_costs_one_reading(tmp_path: Path, run: Run) -> None:
    run()
    put(tmp_path, "one", {"s": {"eventName": "StopLogging"}}, comment="# reviewed\n")
    _, found, err, read = run()
    assert (found, read) == ([], True) and IDLE in err
    assert run()[3] is False


def test_another_folder_with_the_same_rule_told_otherwise(tmp_path: Path, run: Run) -> None:
    """The two share Sigma's id: each run of the one makes the other's rule another than was asked last."""
    run()
    put(tmp_path, "one", {"s": {"eventName": "StartLogging"}}, place="yours")
    run("--rules", "yours")
    _, _, err, read = run()
    assert read and IDLE not in err


def test_placeholders_are_part_of_what_is_asked(tmp_path: Path, run: Run) -> None:
    put(tmp_path, "one", {"s": {"eventName|expand": "%watched%"}})
    settings = tmp_path / "trailsift.toml"
    settings.write_text('[placeholders]\nwatched = ["StartLogging"]\n')
    assert run()[1] == []
    assert run()[3] is False
    settings.write_text('[placeholders]\nwatched = ["StopLogging"]\n')
    assert [each["title"] for each in run()[1]] == ["one"]


def test_what_is_refused_is_told_each_time(tmp_path: Path, run: Run) -> None:
    (tmp_path / "mine" / "broken.yml").write_text("title: [")
    for _ in range(2):
        _, _, err, read = run()
        assert read and "refused: mine/broken.yml:2" in err


def test_a_lake_that_was_examined_under_no_name_is_named_once(tmp_path: Path, run: Run) -> None:
    """As `detect --follow` and `ingest --detect` leave it: they read the rules once and look many times."""
    from pipeline.detect.watch import Watch

    assert Watch(Lake.open(tmp_path / "lake"), tmp_path / "mine", Settings()).look() is not None
    _, found, err, read = run()
    assert (found, read) == ([], True) and IDLE in err
    assert run()[3] is False
