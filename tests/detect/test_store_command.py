"""The life of findings by the way users take: detect, acknowledge, mute, grow, open again, resolve, and its history."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli import main
from pipeline.config import Settings
from pipeline.detect import store
from pipeline.ingest import ingest
from tests.detect.sigma import rule
from tests.logs import event, write

DAY = "2026-10-01"
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The instant at which everything happens; a test moves it on."""
    moment = [datetime(2026, 11, 1, 12, tzinfo=UTC)]
    for place in ("pipeline.detect.store.now", "pipeline.detect.store.verbs.now", "pipeline.detect.unseen.now"):
        monkeypatch.setattr(place, lambda: moment[0])
    return moment


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a verb on the test's lake: exit code, the JSON on stdout (None where there is none), and stderr."""

    def ran(*words: str) -> tuple[int, Any, str]:
        with pytest.raises(SystemExit) as stop:
            main([*words, "--lake", str(tmp_path / "lake"), *(["--rules", rules] if words[0] == "detect" else [])])
        said = capsys.readouterr()
        return int(stop.value.code or 0), json.loads(said.out) if said.out.startswith("[") else said.out, said.err

    folder = tmp_path / "mine"
    folder.mkdir()
    for name, call in (("one", "StopLogging"), ("two", "DeleteTrail")):
        (folder / f"{name}.yml").write_text(yaml.safe_dump(rule({"s": {"eventName": call}}, title=name)))
    rules = str(folder)
    return ran


def arrive(tmp_path: Path, *calls: tuple[str, str]) -> None:
    """Brings calls (name, time of the day) into the lake, in a batch of their own."""
    records = [event(eventName=name, eventTime=f"{DAY}T{at}Z", eventID=f"{name}-{at}") for name, at in calls]
    path = write(tmp_path / f"{'-'.join(f'{name}{at}' for name, at in calls).replace(':', '')}.json", records)
    ingest(tmp_path / "lake", [str(path)], Settings(jobs=1))


def by_title(findings: list[dict[str, Any]]) -> dict[str, tuple[str, int]]:
    return {each["title"]: (each["status"], each["count"]) for each in findings}


def test_the_whole_life_of_a_finding(tmp_path: Path, run: Run, clock: list[datetime]) -> None:
    arrive(tmp_path, ("StopLogging", "10:00:00"), ("DeleteTrail", "10:00:00"))
    code, found, err = run("detect", "-o", "json", "--fail-on", "high")
    assert code == 3 and by_title(found) == {"one": ("open", 1), "two": ("open", 1)}
    assert "2 new findings, 0 grown" in err and "2 rules asked, 0 refused" in err
    one, two = sorted(found, key=lambda each: each["title"])

    code, found, err = run("detect", "-o", "json", "--fail-on", "high")
    assert (code, found) == (3, []), "nothing is new, and something is open"
    assert "nothing to examine" in err

    assert run("findings", "ack", one["id"][:8], two["id"], "--by", "ann", "--reason", "looking")[0] == 0
    assert by_title(run("findings", "-o", "json")[1]) == {"one": ("acknowledged", 1), "two": ("acknowledged", 1)}
    assert run("detect", "-o", "json", "--fail-on", "low")[0] == 0, "acknowledged is not open"

    words = ["--owner", "ops", "--reason", "planned", "--until", "2026-11-03"]
    assert run("findings", "mute", one["id"], *words, "--by", "ann")[0] == 0
    _, found, err = run("findings", "-o", "json")
    assert by_title(found) == {"two": ("acknowledged", 1)} and "1 muted, 0 resolved" in err
    (muted,) = run("findings", "--status", "muted", "-o", "json")[1]
    assert (muted["muted_until"], muted["owner"]) == ("2026-11-04T00:00:00Z", "ops"), "the day it names is its last"

    arrive(tmp_path, ("StopLogging", "10:30:00"))
    code, found, err = run("detect", "-o", "json", "--fail-on", "low")
    assert (code, found) == (0, []), "what grew is muted"
    assert "0 new findings, 1 grown, 1 of these muted" in err and "1 muted" in err

    clock[0] += timedelta(days=2, hours=11, minutes=59)
    assert by_title(run("findings", "-o", "json")[1]) == {"two": ("acknowledged", 1)}
    clock[0] += timedelta(minutes=1)
    assert by_title(run("findings", "-o", "json")[1]) == {"one": ("open", 2), "two": ("acknowledged", 1)}
    assert run("detect", "-o", "json", "--fail-on", "high")[0] == 3

    assert run("findings", "resolve", one["id"])[0] == 2, "a resolution needs a reason"
    assert run("findings", "resolve", one["id"], "--reason", "rotated", "--by", "bob")[0] == 0
    _, found, err = run("findings", "-o", "json")
    assert by_title(found) == {"two": ("acknowledged", 1)} and "0 muted, 1 resolved" in err

    arrive(tmp_path, ("StopLogging", "10:45:00"))
    assert by_title(run("detect", "-o", "json")[1]) == {"one": ("open", 3)}

    _, changes, _ = run("findings", "history", one["id"], "-o", "json")
    told = [(each["change"], each["status"], each["actor"], each["reason"]) for each in changes]
    assert told == [
        ("found", "open", "trailsift", ""),
        ("acknowledged", "acknowledged", "ann", "looking"),
        ("muted", "muted", "ann", "planned"),
        ("grew", "muted", "trailsift", ""),
        ("reopened", "open", "trailsift", "the mute ended on 2026-11-04T00:00:00Z"),
        ("resolved", "resolved", "bob", "rotated"),
        ("grew", "resolved", "trailsift", ""),
        ("reopened", "open", "trailsift", "it grew"),
    ]
    (shown,) = run("findings", "show", one["id"][:6], "-o", "json")[1]
    assert shown["event_ids"] == ["StopLogging-10:00:00", "StopLogging-10:30:00", "StopLogging-10:45:00"]
    assert [each["change"] for each in shown["history"]] == [change for change, *_ in told]
    code, text, _ = run("findings", "show", one["id"])
    assert code == 0 and "HIGH  one" in text and "StopLogging-10:45:00" in text


def test_a_mute_of_a_scope_catches_what_comes_later_until_it_is_ended(
    tmp_path: Path, run: Run, clock: list[datetime]
) -> None:
    arrive(tmp_path, ("StopLogging", "10:00:00"))
    run("detect", "-q")
    words = ["--owner", "ops", "--reason", "test account", "--until", "30d"]
    assert run("findings", "mute", "--principal", "*:role/app/*", "--account", "1111*", *words)[0] == 0
    arrive(tmp_path, ("DeleteTrail", "15:00:00"))
    code, found, err = run("detect", "-o", "json", "--fail-on", "low")
    assert (code, found) == (0, []) and "1 new findings" in err and "2 muted" in err
    (mute,) = run("findings", "mutes", "-o", "json")[1]
    assert (mute["state"], mute["findings"], mute["until"]) == ("in force", 2, "2026-12-01T12:00:00Z")
    _, _, err = run("findings", "unmute", mute["finding_id"] or run("findings", "--all", "-o", "json")[1][0]["id"])
    assert mute["mute_id"] in err, "one finding of a scope cannot be unmuted; the scope is named"
    assert run("findings", "unmute", mute["mute_id"])[0] == 0
    assert by_title(run("findings", "-o", "json")[1]) == {"one": ("open", 1), "two": ("open", 1)}
    assert [each["state"] for each in run("findings", "mutes", "-o", "json")[1]] == ["lifted"]


def test_a_finding_that_takes_the_place_of_a_muted_one_is_muted(
    tmp_path: Path, run: Run, clock: list[datetime]
) -> None:
    arrive(tmp_path, ("StopLogging", "10:00:00"))
    (old,) = run("detect", "-o", "json")[1]
    run("findings", "mute", old["id"], "--owner", "ops", "--reason", "planned", "--until", "2026-11-03")
    arrive(tmp_path, ("StopLogging", "09:30:00"))
    code, found, err = run("detect", "-o", "json", "--fail-on", "low")
    assert (code, found) == (0, []) and "1 muted, 1 resolved" not in err and "1 muted" in err
    (new,) = run("findings", "--status", "muted", "-o", "json")[1]
    assert new["id"] != old["id"] and new["count"] == 2
    code, _, err = run("findings", "ack", old["id"])
    assert code == 2 and f"is part of {new['id']} now" in err
    assert run("findings", "unmute", new["id"])[0] == 0
    assert by_title(run("findings", "-o", "json")[1]) == {"one": ("open", 2)}


# What is asked for, ID standing for the one finding there is, and what is said about it.
WRONG: list[tuple[list[str], str]] = [
    (["ack", "ffff"], "is no finding's id"),
    (["ack", "ff"], "is no finding's id"),
    (["reopen", "ID"], "is open"),
    (["resolve", "ID", "--reason", " "], "--reason: is missing"),
    (["mute", "ID", "--reason", "r", "--until", "2027-01-01"], "--owner: is missing"),
    (["mute", "ID", "--owner", "o", "--until", "2027-01-01"], "--reason: is missing"),
    (["mute", "ID", "--owner", "o", "--reason", "r"], "--until: is missing"),
    (["mute", "ID", "--owner", "o", "--reason", "r", "--until", "2026-10-31"], "has passed"),
    (["mute", "ID", "--owner", "o", "--reason", "r", "--until", "soon"], "is no time"),
    (["mute", "--rule", "*", "--owner", "o", "--reason", "r", "--until", "1d"], "cover everything"),
    (["mute", "--owner", "o", "--reason", "r", "--until", "1d"], "cover everything"),
    (["mute", "ID", "--rule", "x", "--owner", "o", "--reason", "r", "--until", "1d"], "findings and patterns"),
    (["unmute", "ID"], "is not muted"),
    (["ack", "ID", "--reason", "x" * 2001], "is longer than"),
    (["--status", "closed"], "is no status"),
    (["show", "nothing"], "is no finding's id"),
]


def test_a_wrong_request_is_one_line_and_changes_nothing(tmp_path: Path, run: Run, clock: list[datetime]) -> None:
    arrive(tmp_path, ("StopLogging", "10:00:00"))
    (finding,) = run("detect", "-o", "json")[1]
    for words, said in WRONG:
        code, out, err = run("findings", *(finding["id"] if each == "ID" else each for each in words))
        assert (code, out) == (2, "") and len(err.splitlines()) == 1 and said in err, words
    assert [each["change"] for each in run("findings", "history", "-o", "json")[1]] == ["found"]


def test_a_window_stores_nothing_and_tells_the_status_of_what_is_stored(
    tmp_path: Path, run: Run, clock: list[datetime]
) -> None:
    arrive(tmp_path, ("StopLogging", "10:00:00"), ("StopLogging", "15:00:00"))
    code, found, err = run("detect", "-o", "json", "--to", f"{DAY}T12:00:00Z", "--fail-on", "low")
    assert code == 3 and by_title(found) == {"one": ("open", 1)} and "nothing is stored" in err
    assert run("findings", "-o", "json")[1] == []
    first, _ = run("detect", "-o", "json")[1]
    run("findings", "mute", first["id"], "--owner", "o", "--reason", "r", "--until", "1d")
    code, found, err = run("detect", "-o", "json", "--to", f"{DAY}T12:00:00Z", "--fail-on", "low")
    assert code == 0 and by_title(found) == {"one": ("muted", 1)} and "1 of these findings are muted" in err
    assert run("detect", "--from", "-1d", "--again")[0] == 2


def test_whoever_makes_a_change_is_the_user_if_nobody_is_named(
    tmp_path: Path, run: Run, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    """getpass.getuser reads LOGNAME first (Python's documentation of getpass)."""
    monkeypatch.setenv("LOGNAME", "carol")
    arrive(tmp_path, ("StopLogging", "10:00:00"))
    (finding,) = run("detect", "-o", "json")[1]
    run("findings", "ack", finding["id"])
    assert store.states(store_lake(tmp_path))[0][finding["id"]].history[-1]["actor"] == "carol"


def store_lake(tmp_path: Path) -> Any:
    from pipeline.lake.tables import Lake

    return Lake.open(tmp_path / "lake")


def test_what_is_stored_goes_to_the_sinks_once_and_what_is_muted_does_not(
    tmp_path: Path, run: Run, clock: list[datetime]
) -> None:
    told = tmp_path / "told.ndjson"
    settings = tmp_path / "trailsift.toml"
    settings.write_text(f'[[sinks]]\nkind = "file"\nname = "siem"\npath = "{told}"\n')
    arrive(tmp_path, ("StopLogging", "10:00:00"))
    run("findings", "mute", "--rule", "mine/two", "--owner", "o", "--reason", "r", "--until", "1d")
    run("detect", "--config", str(settings))
    arrive(tmp_path, ("DeleteTrail", "10:00:00"))
    run("detect", "--config", str(settings))
    assert [json.loads(each)["title"] for each in told.read_text().splitlines()] == ["one"]
    assert run("detect", "--to", f"{DAY}T10:00:00Z", "--config", str(settings))[0] == 0
    assert len(told.read_text().splitlines()) == 1
