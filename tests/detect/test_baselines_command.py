"""`trailsift anomalies` over a lake: the habits it keeps, the settings it follows, the forecast."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.lake.tables import Lake
from tests.detect.life import NEW_NET, NOW, USER, Records, at, change, habits
from tests.lakes import make_lake


def leak() -> Records:
    there = [at(NOW, userIdentity=USER, **NEW_NET)]
    return [
        *habits(userIdentity=USER),
        *there,
        *(change(n, userIdentity=USER, **NEW_NET) for n in ("CreateUser", "DeleteUser")),
    ]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_lake(tmp_path_factory.mktemp("leak") / "lake", leak())


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in words])
    return int(left.value.code or 0), *capsys.readouterr()


def test_anomalies_keep_the_habits(capsys: pytest.CaptureFixture[str], lake: Lake) -> None:
    code, out, _ = run(capsys, "anomalies", "--lake", lake.location, "-o", "json", "--fail-on", "medium")
    (found,) = json.loads(out)
    assert (code, found["rule"], found["count"]) == (3, "anomalies/behaviour", 3)
    assert sum(part["points"] for part in found["parts"]) >= found["score"] >= 75
    assert "habits rebuilt for 31 days" in run(capsys, "lake", "rebuild", "habits", "--lake", lake.location)[1]
    (row,) = json.loads(
        run(capsys, "query", "select count(distinct day) as n from habits", "--lake", lake.location, "-o", "json")[1]
    )
    assert row == {"n": 31}


def test_settings_are_followed(capsys: pytest.CaptureFixture[str], lake: Lake, tmp_path: Path) -> None:
    settings = tmp_path / "trailsift.toml"
    settings.write_text(
        '[names.networks]\n"192.0.2.0/24" = {name = "VPN", trusted = true}\n[anomalies]\nthreshold = 60\n'
    )
    words = ("anomalies", "--all", "--lake", lake.location, "--config", settings, "-o", "json")
    (found,) = json.loads(run(capsys, *words)[1])
    assert {part["rule"] for part in found["parts"]} == {"anomalies/first_sensitive_call"}
    settings.write_text('[names.networks]\n"192.0.2.0/24" = 7\n')
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert f"{settings}: names.networks: 192.0.2.0/24 has no name" in err


def test_the_forecast_prints_alerts_and_fails_on_none(capsys: pytest.CaptureFixture[str], lake: Lake) -> None:
    words = ("anomalies", "--lake", lake.location, "--forecast", "-o", "csv", "--fail-on", "low")
    code, out, _ = run(capsys, *words)
    rows = list(csv.DictReader(io.StringIO(out)))
    in_all = {int(each["threshold"]): int(each["alerts"]) for each in rows if each["by"] == "all"}
    assert code == 0
    assert in_all[38] == in_all[75] == 1
    assert in_all[225] == 0
    assert [each["value"] for each in rows if (each["threshold"], each["by"]) == ("75", "principal")] == [USER["arn"]]


def test_a_lake_that_cannot_be_written_is_judged_all_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    lake = make_lake(tmp_path / "lake", leak())
    monkeypatch.setattr("pipeline.lake.habits.replace_days", refuse)
    monkeypatch.setattr("pipeline.detect.unusual.record", refuse)
    for _ in range(2):
        code, out, err = run(capsys, "anomalies", "--lake", lake.location, "-o", "json")
        assert (code, len(json.loads(out))) == (0, 1)
        assert err.count("the habits are worked out but cannot be kept") == 1
        assert err.count("the findings cannot be kept") == 1


def test_findings_are_stored_and_told_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = ("--lake", make_lake(tmp_path / "lake", leak()).location, "-o", "json")
    (found,) = json.loads(run(capsys, "anomalies", *place)[1])
    code, out, err = run(capsys, "anomalies", *place, "--fail-on", "medium")
    # What stands is no news, and still a reason to fail.
    assert (code, json.loads(out)) == (3, []) and "--all prints all 1" in err
    (again,) = json.loads(run(capsys, "anomalies", "--all", *place)[1])
    (stored,) = json.loads(run(capsys, "findings", *place)[1])
    assert found["id"] == again["id"] == stored["id"] and stored["parts"] == found["parts"]
    mute = ("--owner", "ops", "--reason", "known", "--until", "2999-01-01", "--rule", "anomalies/*")
    assert run(capsys, "findings", "mute", *place[:2], *mute)[0] == 0
    code, out, err = run(capsys, "anomalies", "--all", *place, "--fail-on", "medium")
    assert (code, json.loads(out)) == (0, []) and "1 muted" in err


def test_a_window_is_answered_in_full_and_stores_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = ("--lake", make_lake(tmp_path / "lake", leak()).location, "-o", "json")
    for _ in range(2):
        (found,) = json.loads(run(capsys, "anomalies", *place, "--from", "-1d")[1])
        assert found["status"] == "open"
    assert json.loads(run(capsys, "findings", *place)[1]) == []


def test_what_is_unusual_no_more_is_resolved(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = ("--lake", make_lake(tmp_path / "lake", leak()).location, "-o", "json")
    assert len(json.loads(run(capsys, "anomalies", *place)[1])) == 1
    settings = tmp_path / "trailsift.toml"
    settings.write_text("[anomalies]\nthreshold = 100000\n")
    assert "1 that the log shows no more" in run(capsys, "anomalies", *place, "--config", settings)[2]
    (resolved,) = json.loads(run(capsys, "findings", "--status", "resolved", *place)[1])
    assert resolved["rule"] == "anomalies/behaviour"
