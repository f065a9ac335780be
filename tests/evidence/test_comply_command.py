"""The command `comply`: formats, periods, exit codes, and log fields that mean harm."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.cli import main
from tests.evidence.made import SINCE, event, heartbeat, sign_in
from tests.lakes import make_lake

CIS = "cis_aws_foundations_5_0"
WEEK = ["--from", "2026-03-01", "--to", "2026-03-07T09:00:00Z"]
EVIL = "\x1b[31m[bold]evil[/bold]\u202e"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("comply") / "lake"
    make_lake(path, [*heartbeat(), sign_in("No"), event("ListBuckets", "s3", awsRegion=EVIL)])
    return path


def run(*words: str) -> int:
    try:
        main(list(words))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_json_has_the_keys_of_the_design(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--lake", str(lake), "comply", CIS, "-o", "json") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert len(found) == 63
    keys = {"framework", "requirement", "title", "verdict", "reason", "controls", "rows", "rows_total"}
    assert all(keys <= set(each) for each in found)
    [sign_ins] = [each for each in found if each["requirement"] == "4.2"]
    assert sign_ins["controls"][0].items() >= {"id": "CT-02", "verdict": "fail"}.items()
    assert "window 2026-03-01T09:00:00Z to 2026-03-07T09:00:00Z; as of 2026-03-07T09:00:00Z" in err


def test_ndjson_is_a_line_a_requirement(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--lake", str(lake), "comply", CIS, "-o", "ndjson", "--rows", "0") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 63
    assert all(json.loads(line)["rows"] == [] for line in lines)


def test_csv_and_parquet_hold_nested_values_as_json(lake: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("--lake", str(lake), "comply", CIS, "-o", "csv") == 0
    found = list(csv.DictReader(io.StringIO(capfdbinary.readouterr().out.decode())))
    assert len(found) == 63
    [sign_ins] = [each for each in found if each["requirement"] == "4.2"]
    assert json.loads(sign_ins["controls"])[0]["id"] == "CT-02"
    assert run("--lake", str(lake), "comply", CIS, "-o", "parquet") == 0
    table = pq.read_table(io.BytesIO(capfdbinary.readouterr().out))
    assert table.num_rows == 63


def test_the_table_says_each_verdict_in_a_word(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--lake", str(lake), "comply", CIS) == 0
    out = capsys.readouterr().out
    for text in ("✔ pass", "✘ fail", "? no evidence", "✎ manual", "– not covered", "4 Monitoring", "metric filter"):
        assert text in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[bold]evil[/bold]" in out


def test_alone_it_lists_the_frameworks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--lake", str(tmp_path / "none"), "comply", "-o", "json") == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert listed["framework"] == CIS
    assert (listed["requirements"], listed["evaluated"]) == (63, 30)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([*WEEK], 0, ""),
        (["--from", "2026-02-01"], 5, "the log does not cover the period"),
        (["--from", "2020-01-01", "--to", "2020-02-01"], 5, "delivered no management event in the period"),
        (["--from", "2026-03-07", "--to", "2026-03-01"], 2, "give --from before --to"),
        (["--from", "yesterday"], 2, "is no time"),
        (["-o", "xml"], 2, "is no output format"),
    ],
)
def test_exit_codes(words: list[str], code: int, told: str, lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--lake", str(lake), "comply", CIS, *words) == code
    assert told in capsys.readouterr().err


def test_a_gap_in_a_period_nobody_asked_for_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = make_lake(tmp_path / "lake", heartbeat(days=2) + heartbeat(since=SINCE + timedelta(days=5), days=2))
    assert run("--lake", str(lake.path), "comply", CIS, "-o", "json") == 0
    out, err = capsys.readouterr()
    assert "delivered nothing on 2026-03-03, 2026-03-04, 2026-03-05" in err
    assert {each["verdict"] for each in json.loads(out) if each["requirement"].startswith("4.")} == {
        "no_evidence",
        "not_covered",
    }


def test_a_lake_without_anything_is_exit_code_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = make_lake(tmp_path / "lake", [])
    assert run("--lake", str(lake.path), "comply", CIS, "-o", "json") == 5
    assert "pass" not in {each["verdict"] for each in json.loads(capsys.readouterr().out)}
    assert run("--lake", str(tmp_path / "none"), "comply", CIS) == 5


def test_an_unknown_framework_is_named(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--lake", str(lake), "comply", "cis") == 2
    assert "there is no such framework" in capsys.readouterr().err


def test_as_of_moves_the_period(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--lake", str(lake), "comply", CIS, "--as-of", "2026-03-02T12:00:00Z", "-o", "json") == 0
    found = {each["requirement"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["4.2"]["verdict"] == "pass"
    assert found["4.2"]["window_end"] == "2026-03-02T12:00:00Z"


@pytest.mark.real_logs
def test_real_logs_are_counted_as_a_reader_of_the_files_counts_them(
    real_logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = real_logs / "invictus"
    records = [record for path in sorted(folder.rglob("*.json")) for record in json.loads(path.read_text())["Records"]]
    lake = make_lake(tmp_path / "lake", records)
    assert run("--lake", str(lake.path), "comply", CIS, "-o", "json", "--rows", "100000") == 0
    found = {each["requirement"]: each for each in json.loads(capsys.readouterr().out)}

    def ids(number: str) -> set[str]:
        return {each for row in found[number]["rows"] for each in row["event_ids"]}

    refused = {
        each["eventID"]
        for each in records
        if (code := each.get("errorCode", ""))
        and (code.endswith("UnauthorizedOperation") or code.startswith("AccessDenied"))
        if each["eventName"] != "HeadBucket" and each["sourceIPAddress"] != "delivery.logs.amazonaws.com"
    }
    trails = {"CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging"}
    literal = {event for row in found["4.5"]["rows"] if row["in_benchmark"] for event in row["event_ids"]}
    assert ids("4.1") == refused
    assert literal == {each["eventID"] for each in records if each["eventName"] in trails}
    assert found["4.2"]["verdict"] == "fail"
    assert found["4.3"]["verdict"] == "pass"
    assert found["1.3"]["verdict"] == "no_evidence"
