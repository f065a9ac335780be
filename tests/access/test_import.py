"""Importing IAM documents: recognised by content, stored once, refused in one line."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pipeline.access.snapshots import import_files
from pipeline.cli import main
from pipeline.errors import SnapshotError, UsageError
from pipeline.lake.tables import Lake

ACCOUNT = "123456789012"
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
REPORT = (
    "user,arn,user_creation_time,password_enabled,password_last_used\n"
    f"<root_account>,arn:aws:iam::{ACCOUNT}:root,2020-01-01T00:00:00+00:00,not_supported,no_information\n"
    f"ann,arn:aws:iam::{ACCOUNT}:user/ann,2021-01-01T00:00:00+00:00,true,2026-11-01T00:00:00+00:00\n"
)
GENERATED = "2026-11-20T10:00:00+00:00"


def details(*users: str, **more: Any) -> dict[str, Any]:
    listed = [
        {"UserName": name, "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "UserId": f"AIDA{name}"} for name in users
    ]
    return {"UserDetailList": listed, "GroupDetailList": [], "RoleDetailList": [], "Policies": [], **more}


def rows(lake: Lake) -> list[dict[str, Any]]:
    """The items that were stored, without those that say what was asked for."""
    table = lake.load("iam_snapshots").scan().to_arrow().sort_by([("kind", "ascending"), ("name", "ascending")])
    return [row for row in table.to_pylist() if row["kind"] != "collected"]


@pytest.fixture
def lake(empty_lake: Lake) -> Lake:
    return empty_lake


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake that stays empty, for what is refused."""
    return Lake.open(tmp_path_factory.mktemp("empty") / "lake", create=True)


def saved(folder: Path, content: object, name: str = "file") -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_authorization_details(lake: Lake, tmp_path: Path) -> None:
    given = details("ann")
    given["RoleDetailList"] = [
        {"RoleName": "ci", "Arn": f"arn:aws:iam::{ACCOUNT}:role/ci",
         "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": quote(json.dumps(DOCUMENT))}]}
    ]  # fmt: skip
    given["Policies"] = [
        {"PolicyName": "AdministratorAccess", "Arn": "arn:aws:iam::aws:policy/AdministratorAccess",
         "PolicyVersionList": [{"VersionId": "v1", "Document": DOCUMENT, "IsDefaultVersion": True}]}
    ]  # fmt: skip
    done = import_files(lake, [saved(tmp_path, given)])
    assert done.new and done.kinds == {"user": 1, "role": 1, "policy": 1} and done.accounts == [ACCOUNT]
    kept = rows(lake)
    assert [(row["kind"], row["name"], row["account_id"]) for row in kept] == [
        ("policy", "AdministratorAccess", ACCOUNT),
        ("role", "ci", ACCOUNT),
        ("user", "ann", ACCOUNT),
    ]
    assert json.loads(kept[1]["item"])["RolePolicyList"][0]["PolicyDocument"] == DOCUMENT
    assert len({row["snapshot_id"] for row in kept}) == 1


def test_pages_on_end_in_a_list_and_in_several_files(lake: Lake, tmp_path: Path) -> None:
    first, last = details("ann", IsTruncated=True, Marker="m"), details("bob", IsTruncated=False)
    on_end = import_files(lake, [saved(tmp_path, json.dumps(first) + "\n" + json.dumps(last), "a")])
    listed = import_files(lake, [saved(tmp_path, [first, last], "b")])
    several = import_files(lake, [saved(tmp_path, first, "c"), saved(tmp_path, last, "d")])
    assert on_end.new and not listed.new and not several.new
    assert on_end.snapshot_id == listed.snapshot_id == several.snapshot_id
    assert not several.notes and len(rows(lake)) == 2


def test_a_page_without_its_end_is_told(lake: Lake, tmp_path: Path) -> None:
    done = import_files(lake, [saved(tmp_path, details("ann", IsTruncated=True, Marker="m"))])
    assert "more pages" in done.notes[0]


@pytest.mark.parametrize("form", ["csv", "base64", "answer", "answer of the command line"])
def test_credential_report(lake: Lake, tmp_path: Path, form: str) -> None:
    encoded = base64.b64encode(REPORT.encode()).decode()
    content: object = {
        "csv": REPORT,
        "base64": encoded,
        "answer": {"Content": encoded, "ReportFormat": "text/csv", "GeneratedTime": GENERATED},
        "answer of the command line": {"Content": REPORT, "ReportFormat": "text/csv", "GeneratedTime": 1795168800},
    }[form]
    done = import_files(lake, [saved(tmp_path, content)])
    root, ann = rows(lake)
    assert (root["name"], ann["name"], ann["account_id"]) == ("<root_account>", "ann", ACCOUNT)
    assert json.loads(ann["item"])["password_last_used"] == "2026-11-01T00:00:00+00:00"
    if form.startswith("answer"):
        assert done.taken_at == datetime(2026, 11, 20, 10, tzinfo=UTC) == ann["taken_at"]


def test_organization_policies(lake: Lake, tmp_path: Path) -> None:
    summary = {"Id": "p-1", "Arn": "arn:aws:organizations::999999999999:policy/o-1/service_control_policy/p-1",
               "Name": "Guard", "Type": "SERVICE_CONTROL_POLICY", "AwsManaged": False}  # fmt: skip
    answer = {"Policy": {"PolicySummary": summary, "Content": json.dumps(DOCUMENT)}}
    resource = {**summary, "Name": "Perimeter", "Type": "RESOURCE_CONTROL_POLICY", "Content": json.dumps(DOCUMENT)}
    plain = {"Name": "Plain", "Content": DOCUMENT}
    done = import_files(lake, [saved(tmp_path, answer, "a"), saved(tmp_path, {"Policies": [resource]}, "b"),
                               saved(tmp_path, [plain], "c")])  # fmt: skip
    assert done.kinds == {"scp": 2, "rcp": 1}
    perimeter, guard, unnamed = rows(lake)
    assert (perimeter["kind"], guard["name"], guard["account_id"]) == ("rcp", "Guard", "999999999999")
    assert json.loads(unnamed["item"])["document"] == DOCUMENT and unnamed["account_id"] is None


def test_again_changes_nothing_and_another_time_is_another_snapshot(lake: Lake, tmp_path: Path) -> None:
    file = saved(tmp_path, details("ann"))
    first = import_files(lake, [file])
    again = import_files(lake, [file])
    assert first.new and not again.new and again.taken_at == first.taken_at
    later = import_files(lake, [file], datetime(2026, 11, 1, tzinfo=UTC))
    assert later.new and len({row["snapshot_id"] for row in rows(lake)}) == 2
    assert len(lake.load("iam_snapshots").snapshots()) == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("hello", "neither JSON nor"),
        ("5", "no JSON object"),
        ({"Records": []}, "none of the documents"),
        ({"UserDetailList": {}}, None),
        ({"UserDetailList": [{"UserName": "ann"}]}, "Arn"),
        ({"UserDetailList": "x"}, "no list"),
        ({"UserDetailList": [details("ann")["UserDetailList"][0] | {"GroupList": [1]}]}, "GroupList"),
        ({"UserDetailList": [details("ann")["UserDetailList"][0] | {"AttachedManagedPolicies": [{}]}]}, "Attached"),
        (details(), "no user"),
        ({"Name": "x", "Content": "{"}, "no JSON"),
        ({"Name": "x", "Content": "{}"}, "cannot be read"),
        ({"Content": "x", "GeneratedTime": GENERATED}, "no credential report"),
        ("user,arn,user_creation_time,password_enabled\nann\n", "header"),
        (json.dumps(details("ann"))[:-5], "neither JSON nor"),
    ],
)
def test_what_is_none_of_these_is_refused_in_one_line(
    empty: Lake, tmp_path: Path, content: object, says: str | None
) -> None:
    good = saved(tmp_path, details("bob"), "good")
    with pytest.raises(SnapshotError) as caught:
        import_files(
            empty, [good, saved(tmp_path, content)] if says and "no user" not in says else [saved(tmp_path, content)]
        )
    assert caught.value.exit_code == 1 and "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)
    assert (says or "") in str(caught.value)
    assert not rows(empty), "nothing is stored when one file is wrong"


def test_binary_and_missing_files(empty: Lake, tmp_path: Path) -> None:
    (tmp_path / "bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SnapshotError, match="no text"):
        import_files(empty, [tmp_path / "bin"])
    for wrong in (tmp_path / "nothing", tmp_path):
        with pytest.raises(UsageError) as caught:
            import_files(empty, [wrong])
        assert caught.value.exit_code == 2


def test_two_imports_at_once_make_one_snapshot(lake: Lake, tmp_path: Path) -> None:
    file = saved(tmp_path, details("ann", "bob"))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: import_files(Lake.open(lake.path), [file]), range(4)))
    assert sum(each.new for each in done) == 1
    assert len(rows(lake)) == 2


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = saved(tmp_path, details("ann"))
    words = ["iam", "import", file, "--lake", str(tmp_path / "new"), "-o", "json", "--taken-at", "2026-11-02"]
    with pytest.raises(SystemExit) as caught:
        main(words)
    answer = json.loads(capsys.readouterr().out)
    assert not caught.value.code and answer["new"] and answer["user"] == 1 and answer["items"] == 1
    assert answer["taken_at"] == "2026-11-02T00:00:00Z" and answer["accounts"] == [ACCOUNT]
    for words, code in (([str(tmp_path / "no")], 2), ([saved(tmp_path, "{}", "other")], 1)):
        with pytest.raises(SystemExit) as caught:
            main(["iam", "import", *words, "--lake", str(tmp_path / "new")])
        said = capsys.readouterr()
        assert caught.value.code == code and not said.out and said.err.count("\n") == 1
