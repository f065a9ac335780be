"""`trailsift unused`, by the way users take: logs and a snapshot in, rows out."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.access.unused import COLUMNS
from pipeline.cli import main

ACCOUNT = "123456789012"
CI = f"arn:aws:iam::{ACCOUNT}:role/team/ci"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["ec2:RunInstances", "ec2:StopInstances", "ec2:StartInstances"], "Resource": "*"}
    ],
}


def record(day: int, name: str, read_only: bool, **more: Any) -> dict[str, Any]:
    """A call of the role from a session whose issuer the record names."""
    session = {"type": "Role", "principalId": "AROACI", "arn": CI, "accountId": ACCOUNT, "userName": "ci"}
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/build"
    identity = {"type": "AssumedRole", "principalId": "AROACI:build", "accountId": ACCOUNT, "arn": arn,
                "sessionContext": {"sessionIssuer": session}}  # fmt: skip
    return {
        "eventVersion": "1.11", "userIdentity": identity, "eventTime": f"2026-11-{day:02}T10:00:00Z",
        "eventSource": "ec2.amazonaws.com", "eventName": name, "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1", "userAgent": "x", "requestParameters": None, "responseElements": None,
        "eventID": f"{day}-{name}", "readOnly": read_only, "eventType": "AwsApiCall", "managementEvent": True,
        "recipientAccountId": ACCOUNT, "eventCategory": "Management", **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Ten days of a role that runs instances, tries to stop one, and never starts any."""
    folder = tmp_path_factory.mktemp("world")
    records = [record(day, "DescribeVpcs", True) for day in range(1, 11)]
    records += [
        record(5, "RunInstances", False),
        record(6, "StopInstances", False, errorCode="Client.UnauthorizedOperation"),
    ]
    (folder / "log.json").write_text(json.dumps({"Records": records}))
    inline = [{"PolicyName": "build", "PolicyDocument": DOCUMENT}]
    role = {"RoleName": "ci", "Arn": CI, "RoleId": "AROACI", "Path": "/team/", "CreateDate": "2020-01-01T00:00:00Z",
            "RolePolicyList": inline}  # fmt: skip
    (folder / "iam.json").write_text(json.dumps({"RoleDetailList": [role]}))
    for words in (["ingest", str(folder / "log.json"), "--jobs", "1"], ["iam", "import", str(folder / "iam.json")]):
        with pytest.raises(SystemExit) as caught:
            main([*words, "--lake", str(folder / "lake")])
        assert not caught.value.code
    return str(folder / "lake")


def run(capsys: pytest.CaptureFixture[str], lake: str, *words: str) -> tuple[str, str, int]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(["unused", "--lake", lake, *words])
    said = capsys.readouterr()
    return said.out, said.err, int(caught.value.code or 0)


def test_rows_and_verdicts(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err, code = run(capsys, lake, "--from", "2026-11-01", "--to", "2026-11-11", "--all", "-o", "json")
    rows = json.loads(out)
    assert code == 0 and "window 2026-11-01" in err and "policy_sentry" in err
    assert list(rows[0]) == list(COLUMNS)
    assert {row["action"]: row["verdict"] for row in rows} == {
        "ec2:RunInstances": "used",
        "ec2:StartInstances": "unused",
        "ec2:StopInstances": "denied_only",
    }
    used = next(row for row in rows if row["verdict"] == "used")
    assert used["count"] == 1 and used["first_used"].startswith("2026-11-05T10:00:00")
    assert (used["resource_scope"], used["granted_by"]) == ("*", "inline policy build")


def test_defaults(lake: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ninety days back from the newest event, used rows left out: ten days of log prove little."""
    out, _, code = run(capsys, lake, CI, "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and [(row["action"], row["verdict"]) for row in rows] == [
        ("ec2:StartInstances", "unused_low_confidence"),
        ("ec2:StopInstances", "denied_only"),
    ]
    out, _, _ = run(capsys, lake, "--lookback", "9d", "-o", "ndjson")
    monkeypatch.setenv("TRAILSIFT_LOOKBACK", "9d")
    assert run(capsys, lake, "-o", "ndjson")[0] == out
    monkeypatch.setenv("TRAILSIFT_LOOKBACK", "soon")
    _, told, code = run(capsys, lake)
    assert code == 2 and told.startswith("trailsift: TRAILSIFT_LOOKBACK: ")
    monkeypatch.delenv("TRAILSIFT_LOOKBACK")
    assert json.loads(out.splitlines()[0])["verdict"] == "unused"


def test_a_table_is_for_reading(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, _, code = run(capsys, lake)
    assert code == 0 and "ec2:StartInstances" in out and "short window" in out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((f"arn:aws:iam::{ACCOUNT}:role/nobody",), 2),
        (("--from", "2026-11-05", "--to", "2026-11-04"), 2),
        (("--from", "2026-11-05", "--lookback", "3d"), 2),
        (("--lookback", "soon"), 2),
        (("-o", "nonsense"), 2),
    ],
)
def test_what_cannot_be_asked(lake: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int) -> None:
    out, err, found = run(capsys, lake, *words)
    assert (found, out) == (code, "") and err.strip()


def test_a_gap_in_a_window_that_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str], lake: str) -> None:
    log = tmp_path / "late.json"
    log.write_text(json.dumps({"Records": [record(15, "DescribeVpcs", True)]}))
    world, other = Path(lake).parent, str(tmp_path / "lake")
    first = ["ingest", str(world / "log.json"), str(log), "--jobs", "1"]
    for words in (first, ["iam", "import", str(world / "iam.json")]):
        with pytest.raises(SystemExit):
            main([*words, "--lake", other])
    out, err, code = run(capsys, other, "--from", "2026-11-01", "--to", "2026-11-16", "-o", "json")
    assert code == 5 and "2026-11-11" in err
    assert {row["verdict"] for row in json.loads(out)} == {"unused_low_confidence", "denied_only"}
    assert run(capsys, other, "--lookback", "14d", "-o", "json")[2] == 0


def test_nothing_to_answer_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, str(tmp_path / "none"))[2] == 5
