"""`query`, `list` and `show` as a user runs them: what goes to stdout, to stderr, and the exit code."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.catalog import Catalog
from pipeline.cli import main
from tests.lakes import make_lake
from tests.logs import ACCOUNT, event

CATALOG = Catalog.load()
Run = Callable[..., tuple[int, str, str]]
HOSTILE = "=cmd|'/c calc'!A1\x1b[31m[red]"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = [
        {"eventID": f"e{n}", "eventTime": f"2026-03-0{n}T10:00:00Z", "eventName": "ListUsers", "awsRegion": "us-east-1"}
        for n in (1, 2, 3)
    ]
    records[0]["userAgent"] = HOSTILE
    return make_lake(tmp_path_factory.mktemp("questions") / "lake", records).path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        code = 0
        try:
            main([str(each) for each in words])
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_an_sql_text_is_answered(run: Run, lake: Path) -> None:
    code, out, err = run("query", "select eventID from events order by 1", "--lake", lake, "-o", "json")
    assert code == 0
    assert json.loads(out) == [{"eventID": "e1"}, {"eventID": "e2"}, {"eventID": "e3"}]
    assert "3 rows" in err


def test_a_view_is_answered(run: Run, lake: Path) -> None:
    code, out, _ = run("query", "views/principals", "--lake", lake, "-o", "ndjson")
    assert code == 0
    assert [json.loads(each)["events"] for each in out.splitlines()] == [3]


def test_every_format_comes_out(run: Run, lake: Path, tmp_path: Path) -> None:
    sql = "select eventID, userAgent from events order by 1"
    rows = list(csv.reader(io.StringIO(run("query", sql, "--lake", lake, "-o", "csv")[1])))
    assert rows[1] == ["e1", f"'{HOSTILE}"]
    table = run("query", sql, "--lake", lake)[1]
    assert "[red]" in table
    assert "\x1b" not in table
    assert run("query", sql, "--lake", lake, "-o", "parquet", "-O", tmp_path / "x.parquet")[0] == 0
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 3


def test_a_file_with_a_header_takes_parameters(run: Run, lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.sql"
    file.write_text(
        '-- /// query\n-- title = "t"\n-- question = "q?"\n-- [params.since]\n-- type = "timestamp"\n'
        '-- default = "-1d"\n-- ///\nselect eventID from events where eventTime >= $since order by 1\n'
    )
    assert len(json.loads(run("query", file, "--lake", lake, "-o", "json")[1])) == 2
    assert len(json.loads(run("query", file, "--lake", lake, "-o", "json", "-p", "since=2026-03-03")[1])) == 1
    code, out, err = run("query", file, "--lake", lake, "-p", "sinse=-2d")
    assert (code, out) == (2, "")
    assert "there is no parameter 'sinse'; it has since" in err


def test_a_file_without_a_header_is_an_sql_text(run: Run, lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.sql"
    file.write_text("select eventID from events where eventID = $id")
    assert json.loads(run("query", file, "--lake", lake, "-o", "json", "-p", "id=e2")[1]) == [{"eventID": "e2"}]
    file.write_text("select\n  nosuch from events")
    code, _, err = run("query", file, "--lake", lake)
    assert code == 1
    assert f"{file}:2:3: Binder Error" in err


def test_own_sql_is_capped_and_says_so(run: Run, lake: Path) -> None:
    code, out, err = run("query", "select eventID from events", "--lake", lake, "-o", "json", "--max-rows", "2")
    assert code == 0
    assert len(json.loads(out)) == 2
    assert "only the first 2 rows" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["query", "views/evnts"], 2, "did you mean views/events"),
        (["query", "select 1; select 2"], 1, "sql:1:11: holds 2 statements"),
        (["query", "drop view events"], 1, "sql:1:1: the statement is DROP"),
        (["query", "nosuch.sql"], 2, "nosuch.sql: cannot be read"),
        (["query", "views/events", "-o", "jsn"], 2, "did you mean json"),
        (["query", "views/events", "-p", "x"], 2, "write -p NAME=VALUE"),
        (["query", "views/events", "-p", "x=1"], 2, "a view has no parameters"),
        (["list", "anomaly"], 2, "there is anomalies"),
        (["show", "views/event"], 2, "did you mean views/events"),
    ],
)
def test_a_mistake_is_one_line(run: Run, lake: Path, words: list[str], code: int, message: str) -> None:
    got, out, err = run(*words, "--lake", lake)
    assert (got, out) == (code, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_no_lake_and_no_events_are_exit_5(run: Run, tmp_path: Path) -> None:
    assert run("query", "views/events", "--lake", tmp_path / "none")[0] == 5
    make_lake(tmp_path / "empty", [])
    code, _, err = run("query", "views/events", "--lake", tmp_path / "empty")
    assert code == 5
    assert "the lake holds no events; run trailsift ingest first" in err
    assert run("query", "select count(*) as n from events", "--lake", tmp_path / "empty")[0] == 0


def test_list_has_every_question(run: Run) -> None:
    code, out, _ = run("list", "-o", "json")
    assert code == 0
    assert {each["id"] for each in json.loads(out)} == set(CATALOG.queries)
    _, out, _ = run("list", "views", "-o", "csv")
    assert {each["id"].split("/")[0] for each in csv.DictReader(io.StringIO(out))} == {"views"}
    assert max(len(line) for line in run("list")[1].splitlines()) <= 120


@pytest.mark.parametrize("identity", ["views/usage", "compliance/unauthorized_api_calls"])
def test_show_tells_a_question(run: Run, identity: str) -> None:
    code, out, _ = run("show", identity)
    found = CATALOG.get(identity)
    assert code == 0
    assert found.title in out
    assert found.body.strip() in out
    facts = json.loads(run("show", identity, "-o", "json")[1])
    assert facts["sql"] == found.body
    assert {each["name"] for each in facts["params"]} == set(found.params)
    assert all(each["type"] for each in facts["columns"])


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one root user who signs in without MFA, and whose fields try to reach out of the report."""
    root = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
    records = [
        event(
            eventID=f"r{n}",
            userIdentity=root,
            eventName="ConsoleLogin",
            eventSource="signin.amazonaws.com",
            eventType="AwsConsoleSignIn",
            responseElements={"ConsoleLogin": "Success"},
            additionalEventData={"MFAUsed": "No", "LoginTo": HOSTILE},
            eventTime=f"2026-03-01T10:0{n}:00Z",
            sourceIPAddress="[red]\x1b[31m",
        )
        for n in range(5)
    ]
    return make_lake(tmp_path_factory.mktemp("troubled") / "lake", records).path


def test_anomalies_are_findings_in_the_designs_format(run: Run, troubled: Path) -> None:
    code, out, err = run("anomalies", "--lake", troubled, "-o", "json")
    assert code == 0
    (found,) = json.loads(out)
    assert found["rule"] == "anomalies/console_sign_in_without_mfa"
    assert found["event_ids"] == ["r0", "r1", "r2", "r3", "r4"]
    keys = "id rule title severity status principal_arn account region first_seen last_seen count event_ids evidence"
    assert {*keys.split(), "controls", "mitre"} <= set(found)
    assert (found["severity"], found["account"], found["count"]) == ("high", ACCOUNT, 5)
    assert (found["first_seen"], found["last_seen"]) == ("2026-03-01T10:00:00Z", "2026-03-01T10:04:00Z")
    assert "as of 2026-03-01T10:04:00Z" in err
    assert "days old" in err
    assert "\x1b" not in run("anomalies", "--all", "--lake", troubled)[1]
    assert json.loads(run("anomalies", "--all", "--lake", troubled, "-o", "ndjson")[1])["id"] == found["id"]


def test_anomalies_keep_to_their_window(run: Run, troubled: Path) -> None:
    words = ("--from", "2026-03-01T10:01:00Z", "--to", "2026-03-01T10:02:00Z")
    (found,) = json.loads(run("anomalies", "--lake", troubled, "-o", "json", *words)[1])
    assert found["event_ids"] == ["r1", "r2"]
    assert json.loads(run("anomalies", "--lake", troubled, "-o", "json", "--to", "2026-02-01")[1]) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--fail-on", "critical"], 0),
        (["--fail-on", "high"], 3),
        (["--fail-on", "informational"], 3),
        (["--fail-on", "urgent"], 2),
        (["--from", "now", "--to", "-1d"], 2),
        (["-o", "xml"], 2),
    ],
)
def test_the_exit_code_of_anomalies(run: Run, troubled: Path, words: list[str], code: int) -> None:
    assert run("anomalies", "--lake", troubled, *words)[0] == code
