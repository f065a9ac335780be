"""`trailsift doctor`: every setting with its origin, the lake as it is, and what is amiss said rather than raised."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline import cli, config, doctor
from pipeline.config import Settings
from pipeline.ingest import ingest
from pipeline.lake.tables import MARKER, Lake
from tests.logs import event, write

WHEN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    records = [event(eventID=f"e{n}", eventTime=f"2026-11-20T0{n}:00:00Z") for n in range(8)]
    records.append(event(eventID="e9", eventTime="2026-11-20T10:00:00Z"))
    ingest(tmp_path / "lake", [str(write(tmp_path / "logs.json", records))])
    return tmp_path / "lake"


def test_every_setting_is_told_with_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / config.FILE).write_text("batch_rows = 1000\n")
    monkeypatch.setenv("TRAILSIFT_JOBS", "3")
    told = doctor.examine(config.load({"lake": str(tmp_path / "x")}, tmp_path))["settings"]
    assert [each["name"] for each in told] == [each.name for each in fields(Settings) if each.name != "origin"]
    by_name = {each["name"]: (each["value"], each["origin"]) for each in told}
    assert by_name["lake"] == (str(tmp_path / "x"), "--lake")
    assert by_name["jobs"] == (3, "TRAILSIFT_JOBS")
    assert by_name["batch_rows"] == (1000, str(tmp_path / config.FILE))
    assert by_name["max_object_bytes"] == (1 << 30, "default")


def test_the_lake_is_told(lake: Path) -> None:
    found = doctor.examine(Settings(lake=str(lake)), now=WHEN + timedelta(hours=3))
    assert found["problems"] == []
    told = found["lake"]
    assert (told["exists"], told["version"], told["path"]) == (True, 1, str(lake))
    assert (told["newest_event"], told["age_hours"]) == ("2026-11-20T10:00:00Z", 3.0)
    tables = {each["table"]: each for each in told["tables"]}
    assert tables["events"]["rows"] == 9
    assert tables["ledger"]["rows"] == 1
    assert tables["events"]["snapshot"] == Lake.open(lake).load("events").current_snapshot().snapshot_id  # type: ignore[union-attr]


def test_an_old_lake_says_so(lake: Path) -> None:
    problems = doctor.examine(Settings(lake=str(lake)), now=WHEN + timedelta(days=3))["problems"]
    assert problems == [f"{lake}: the newest event is 3 days old; ingest newer logs"]


def test_an_empty_lake_says_so(tmp_path: Path) -> None:
    Lake.open(tmp_path / "lake", create=True)
    assert doctor.examine(Settings(lake=str(tmp_path / "lake")))["problems"] == [
        f"{tmp_path / 'lake'}: holds no event; run trailsift ingest"
    ]


def test_what_is_amiss_with_the_lake_is_an_answer(lake: Path) -> None:
    cases = {
        lake / "nowhere": "there is no lake here",
        _with(lake, "marker", MARKER, b"{}"): "cannot be understood",
        _with(lake, "newer", MARKER, b'{"version": 99}'): "has version 99",
        _with(lake, "catalogue", "catalog.db", b"no database"): "cannot be",
    }
    for place, problem in cases.items():
        found = doctor.examine(Settings(lake=str(place)))
        assert found["lake"]["exists"] is (place.name != "nowhere")
        assert len(found["problems"]) == 1, place
        assert problem in found["problems"][0]


def _with(lake: Path, name: str, file: str, content: bytes) -> Path:
    """A lake in which one file is damaged."""
    place = lake.parent / name
    place.mkdir()
    for each in (MARKER, "catalog.db"):
        (place / each).write_bytes((lake / each).read_bytes())
    (place / file).write_bytes(content)
    return place


def test_little_space_is_told(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LITTLE_SPACE", 1 << 62)
    assert "less than 1 GiB free" in doctor.examine(Settings(lake=str(lake)), now=WHEN)["problems"][0]


def test_names_and_databases_that_cannot_be_used_are_told(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = lake.parent / "trailsift.toml"
    settings.write_text('[geo]\nasn = "none.mmdb"\n[names.networks]\n"office" = "203.0.113.0/24"\n')
    with pytest.raises(SystemExit) as stop:
        cli.main(["doctor", "--lake", str(lake), "--config", str(settings)])
    said = capsys.readouterr().out
    assert stop.value.code == 0
    assert f"{settings}: names.networks: 'office' does not appear to be an IPv4 or IPv6 network" in said
    assert "geo_asn" in said.partition("to look at")[2]


def test_names_stand_below_accounts(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account = doctor.examine(Settings(lake=str(lake)), now=WHEN)["lake"]["coverage"][0]["account_id"]
    settings = lake.parent / "trailsift.toml"
    settings.write_text(f'[names.accounts]\n"{account}" = "production"\n')
    with pytest.raises(SystemExit):
        cli.main(["doctor", "--lake", str(lake), "--config", str(settings)])
    lines = capsys.readouterr().out.splitlines()
    (at,) = (place for place, line in enumerate(lines) if line.startswith(f"  {account}"))
    assert lines[at + 1].split("  ")[1] == "(production)"
    assert any(line.startswith("  names ") and "accounts (1)" in line for line in lines)


def test_it_prints_json_and_text(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["-o", "json"], []):
        with pytest.raises(SystemExit) as stop:
            cli.main(["doctor", "--lake", str(lake), *words])
        assert stop.value.code == 0
    output = capsys.readouterr().out
    found, end = json.JSONDecoder().raw_decode(output)
    expected = {"version", "python", "platform", "libraries", "settings", "sinks", "lake", "disk", "problems"}
    assert found.keys() == expected
    assert all(found["libraries"].values())
    text = output[end:]
    for word in (str(lake), "from --lake", "from default", "2026-11-20T10:00:00Z", "9 rows", "to look at"):
        assert word in text
