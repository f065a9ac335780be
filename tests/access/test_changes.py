"""What changed between two snapshots, worked out by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.access.changes import Report, changes
from pipeline.cli import main
from pipeline.engines.duckdb import over
from pipeline.errors import NoDataError, UsageError
from pipeline.iam.catalogue import load
from pipeline.records.schema import IAM_SNAPSHOTS
from tests.access.worlds import ACCOUNT, OLD, allow, arn, deny, group, managed, policy, role, scp, user

FIRST = datetime(2026, 10, 1, tzinfo=UTC)
SECOND = FIRST + timedelta(days=7)
READ, WRITE = "s3:GetObject", "s3:PutObject"
Items = list[dict[str, Any]]


def compared(before: Items, after: Items, since: datetime | None = None, until: datetime | None = None) -> Report:
    rows = [
        {"snapshot_id": at.isoformat(), "taken_at": at, "account_id": None if each["kind"] == "scp" else ACCOUNT,
         "source_object": "x", "imported_at": at, **each, "item": json.dumps(each["item"])}
        for at, items in ((FIRST, before), (SECOND, after))
        for each in items
    ]  # fmt: skip
    with over({"iam_snapshots": pa.Table.from_pylist(rows, schema=IAM_SNAPSHOTS)}) as engine:
        return changes(engine, load(), since, until)


def rows(before: Items, after: Items) -> list[tuple[str, ...]]:
    found = compared(before, after).rows.to_pylist()
    return [(each["change"], each["kind"], each["name"], each["detail"]) for each in found]


def test_nothing_but_time_has_passed() -> None:
    assert rows([user("ann")], [user("ann")]) == []


def test_added_and_removed() -> None:
    found = compared([user("ann"), role("old", policy(allow(READ)))], [user("ann"), role("new", policy(allow(WRITE)))])
    assert [(each["change"], each["arn"], each["gained"], each["lost"]) for each in found.rows.to_pylist()] == [
        ("added", arn("role", "new"), [WRITE], []),
        ("removed", arn("role", "old"), [], [READ]),
    ]
    assert (found.before, found.after) == (FIRST, SECOND)


def test_members_are_told_one_by_one() -> None:
    tags = [{"Key": "team", "Value": "red"}]
    attached = [{"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess", "PolicyName": "ReadOnlyAccess"}]
    before = [user("ann", policy(allow(READ)), Tags=tags, Path="/")]
    after = [user("ann", policy(allow(WRITE)), AttachedManagedPolicies=attached, Path="/staff/")]
    ((change, kind, name, detail),) = rows(before, after)
    assert (change, kind, name) == ("changed", "user", "ann")
    assert (
        detail
        == "AttachedManagedPolicies + ReadOnlyAccess; Path changed: / → /staff/; Tags - team; UserPolicyList ~ p0"
    )


def test_activity_and_counts_are_no_change() -> None:
    used = {"RoleLastUsed": {"LastUsedDate": "2026-10-05T00:00:00Z", "Region": "eu-west-1"}}
    before, after = managed("m", (OLD, policy(allow(READ)))), managed("m", (OLD, policy(allow(READ))))
    before["item"]["AttachmentCount"], after["item"]["AttachmentCount"] = 1, 2
    assert rows([role("r"), before], [role("r", **used), after]) == []


def test_a_principal_made_again_is_another() -> None:
    ((change, _, _, detail),) = rows([user("ann")], [user("ann", UserId="AIDAOTHER")])
    assert (change, detail) == ("replaced", "UserId changed: AIDAANN → AIDAOTHER")


def test_whom_a_policy_a_group_or_an_scp_changes() -> None:
    shared = managed("m", (OLD, policy(allow(READ))))
    wider = managed("m", (OLD, policy(allow([READ, WRITE]))))
    member = user("ann", GroupList=["g"])
    holder = role("r", AttachedManagedPolicies=[{"PolicyArn": arn("policy", "m"), "PolicyName": "m"}])
    found = compared(
        [shared, group("g", policy(allow(READ))), member, holder],
        [wider, group("g", policy(allow("s3:ListBucket"))), member, holder],
    )
    told = {each["name"]: (each["gained"], each["lost"]) for each in found.rows.to_pylist()}
    assert told == {"g": ([], []), "m": ([], []), "ann": (["s3:ListBucket"], [READ]), "r": ([WRITE], [])}
    forbidden = compared([user("ann", policy(allow(READ))), scp("s", policy(allow("*")))],
                         [user("ann", policy(allow(READ))), scp("s", policy(allow("*"), deny(READ)))])  # fmt: skip
    assert {each["name"]: each["lost"] for each in forbidden.rows.to_pylist()} == {"s": [], "ann": [READ]}


def test_what_was_never_asked_for_is_not_removed() -> None:
    found = compared([user("ann"), scp("s", policy(allow("*")))], [user("ann")])
    # The newest state of the organization is still that of the first snapshot.
    assert found.rows.num_rows == 0
    elsewhere = {**user("bob"), "account_id": "444455556666", "arn": "arn:aws:iam::444455556666:user/bob"}
    later = compared([user("ann")], [user("ann"), elsewhere])
    assert later.rows.num_rows == 0
    assert later.notes == ["details of account 444455556666: not in the earlier state, so not compared"]


def test_times() -> None:
    before, after = [user("ann")], [user("ann"), user("bob")]
    assert compared(before, after, FIRST, SECOND).rows.num_rows == 1
    with pytest.raises(UsageError, match="both times are of the state of 2026-10-08"):
        compared(before, after, SECOND, SECOND)
    with pytest.raises(NoDataError, match="no earlier IAM snapshot"):
        compared(before, after, None, FIRST)


def test_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lake = ["--lake", str(tmp_path / "lake")]
    for taken, names in (("2026-10-01", ["ann"]), ("2026-10-08", ["ann", "bob"])):
        users = [user(each, policy(allow(READ)))["item"] for each in names]
        (tmp_path / "d.json").write_text(json.dumps({"UserDetailList": users, "GroupDetailList": []}))
        assert run(*lake, "iam", "import", str(tmp_path / "d.json"), "--taken-at", taken) == 0
    capfd.readouterr()
    assert run(*lake, "iam", "changes", "-o", "json") == 0
    (row,) = json.loads(capfd.readouterr()[0])
    assert (row["change"], row["arn"], row["gained"]) == ("added", arn("user", "bob"), [READ])
    assert run(*lake, "iam", "changes") == 0
    assert "1: s3:GetObject" in capfd.readouterr()[0]


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(words))
    return int(caught.value.code or 0)
