"""`trailsift rightsize`, by the way users take: logs and a snapshot in, policies in every form out."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.access.rightsize.render import FORMATS
from pipeline.access.rightsize.texts import hcl, label, plain, pretty
from pipeline.cli import main
from tests.access.rightsized import proposed
from tests.access.test_unused_command import ACCOUNT, CI, record
from tests.access.worlds import allow, call, policy, role

WINDOW = ("--from", "2026-11-01", "--to", "2026-11-11")
HOSTILE = 'a\x1b[2J${x}"\n} resource'
DOCUMENT = policy(
    allow(["ec2:RunInstances", "ec2:StartInstances"], Sid="Run"),
    allow("ec2:DescribeVpcs", Condition={"StringEquals": {"aws:PrincipalTag/x": "${aws:username}%{if}"}}),
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Ten days of a role that runs instances and never starts any."""
    folder = tmp_path_factory.mktemp("world")
    records = [record(day, "DescribeVpcs", True) for day in range(1, 11)] + [record(5, "RunInstances", False)]
    (folder / "log.json").write_text(json.dumps({"Records": records}))
    held = [{"PolicyName": "build", "PolicyDocument": DOCUMENT}]
    item = {"RoleName": "ci", "Arn": CI, "RoleId": "AROACI", "Path": "/team/", "CreateDate": "2020-01-01T00:00:00Z",
            "RolePolicyList": held}  # fmt: skip
    (folder / "iam.json").write_text(json.dumps({"RoleDetailList": [item]}))
    for words in (["ingest", str(folder / "log.json"), "--jobs", "1"], ["iam", "import", str(folder / "iam.json")]):
        with pytest.raises(SystemExit) as caught:
            main([*words, "--lake", str(folder / "lake")])
        assert not caught.value.code
    return str(folder / "lake")


def run(capsys: pytest.CaptureFixture[str], lake: str, *words: str) -> tuple[str, str, int]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(["rightsize", "--lake", lake, *words])
    said = capsys.readouterr()
    return said.out, said.err, int(caught.value.code or 0)


def test_a_policy(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err, code = run(capsys, lake, CI, *WINDOW)
    made = json.loads(out)
    assert code == 0 and "window 2026-11-01" in err and made["principal_arn"] == CI
    assert {"policies", "dropped", "kept_not_observable", "assumed_unused", "replay"} <= made.keys()
    (one,) = made["policies"]
    assert one["name"] == "build" and one["document"]["Statement"][0]["Action"] == "ec2:RunInstances"
    assert [(row["action"], row["verdict"]) for row in made["dropped"]] == [("ec2:StartInstances", "unused")]
    assert run(capsys, lake, CI, *WINDOW, "-o", "json")[0] == out
    # Ninety days asked of ten: what the log cannot vouch for stays.
    assert json.loads(run(capsys, lake, CI)[0])["dropped"] == []


def test_a_diff(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, _, _ = run(capsys, lake, CI, *WINDOW, "-o", "diff")
    lines = out.splitlines()
    assert lines[0] == f"# {CI}" and "# inline policy build: change; 3 actions become 2, " in out
    assert '-        "ec2:StartInstances"' in lines and '+      "Action": "ec2:RunInstances",' in lines


def test_a_diff_says_why_things_were_kept() -> None:
    made = proposed([role("r", policy(allow(["iam:PassRole", "ec2:StopInstances"])))], [])
    lines = FORMATS["diff"](made).splitlines()
    assert "# kept 1 that the log cannot show, 0 in doubt" in lines
    assert any(line.startswith("#   1 not_observable: no such event exists") for line in lines)


def test_terraform(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Template marks are doubled ("HCL Native Syntax Specification", template literals); the rest is JSON."""
    out, _, _ = run(capsys, lake, CI, *WINDOW, "-o", "terraform")
    assert 'resource "aws_iam_role_policy" "build" {' in out and re.search(r'role +.?= "ci"', out)
    assert "$${aws:username}%%{if}" in out
    (text,) = re.findall(r"jsonencode\((.*)\)\n}", out, re.DOTALL)
    document = json.loads(text.replace("$${", "${").replace("%%{", "%{"))
    assert document == json.loads(run(capsys, lake, CI, *WINDOW)[0])["policies"][0]["document"]


def test_cloudformation(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = json.loads(run(capsys, lake, CI, *WINDOW, "-o", "cloudformation")[0])
    properties = made["Resources"]["build"]["Properties"]
    assert made["Resources"]["build"]["Type"] == "AWS::IAM::RolePolicy"
    assert (properties["PolicyName"], properties["RoleName"]) == ("build", "ci")
    assert properties["PolicyDocument"]["Statement"][0]["Action"] == "ec2:RunInstances"


def test_a_folder_to_go_back_with(lake: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    _, err, code = run(capsys, lake, CI, *WINDOW, "-d", str(folder))
    assert code == 0 and "files in" in err
    (entry,) = json.loads((folder / "rollback" / "manifest.json").read_text())["policies"]
    old = (folder / "rollback" / entry["file"]).read_bytes()
    assert json.loads(old) == DOCUMENT and hashlib.sha256(old).hexdigest() == entry["sha256"]
    assert {each.name for each in folder.iterdir() if each.is_file()} == {
        "proposal.json", "proposal.diff", "policies.tf", "template.json",
    }  # fmt: skip
    assert json.loads((folder / "policies" / "build.json").read_text())["Statement"][0]["Sid"] == "Run"
    # What is there is never written over.
    assert run(capsys, lake, CI, *WINDOW, "-d", str(folder))[2] == 2


def test_from_activity(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err, code = run(capsys, lake, CI, *WINDOW, "--from-activity")
    made = json.loads(out)
    assert code == 0 and made["bounded_by"].startswith("no grant") and "no grant" in err
    assert made["policies"][0]["document"]["Statement"] == [
        {"Effect": "Allow", "Action": ["ec2:DescribeVpcs", "ec2:RunInstances"], "Resource": "*"}
    ]
    stranger = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    assert run(capsys, lake, stranger, "--from-activity")[2] == 5


def test_the_ranked_list(lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, _, code = run(capsys, lake, "--all", *WINDOW, "-o", "json")
    (row,) = json.loads(out)
    wanted = ["principal_arn", "rank", "score", "risk", "effort", "confidence", "unused", "kept_not_observable"]
    assert code == 0 and list(row)[:8] == wanted and row["principal_arn"] == CI
    assert (row["rank"], row["unused"], row["effort"], row["policies"]) == (1, 1, 1, ["inline policy build"])
    assert "score" in run(capsys, lake, "--all", *WINDOW)[0]


@pytest.mark.parametrize(
    "words",
    [
        (),
        (CI, "--all"),
        (f"arn:aws:iam::{ACCOUNT}:role/nobody",),
        (CI, "-o", "csv"),
        ("--all", "-o", "terraform"),
        ("--all", "--from-activity"),
        ("--all", "--resources"),
        (CI, "--from-activity", "-o", "diff"),
        (CI, "--assume-unused", "everything"),
        (CI, "--from", "2026-11-05", "--lookback", "3d"),
        ("arn:aws:s3:::bucket", "--from-activity"),
    ],
)
def test_what_cannot_be_asked(lake: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    out, err, code = run(capsys, lake, *words)
    assert (code, out) == (2, "") and err.strip()


def test_hostile_names_stay_text() -> None:
    """A policy's name cannot end a comment, a string or a block, nor leave the folder."""
    assert plain(HOSTILE) == 'a\ufffd[2J${x}"\ufffd} resource'
    assert hcl(HOSTILE) == '"a\\u001b[2J$${x}\\"\\n} resource"' and hcl("\b\f\\b") == '"\\u0008\\u000c\\\\b"'
    taken: set[str] = set()
    assert label("../../etc/passwd", taken, r"[^A-Za-z0-9_.-]") == "policy.._.._etc_passwd"
    assert [label("a b", taken), label("a_b", taken)] == ["a_b", "a_b2"]
    assert "\x9b" not in pretty("\x9b") and json.loads(pretty("\x9b")) == "\x9b"


def test_hostile_documents_come_out_whole() -> None:
    old: dict[str, Any] = policy(
        allow(["ec2:RunInstances", "ec2:StopInstances"], Condition={"StringLike": {"a:b": HOSTILE}})
    )
    made = proposed([role("r", old)], [call("role/r", "ec2", "RunInstances")])
    for form in ("diff", "terraform", "cloudformation", "policy"):
        text = FORMATS[form](made)
        assert "\x1b" not in text
    assert made.documents[0]["Statement"][0]["Condition"] == {"StringLike": {"a:b": HOSTILE}}
