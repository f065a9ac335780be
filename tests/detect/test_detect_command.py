"""`trailsift detect`, by the way users take: logs in, findings out, refused rules on stderr."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli import main
from tests.detect.sigma import rule
from tests.lakes import make_lake
from tests.logs import ACCOUNT, ROLE, event

NAMES = [
    ("DeleteTrail", "2026-10-01T10:00:00Z"),
    ("StopLogging", "2026-10-01T11:00:00Z"),
    ("A", "2026-10-02T10:00:00Z"),
]
MEMBERS = {
    *("id", "rule", "title", "severity", "status", "principal_arn", "account", "region", "first_seen", "last_seen"),
    *("count", "event_ids", "evidence", "controls", "mitre", "action"),
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two calls against a trail, an hour apart, and one harmless call on the day after."""
    records = [
        event(eventSource="cloudtrail.amazonaws.com", eventName=name, eventTime=moment, eventID=name)
        for name, moment in NAMES
    ]
    path = tmp_path_factory.mktemp("world") / "lake"
    make_lake(path, records)
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["detect", *words])
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, said.err


def folder(path: Path, **files: dict[str, Any] | str) -> str:
    path = path / "mine"
    path.mkdir()
    for name, content in files.items():
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (path / f"{name}.yml").write_text(text)
    return str(path)


def test_our_own_rules_are_asked_and_an_episode_is_a_finding(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--lake", lake, "-o", "json", "--all")
    (finding,) = json.loads(out)
    assert code == 0
    assert set(finding) >= MEMBERS, "the design: more keys are welcome"
    assert finding["rule"] == "detections/trail_stopped"
    assert (finding["severity"], finding["status"], finding["count"]) == ("high", "open", 2)
    assert finding["event_ids"] == ["DeleteTrail", "StopLogging"]
    assert (finding["principal_arn"], finding["account"], finding["region"]) == (ROLE, ACCOUNT, "eu-west-1")
    assert (finding["first_seen"], finding["last_seen"]) == ("2026-10-01T10:00:00Z", "2026-10-01T11:00:00Z")
    assert (finding["controls"], finding["mitre"]) == (["CT-05"], ["T1562.008"])
    assert "refused" in err and "0 refused" in err


def test_the_window_cuts_and_the_id_is_that_of_what_it_begins_with(
    lake: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "--lake", lake, "-o", "json", "--from", "2026-10-01T10:30:00Z")
    (later,) = json.loads(out)
    assert later["event_ids"] == ["StopLogging"]
    _, out, _ = run(capsys, "--lake", lake, "-o", "json", "--all")
    (whole,) = json.loads(out)
    _, out, _ = run(capsys, "--lake", lake, "-o", "json", "--to", "2026-10-01T10:30:00Z")
    (first,) = json.loads(out)
    assert first["id"] == whole["id"] != later["id"]


def test_one_bad_rule_is_told_in_a_line_and_the_others_go_on(
    lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = folder(
        tmp_path,
        good=rule({"s": {"eventName": "StopLogging"}}),
        looks=rule({"s": {"eventName|re": "(?=x)"}}),
        windows=rule({"s": {"eventName": "x"}}, logsource={"product": "windows", "service": "security"}),
        broken="title: [",
    )
    code, out, err = run(capsys, "--lake", lake, "--rules", rules, "-o", "json")
    assert code == 0
    assert [each["rule"] for each in json.loads(out)] == ["mine/good"]
    told = [each for each in err.splitlines() if each.startswith("refused: ")]
    assert [each.split(":")[1].strip() for each in told] == ["mine/broken.yml", "mine/looks.yml", "mine/windows.yml"]
    assert "other logs than CloudTrail's" in told[2]
    assert "1 rules asked, 3 refused" in err


@pytest.mark.parametrize(("level", "code"), [("critical", 0), ("high", 3), ("low", 3)])
def test_fail_on(lake: str, level: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--lake", lake, "--fail-on", level, "-q")[0] == code


@pytest.mark.parametrize("words", [["--fail-on", "grave"], ["--rules", "/nowhere"], ["-o", "xml"]], ids=" ".join)
def test_a_wrong_request_is_one_line(lake: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--lake", lake, *words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_placeholders_come_from_the_settings(lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = folder(tmp_path, one=rule({"s": {"eventName|expand": "%calls%"}}))
    _, out, err = run(capsys, "--lake", lake, "--rules", rules, "-o", "json")
    assert json.loads(out) == []
    assert "%calls% has no values; set calls" in err
    settings = tmp_path / "trailsift.toml"
    settings.write_text('[placeholders]\ncalls = ["stop*", "A"]\n')
    _, out, _ = run(capsys, "--lake", lake, "--rules", rules, "--config", str(settings), "-o", "json")
    assert [each["event_ids"] for each in json.loads(out)] == [["StopLogging"], ["A"]]
    settings.write_text("[placeholders]\ncalls = 5\n")
    code, _, err = run(capsys, "--lake", lake, "--rules", rules, "--config", str(settings))
    assert code == 2 and "calls is no list of texts" in err


def test_log_fields_cannot_drive_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_lake(tmp_path / "lake", [event(eventName="A\x1b[31m", sourceIPAddress="\x1b]0;x\x07")])
    rules = folder(tmp_path, one=rule({"s": {"eventName": "A*"}}, title="T\x85"))
    for output in ("table", "csv", "json", "ndjson"):
        _, out, err = run(capsys, "--lake", str(tmp_path / "lake"), "--rules", rules, "--all", "-o", output)
        assert out.strip() and "\x1b" not in out + err and "\x07" not in out + err


def test_a_level_hides_what_is_less_grave_and_says_so(
    lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = folder(
        tmp_path,
        grave=rule({"s": {"eventName": "StopLogging"}}, level="high"),
        light=rule({"s": {"eventName": "DeleteTrail"}}, level="low"),
    )
    code, out, err = run(capsys, "--lake", lake, "--rules", rules, "--level", "medium", "-o", "json")
    assert code == 0
    assert [each["severity"] for each in json.loads(out)] == ["high"]
    assert "1 findings below medium are not shown" in err
    assert run(capsys, "--lake", lake, "--rules", rules, "--level", "grave")[0] == 2


def test_a_finding_is_shown_in_lines_of_our_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The region of a record is text like any other, and may try to pass for a line of the report."""
    call = {"eventSource": "cloudtrail.amazonaws.com", "eventName": "DeleteTrail", "eventID": "e1"}
    lake = str(make_lake(tmp_path / "lake", [event(awsRegion="x\nstatus     resolved", **call)]).path)
    (finding,) = json.loads(run(capsys, "--lake", lake, "-o", "json")[1])
    with pytest.raises(SystemExit):
        main(["findings", "show", finding["id"], "--lake", lake])
    lines = capsys.readouterr().out.splitlines()
    assert [each for each in lines if each.startswith("status")] == ["status     open"]
    assert "region     x status     resolved" in lines
