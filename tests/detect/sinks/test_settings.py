"""Sinks in trailsift.toml, in doctor and on the command line: named, checked, and without their secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.config import load
from pipeline.detect.sinks.base import kinds
from pipeline.detect.store import record
from pipeline.errors import UsageError
from pipeline.lake.tables import Lake
from tests.detect.sinks.receiver import SECRET, Receiver, Reply
from tests.export.found import finding

URL = f"https://hooks.example.com/{SECRET}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, *tables: str) -> Path:
    path = folder / "trailsift.toml"
    path.write_text("".join(f"[[sinks]]\n{each}\n" for each in tables))
    return path


def code_of(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_the_sinks_are_found() -> None:
    assert sorted(kinds()) == ["file", "sns", "webhook"]


def test_a_table_is_a_sink(here: Path) -> None:
    write(here, f'kind="webhook"\nname="chat"\nurl="{URL}"\nleast="high"\nrules=["anomalies/*"]\nrepeat="1d"')
    (each,) = load(start=here).sinks
    assert (each.kind, each.name, each.url, each.least, each.rules) == (
        "webhook",
        "chat",
        URL,
        "high",
        ("anomalies/*",),
    )
    assert "s3cr3t" not in repr(load(start=here))


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('name="x"', "sinks 1: it has no kind"),
        ('kind="file"', "sinks 1: it has no name"),
        ('kind="file"\nname="x"\nfoo=1', "sinks 1: there is no setting 'foo'"),
        ('kind="file"\nname="x"\nrules="*"', "rules is no list of texts"),
        (
            'kind="file"\nname="x"\npath="y"\n[[sinks]]\nkind="file"\nname="x"\npath="z"',
            "sinks 2: the name 'x' is used twice",
        ),
    ],
)
def test_a_table_that_is_wrong_is_refused(here: Path, table: str, problem: str) -> None:
    write(here, table)
    with pytest.raises(UsageError, match=problem):
        load(start=here)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('kind="webhok"\nname="x"', "sink x: 'webhok' is no kind of sink; did you mean webhook?"),
        ('kind="file"\nname="x"', 'sink x: it has no path; write path = "…"'),
        ('kind="sns"\nname="x"', 'sink x: it has no topic; write topic = "…"'),
        ('kind="file"\nname="x"\npath="y"\nleast="bad"', "sink x: 'bad' is no severity; write one of critical, "),
        ('kind="file"\nname="x"\npath="y"\nrepeat="soon"', "sink x: repeat: 'soon' is no span of time"),
    ],
)
def test_what_a_sink_lacks_is_told_by_list_and_by_test(
    here: Path, capsys: pytest.CaptureFixture[str], table: str, problem: str
) -> None:
    write(here, table)
    assert code_of("sinks", "list", "-o", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["problem"].startswith(problem)
    assert code_of("sinks", "test", "x") == 2
    assert capsys.readouterr().err.startswith(f"trailsift: {problem}")


def test_list_and_doctor_show_no_secret(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here, f'kind="webhook"\nname="chat"\nurl="{URL}"', 'kind="file"\nname="log"\npath="f.ndjson"\nleast="low"')
    assert code_of("sinks", "list", "-o", "json") == 0
    assert [(each["name"], each["place"]) for each in json.loads(capsys.readouterr().out)] == [
        ("chat", "https://hooks.example.com/…"),
        ("log", "f.ndjson"),
    ]
    for words in (["doctor"], ["doctor", "-o", "json"], ["sinks", "list"]):
        assert code_of(*words) == 0
        written = capsys.readouterr().out
        assert "https://hooks.example.com/" in written
        assert "s3cr3t" not in written


def test_test_sends_something_that_is_no_finding(
    here: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here, f'kind="webhook"\nname="chat"\nurl="{receiver.url}"\nshape="json"', 'kind="file"\nname="log"\npath="f"')
    assert code_of("sinks", "test", "chat") == 0
    assert capsys.readouterr().err == f"sent to http://127.0.0.1:{receiver.port}/…\n"
    assert code_of("sinks", "test", "log") == 0
    (body,) = receiver.bodies
    for each in (body, json.loads((here / "f").read_text())):
        assert (each["change"], each["severity"], each["count"]) == ("test", "informational", 0)
    assert not (here / "lake").exists()


def test_slack_takes_the_test_too(here: Path, receiver: Receiver) -> None:
    write(here, f'kind="webhook"\nname="chat"\nurl="{receiver.url}"')
    assert code_of("sinks", "test", "chat") == 0
    assert receiver.bodies[0]["text"].startswith("Test: INFORMATIONAL: Trailsift reaches this place")


def test_an_unknown_sink_is_one_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("sinks", "test", "chat") == 2
    assert "no sink has this name; write a table [[sinks]]" in capsys.readouterr().err
    write(here, 'kind="file"\nname="log"\npath="f"')
    assert code_of("sinks", "test", "chat") == 2
    assert "no sink has this name; there are log" in capsys.readouterr().err


def test_send_tells_how_many_and_fails_where_something_did(
    here: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of("sinks", "send") == 2
    assert "sinks: there are none" in capsys.readouterr().err
    record(Lake.open(here / "lake", create=True), [finding(id="aaaa1"), finding(id="bbbb2", severity="low")])
    write(here, f'kind="webhook"\nname="chat"\nurl="{receiver.url}"\nleast="high"', 'kind="file"\nname="log"\npath="f"')
    receiver.always = Reply(404)
    assert code_of("sinks", "send", "-o", "json") == 1
    captured = capsys.readouterr()
    rows = [(each["sink"], each["sent"], each["failed"], each["later"]) for each in json.loads(captured.out)]
    assert rows == [("chat", 0, 1, 0), ("log", 2, 0, 0)]
    assert [each["problem"] != "" for each in json.loads(captured.out)] == [True, False]
    assert captured.err.startswith("sink chat (http://127.0.0.1:") and captured.err.count("\n") == 1
    receiver.always = None
    assert code_of("sinks", "send", "-o", "json") == 0
    assert [each["sent"] for each in json.loads(capsys.readouterr().out)] == [1, 0]
