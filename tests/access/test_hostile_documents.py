"""Any member of any document may be anything: the import says one line or takes it, and never falls over."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.access.documents import read
from pipeline.access.documents.owners import gather
from pipeline.access.snapshots import import_files
from pipeline.errors import SnapshotError
from pipeline.lake.tables import Lake
from tests.access.test_families import (
    ACCOUNT,
    ALIASES,
    ARN,
    COMPLETE,
    HARDWARE,
    LAST,
    PASSWORD,
    SELECTORS,
    STATUS,
    SUMMARY,
    TRAIL,
    TRAILS,
    USED,
    VIRTUAL,
    call,
    described,
    summary,
)
from tests.access.test_import import DOCUMENT, GENERATED, REPORT, details

DETAILS = details("ann", IsTruncated=False) | {
    "RoleDetailList": [{"RoleName": "r", "Arn": ARN, "AttachedManagedPolicies": [{"PolicyArn": "x"}], "RolePolicyList":
                        [{"PolicyName": "p", "PolicyDocument": DOCUMENT}], "AssumeRolePolicyDocument": DOCUMENT}],
    "Policies": [{"PolicyName": "p", "Arn": "arn:aws:iam::aws:policy/p", "PolicyVersionList":
                  [{"VersionId": "v1", "Document": DOCUMENT, "IsDefaultVersion": True}]}],
}  # fmt: skip
ORG = "arn:aws:organizations::999999999999"
DOCUMENTS: dict[str, tuple[str, Any]] = {
    "GetAccountAuthorizationDetails": ("details", DETAILS),
    "GetCredentialReport": ("credentials", {"Content": REPORT, "GeneratedTime": GENERATED}),
    "GetAccountPasswordPolicy": ("settings", PASSWORD),
    "GetAccountSummary": ("settings", SUMMARY),
    "ListAccountAliases": ("settings", ALIASES),
    "ListVirtualMFADevices": ("mfa", VIRTUAL),
    "ListMFADevices": ("mfa", HARDWARE),
    "DescribeTrails": ("trails", TRAILS),
    "GetEventSelectors": ("trails", SELECTORS),
    "GetTrailStatus": ("trails", {**STATUS, "TrailARN": TRAIL}),
    "DescribeOrganization": ("organization", {"Organization": {"Id": "o-1", "Arn": ORG, "MasterAccountId": "9"}}),
    "ListRoots": ("organization", {"Roots": [{"Id": "r-1", "Arn": f"{ORG}:root/o-1/r-1", "Name": "Root"}]}),
    "ListAccounts": (
        "organization",
        {"ParentId": "r-1", "Accounts": [{"Id": "1", "Arn": f"{ORG}:account/o-1/1", "Name": "a"}]},
    ),
    "ListChildren": ("organization", {"ParentId": "r-1", "Children": [{"Id": "ou-1", "Type": "X"}]}),
    "ListPolicies": ("organization", {"Policies": [summary("Guard")]}),
    "DescribePolicy": ("organization", described("Guard")),
    "ListTargetsForPolicy": ("organization", {"PolicyId": "p-Guard", "Targets": [{"TargetId": "r-1"}]}),
    "GetServiceLastAccessedDetails": ("last_accessed", {"Arn": ARN, **LAST, "ServicesLastAccessed": [USED]}),
}
BAD: list[Any] = [None, 5, -1.5, True, "", "x", "\u202e\x00", [], [None], {}, {"a": 1}, [[["x"]]], "9" * 5000]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be put instead of what is there."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in members:
        yield from places(each, (*path, name))


def changed(value: Any, path: tuple[Any, ...], bad: Any) -> Any:
    if not path:
        return bad
    made = copy.deepcopy(value)
    inner = made
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = bad
    return made


@pytest.mark.parametrize("operation", DOCUMENTS)
def test_a_member_may_be_anything(operation: str, tmp_path: Path) -> None:
    family, good = DOCUMENTS[operation]
    source = random.Random(operation)
    others = [each for name, (_, each) in DOCUMENTS.items() if name != operation]
    rest = tmp_path / "rest.json"
    rest.write_text(json.dumps(others))
    plain, kept, taken = tmp_path / "plain.json", tmp_path / "kept.jsonl", 0
    first = {"trailsift_collection": 1, "account_id": ACCOUNT, "family": family, "taken_at": GENERATED, "asked": {}}
    for path in places(good):
        for bad in source.sample(BAD, 4):
            value = changed(good, path, bad)
            plain.write_text(json.dumps(value))
            try:
                gather([read(plain), read(rest)], ACCOUNT)
                taken += 1
            except SnapshotError as error:
                assert "\n" not in str(error)
            if isinstance(value, dict):
                lines = (first, call(operation, value, Arn=ARN), COMPLETE)
                kept.write_text("".join(json.dumps(each) + "\n" for each in lines))
                gathered = gather([read(kept)])
                states = [each.item["state"] for each in gathered.items if each.kind == "collected"]
                assert states == ["partial" if gathered.refused else "complete"]
    assert taken, "some of it is what nobody relies on"


@pytest.mark.parametrize("depth", [50, 500, 900, 960, 980, 5000, 200_000])
def test_depth_costs_one_line(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "deep.json"
    deep = "[" * depth + "]" * depth
    path.write_text(json.dumps(DETAILS)[:-1] + f', "Tags": {deep}' + "}")
    inside = json.dumps(DETAILS).replace('"RoleName": "r"', f'"RoleName": "r", "Tags": {deep}')
    lake = Lake.open(tmp_path / "lake", create=True)
    for text in (json.dumps(DETAILS)[:-1] + f', "Tags": {deep}}}', inside, json.dumps(SUMMARY).replace("2", deep)):
        path.write_text(text)
        try:
            assert import_files(lake, [path], account=ACCOUNT).kinds
        except SnapshotError as error:
            assert "\n" not in str(error) and depth > 100
