"""The questions about unused roles, users, keys and groups, over a world whose answers can be told by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine
from tests.access.worlds import ACCOUNT, END, START, arn, call, daily, engine, group, managed, policy, role, user

LATE = datetime(2026, 10, 10, tzinfo=UTC)
SINCE = {"since": "2026-08-01"}


def credential(name: str, **more: Any) -> dict[str, Any]:
    row = {
        "user": name, "arn": arn("user", name), "user_creation_time": "2020-01-01T00:00:00+00:00",
        "password_enabled": "false", "password_last_used": "N/A", "password_last_changed": "N/A", "mfa_active": "false",
        "access_key_1_active": "false", "access_key_1_last_rotated": "N/A", "access_key_1_last_used_date": "N/A",
        "access_key_2_active": "false", "access_key_2_last_rotated": "N/A", "access_key_2_last_used_date": "N/A",
        **more,
    }  # fmt: skip
    return {"kind": "credential", "arn": row["arn"], "name": name, "item": row}


def used_on(day: str) -> dict[str, Any]:
    return {"RoleLastUsed": {"LastUsedDate": day, "Region": "us-east-1"}}


ITEMS = [
    role("busy"),
    role("idle"),
    role("known", **used_on("2026-10-01T00:00:00Z")),
    role("stale", **used_on("2026-01-01T00:00:00Z")),
    role("fresh", CreateDate="2026-10-01T00:00:00Z"),
    role("remade"),
    role("AWSServiceRoleForX", path="/aws-service-role/x.amazonaws.com/"),
    user("ann", GroupList=["ops"]),
    user("bob"),
    user("cid"),
    user("dot"),
    credential("ann", password_enabled="true", password_last_used="2026-10-02T00:00:00+00:00",
               password_last_changed="2021-01-01T00:00:00+00:00", mfa_active="true"),
    credential("bob", password_enabled="true", password_last_used="2025-12-24T00:00:00+00:00",
               password_last_changed="2021-01-01T00:00:00+00:00"),
    credential("cid", access_key_1_active="true", access_key_1_last_rotated="2021-01-01T00:00:00+00:00",
               access_key_1_last_used_date="2025-01-01T00:00:00+00:00"),
    credential("dot", access_key_1_active="true", access_key_1_last_rotated="2021-01-01T00:00:00+00:00",
               access_key_2_active="true", access_key_2_last_rotated="2026-10-01T00:00:00+00:00"),
    group("ops", policy()),
    group("nobody"),
    managed("attached", ("2020-01-01T00:00:00Z", policy())),
    managed("loose", ("2020-01-01T00:00:00Z", policy())),
    role("holder", AttachedManagedPolicies=[{"PolicyName": "attached", "PolicyArn": arn("policy", "attached")}]),
]  # fmt: skip
USAGE = [
    *daily(),
    call("role/busy", "ec2", "DescribeVpcs", at=LATE),
    call("role/remade", "ec2", "DescribeVpcs", at=LATE, principal_id="AROAFORMER"),
    call("role/holder", "ec2", "DescribeVpcs", at=LATE),
    call("user/cid", "ec2", "DescribeVpcs", at=LATE, access_key_id="AKIACID"),
    call("user/dot", "ec2", "DescribeVpcs", at=START.replace(month=7, day=1), access_key_id="AKIADOT"),
]


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Catalog, Engine]]:
    catalog = Catalog.load()
    with engine(ITEMS, USAGE) as made:
        catalog.install_views(made)
        yield catalog, made


def ask(world: tuple[Catalog, Engine], name: str, params: dict[str, str] | None = None) -> list[dict[str, Any]]:
    catalog, made = world
    rows: list[dict[str, Any]] = catalog.run(made, f"permissions/{name}", params, as_of=END).to_pylist()
    return rows


def test_unused_roles(world: tuple[Catalog, Engine]) -> None:
    """The log's own busy roles, AWS's service-linked ones and those IAM saw used lately are not among them."""
    rows = {row["role_arn"]: row for row in ask(world, "unused_roles", SINCE)}
    assert set(rows) == {arn("role", name) for name in ("idle", "stale", "fresh", "remade")}
    assert (rows[arn("role", "idle")]["source"], rows[arn("role", "idle")]["confidence"]) == ("none", "high")
    assert rows[arn("role", "stale")]["source"] == "RoleLastUsed"
    assert rows[arn("role", "stale")]["last_used"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert rows[arn("role", "fresh")]["confidence"] == "low"
    assert rows[arn("role", "remade")]["last_used"] is None, "its namesake of another id was used, it was not"


def test_unused_users(world: tuple[Catalog, Engine]) -> None:
    rows = {row["user_arn"]: row for row in ask(world, "unused_users", SINCE)}
    assert set(rows) == {arn("user", "bob"), arn("user", "dot")}
    assert rows[arn("user", "bob")]["source"] == "credential report: password"
    assert rows[arn("user", "dot")]["source"] == "log" and rows[arn("user", "dot")]["active_keys"] == 2


def test_unused_keys(world: tuple[Catalog, Engine]) -> None:
    """cid's only key was seen in the log after the report's last use; dot's two keys cannot be told apart there."""
    rows = {(row["user_arn"], row["key"]): row for row in ask(world, "unused_keys", SINCE)}
    assert set(rows) == {(arn("user", "dot"), 1), (arn("user", "dot"), 2)}
    first, second = rows[(arn("user", "dot"), 1)], rows[(arn("user", "dot"), 2)]
    assert first["keys_in_log"] == ["AKIADOT"] and first["last_used"] is None and first["confidence"] == "high"
    assert second["confidence"] == "low", "made since the window began"


def test_unused_passwords(world: tuple[Catalog, Engine]) -> None:
    rows = ask(world, "unused_passwords", SINCE)
    assert [(row["user_arn"], row["source"], row["mfa_active"]) for row in rows] == [
        (arn("user", "bob"), "credential report", False)
    ]


def test_groups_and_policies_that_reach_nobody(world: tuple[Catalog, Engine]) -> None:
    assert [row["group_arn"] for row in ask(world, "groups_without_members")] == [arn("group", "nobody")]
    assert [row["policy_arn"] for row in ask(world, "policies_attached_to_nothing")] == [arn("policy", "loose")]


def test_the_views_hold_the_newest_snapshot(world: tuple[Catalog, Engine]) -> None:
    _, made = world
    rows = made.query("select * from iam_principals where name = 'ann'").to_pylist()
    assert len(rows) == 1 and rows[0]["groups"] == ["ops"] and rows[0]["account_id"] == ACCOUNT
    item = json.loads(made.query("select item from iam_items where kind = 'group' and name = 'ops'")["item"][0].as_py())
    assert item["GroupName"] == "ops"
