"""`trailsift replay` by the way users take: logs and a snapshot in, a verdict and an exit code out."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.access.replay import read
from pipeline.cli import main
from pipeline.errors import UsageError
from tests.access.replays import record
from tests.access.worlds import ACCOUNT, allow, arn, deny, policy, role

WHO = arn("role", "r")
WINDOW = ("--from", "2026-09-01", "--to", "2026-09-30")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A role with two policies that described VPCs and sent messages, and one that did nothing."""
    folder = tmp_path_factory.mktemp("world")
    records = [record("role/r", "ec2", "DescribeVpcs", eventID=f"v{i}", eventTime=f"2026-09-{i + 1:02}T10:00:00Z")
               for i in range(20)]  # fmt: skip
    records.append(record("role/r", "sqs", "ListQueues", eventID="q", eventTime="2026-09-29T23:00:00Z"))
    (folder / "log.json").write_text(json.dumps({"Records": records}))
    roles = [role("r", policy(allow("ec2:*")), policy(allow("sqs:*"))), role("idle", policy(allow("ec2:*")))]
    (folder / "iam.json").write_text(json.dumps({"RoleDetailList": [each["item"] for each in roles]}))
    for words in (["ingest", str(folder / "log.json"), "--jobs", "1"], ["iam", "import", str(folder / "iam.json")]):
        with pytest.raises(SystemExit) as caught:
            main([*words, "--lake", str(folder / "lake")])
        assert not caught.value.code
    return str(folder / "lake")


@pytest.fixture
def run(lake: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Runs the verb; a value that is no text is written to a file first, and stands for its path."""

    def go(*words: Any) -> tuple[str, str, int]:
        given = []
        for i, word in enumerate(words):
            if not isinstance(word, str):
                (tmp_path / f"{i}.json").write_text(json.dumps(word))
                word = str(tmp_path / f"{i}.json")
            given.append(word)
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main(["replay", "--lake", lake, *given])
        said = capsys.readouterr()
        return said.out, said.err, int(caught.value.code or 0)

    return go


BOTH = policy(allow(["ec2:DescribeVpcs", "sqs:ListQueues"]))


def test_a_proposal_that_passes(run: Any) -> None:
    out, err, code = run(BOTH, "--principal", WHO, "-o", "json")
    told = json.loads(out)
    assert code == 0 and told["denied"] == 0 and told["allowed"] == told["tuples"] == 2 and told["events"] == 21
    assert told["principal_arn"] == WHO and told["replaced"] == ["p0", "p1"] and told["kept"] == []
    assert "21 calls, 2 distinct uses" in err and any(
        "Calls outside the window" in each for each in told["not_covered"]
    )
    out, _, code = run(BOTH, "--principal", WHO)
    assert code == 0 and "every use in the window is allowed" in out


def test_one_that_breaks_something_names_it_with_all_its_events(run: Any) -> None:
    out, _, code = run(policy(allow("sqs:*")), "--principal", WHO, "-o", "json")
    (denial,) = json.loads(out)["denials"]
    assert code == 1 and denial["action"] == "ec2:DescribeVpcs" and denial["resource"] == "*" and denial["count"] == 20
    assert denial["event_ids"] == [f"v{i}" for i in range(20)]
    out, _, code = run(policy(allow("sqs:*")), "--principal", WHO)
    assert code == 1 and "ec2:DescribeVpcs" in out and "v0, v1, v2 …" in out


def test_what_is_kept_stays_in_place(run: Any) -> None:
    s3 = policy(allow("s3:*"))
    for words, denied in ((("--keep", "p0"), ["sqs:ListQueues"]), (("--replace", "p0"), ["ec2:DescribeVpcs"])):
        out, _, code = run(s3, "--principal", WHO, "-o", "json", *words)
        assert code == 1 and [each["action"] for each in json.loads(out)["denials"]] == denied


def test_the_shapes_of_a_proposal(run: Any) -> None:
    parts = [policy(allow("ec2:*")), policy(allow("sqs:*"))]
    written = {"principal_arn": WHO, "policies": [{"name": f"n{i}", "document": each} for i, each in enumerate(parts)]}
    assert run(parts, "--principal", WHO)[2] == 0
    assert run(written)[2] == 0  # the file says whose they are
    assert run(written | {"policies": []})[2] == 1
    out, err, code = run(BOTH)
    assert code == 2 and "--principal: is missing" in err and not out


def test_strict_takes_what_is_open_for_a_failure(run: Any) -> None:
    tagged = policy(allow("*", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}))
    assert run(tagged, "--principal", WHO)[2] == 0
    assert run(tagged, "--principal", WHO, "--strict")[2] == 1


def test_nothing_to_replay_proves_nothing(run: Any) -> None:
    out, err, code = run(BOTH, "--principal", arn("role", "idle"), "-o", "json")
    assert code == 5 and json.loads(out)["proven"] is False and "nothing is proven" in err


def test_a_gap_in_a_window_that_was_given(run: Any) -> None:
    out, err, code = run(BOTH, "--principal", WHO, *WINDOW, "-o", "json")
    assert code == 5 and "gap: the log of account" in err and json.loads(out)["gaps"]
    assert run(policy(allow("s3:*")), "--principal", WHO, *WINDOW)[2] == 1


HOSTILE: list[tuple[Any, str]] = [
    ("{", "is no JSON"),
    ("[" * 100_000, "is no JSON"),
    ("7", "holds neither a policy nor a list of policies"),
    ("[7]", "a policy is a JSON object"),
    ('{"policies": 7}', "is no list"),
    ('{"policies": [{"name": "n", "document": 7}]}', "a policy is a JSON object"),
    ('{"Version": "2012-10-17"}', "has no Statement"),
    ('{"Statement": [{"Effect": "Permit", "Action": "*", "Resource": "*"}]}', "Statement[0].Effect"),
    ('{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "x"}]}', "is neither an ARN nor *"),
    ('{"Statement": [{"Effect": "Allow", "Action": 7, "Resource": "*"}]}', "is no text"),
    ('{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}', "does not belong"),
    ("\xff\xfe", "is no JSON"),
    (json.dumps([BOTH] * 101), "holds more than 100 policies"),
]


@pytest.mark.parametrize(("text", "problem"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_proposal_is_one_line(run: Any, tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(text.encode("latin-1"))
    out, err, code = run(str(path), "--principal", WHO)
    lines = [line for line in err.splitlines() if line.startswith("trailsift: ")]
    assert code == 2 and not out and len(lines) == 1 and problem in lines[0], err
    assert "Traceback" not in err and len(lines[0]) < 1000


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("nothere.json", "--principal", WHO), "nothere.json: cannot be read"),
        ((), "needs a policy, or --what-if"),
        ((BOTH, "--principal", arn("role", "nobody")), "no such user or role"),
        ((BOTH, "--principal", WHO, "--keep", "x"), "x: is no policy of the principal; it has p0, p1"),
        ((BOTH, "--principal", WHO, "--keep", "p0", "--replace", "p1"), "does not go with --replace"),
        ((BOTH, "--principal", WHO, "-o", "csv"), "'csv' is no output format"),
        ((BOTH, "--principal", WHO, "--all"), "go with --what-if"),
        (("--what-if", BOTH), "needs --account or --all"),
        ((BOTH, "--what-if", BOTH, "--all"), "goes without a policy"),
        (("--what-if", BOTH, "--account", "1"), "the log holds nothing of 1"),
    ],
    ids=range(10),
)
def test_misuse_is_one_line(run: Any, words: tuple[Any, ...], problem: str) -> None:
    out, err, code = run(*words)
    assert code == 2 and not out and problem in err.splitlines()[-1]


GUARD = policy(deny("ec2:*", Sid="NoEc2"))


def test_what_if(run: Any) -> None:
    out, err, code = run("--what-if", GUARD, "--all", "-o", "json")
    (row,) = json.loads(out)
    assert code == 1 and row["principal_arn"] == WHO and row["action"] == "ec2:DescribeVpcs" and row["by"] == "NoEc2"
    assert row["count"] == 20 and row["event_ids"] == [f"v{i}" for i in range(20)] and row["result"] == "denied"
    assert (row["first_seen"], row["last_seen"]) == ("2026-09-01T10:00:00Z", "2026-09-20T10:00:00Z")
    assert "1 denied, 0 conditional" in err
    out, _, code = run("--what-if", GUARD, "--account", ACCOUNT, "-o", "csv")
    assert code == 1 and next(csv.DictReader(io.StringIO(out)))["count"] == "20"
    out, _, code = run("--what-if", policy(deny("kms:*")), "--all", "-o", "ndjson")
    assert code == 0 and out == ""


def test_a_policy_as_organizations_answers_it(tmp_path: Path) -> None:
    file = tmp_path / "scp.json"
    scp = policy(deny("s3:*"))
    answer = {"Policy": {"PolicySummary": {"Name": "no-s3"}, "Content": json.dumps(scp)}}
    file.write_text(json.dumps(answer))
    assert read(file, "scp").documents == [("no-s3", scp)]
    file.write_text(json.dumps({"Policy": {"Content": "{"}}))
    with pytest.raises(UsageError, match="is no JSON"):
        read(file, "scp")
