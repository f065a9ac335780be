"""`trailsift demo`: the sample logs end to end, twice the same, and never into somebody's own lake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.cli import demo
from pipeline.ingest import ingest
from tests.logs import event, write

SECTIONS = ("Logs and IAM snapshot", "Overview", "Unused access", "Anomalies", "Compliance", "Next")


def code_of(*words: str, verb: str = "demo") -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main([verb, *words])
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_reports_and_repeats(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRAILSIFT_LAKE", str(here / "mine"))
    assert code_of() == 0
    assert [each.name for each in here.iterdir()] == [demo.FOLDER], "the lake that settings name is left alone"
    first = capsys.readouterr().out
    assert re.findall("|".join(f"^{each}" for each in SECTIONS), first, re.M) == list(SECTIONS)
    assert code_of("--lake", demo.FOLDER) == 0
    second = capsys.readouterr().out
    assert re.search(r"^0 new events", second, re.M)
    assert first[first.index("Overview") :] == second[second.index("Overview") :]
    named = re.findall(rf"^trailsift (\w+) .*--lake {demo.FOLDER}", second, re.M)
    assert len(named) >= 4
    for verb in named:
        assert code_of("--help", verb=verb) == 0


def test_a_lake_with_other_logs_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ingest(here / "mine", [str(write(here / "logs.json", [event()]))])
    assert code_of("--lake", "mine") == 2
    assert "holds other logs" in capsys.readouterr().err


def test_missing_samples_are_one_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "__file__", str(here / "site-packages" / "pipeline" / "cli" / "demo.py"))
    assert code_of() == 1
    assert "the sample logs are not installed" in capsys.readouterr().err
