"""Which control policies bind an account, by the tree ("SCP evaluation", AWS Organizations guide)."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.access.organization import Organization
from pipeline.access.snapshots import latest
from tests.access.worlds import ACCOUNT, allow, deny, engine, policy, role

HEAD = "999900001111"
FULL = policy(allow("*"))
ON = [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]


def item(kind: str, **members: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "arn": members.get("Arn"),
        "name": members.get("Name", kind),
        "item": members,
        "account_id": HEAD,
    }


def control(name: str, document: dict[str, Any], *targets: str, kind: str = "scp") -> dict[str, Any]:
    made = item(kind, name=name, document=document, targets=[{"TargetId": each} for each in targets])
    return {**made, "name": name}


TREE = [
    item("organization", Id="o-example", MasterAccountId=HEAD),
    item("organizational_unit", Id="r-abcd", Name="Root", ParentId=None, PolicyTypes=ON),
    item("organizational_unit", Id="ou-abcd-1", Name="Workloads", ParentId="r-abcd"),
    item("organizational_unit", Id="ou-abcd-2", Name="Sandbox", ParentId="r-abcd"),
    item("account", Id=ACCOUNT, Name="prod", ParentId="ou-abcd-1"),
    item("account", Id="222233334444", Name="play", ParentId="ou-abcd-2"),
]


def levels(items: list[dict[str, Any]], account: str = ACCOUNT, kind: str = "scp") -> list[list[str]]:
    """Names of the policies, level by level."""
    with engine([role("r"), *items], []) as made:
        found = Organization(latest(made)).levels(account, kind)
    return [[name for name, _ in each.policies] for each in found]


def test_levels_run_from_the_root_down() -> None:
    full = control("full", FULL, "r-abcd", "ou-abcd-1", "ou-abcd-2", ACCOUNT)
    unit, other = control("unit", FULL, "ou-abcd-1"), control("other", FULL, "ou-abcd-2")
    assert levels([*TREE, full, unit, other]) == [["full"], ["full", "unit"], ["full"]]


def test_a_unit_above_binds_and_one_beside_does_not() -> None:
    beside = control("beside", policy(deny("s3:*")), "ou-abcd-2")
    assert levels([*TREE, beside]) == []
    assert levels([*TREE, beside], "222233334444") == [["beside"]]


def test_the_management_account_is_bound_by_none() -> None:
    assert levels([*TREE, control("all", FULL, "r-abcd")], HEAD) == []


def test_policies_of_a_kind_that_is_off_bind_nobody() -> None:
    off = [
        {**each, "item": {**each["item"], "PolicyTypes": []}} if each["item"].get("Id") == "r-abcd" else each
        for each in TREE
    ]
    assert levels([*off, control("all", FULL, "r-abcd")]) == []


def test_kinds_are_apart() -> None:
    shared = [{"Type": "RESOURCE_CONTROL_POLICY", "Status": "ENABLED"}, *ON]
    tree = [
        {**each, "item": {**each["item"], "PolicyTypes": shared}} if each["item"].get("Id") == "r-abcd" else each
        for each in TREE
    ]
    both = [control("s", FULL, "r-abcd"), control("p", policy(deny("s3:*")), "r-abcd", kind="rcp")]
    assert levels([*tree, *both]) == [["s"]]
    assert levels([*tree, *both], kind="rcp") == [["p"]]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ((), []),
        ((ACCOUNT,), [["one", "FullAWSAccess"]]),
        (("r-abcd",), [["one", "FullAWSAccess"]]),
        (("ou-abcd-1",), []),
    ],
)
def test_without_a_tree_what_only_denies_comes_with_full_access(
    targets: tuple[str, ...], expected: list[list[str]]
) -> None:
    assert levels([control("one", policy(deny("s3:*")), *targets)]) == expected


def test_without_a_tree_policies_are_pooled() -> None:
    assert levels([control("a", FULL, ACCOUNT), control("b", policy(deny("s3:*")), "r-abcd")]) == [["a", "b"]]


def test_names_and_ids() -> None:
    with engine([role("r"), *TREE], []) as made:
        organization = Organization(latest(made))
    assert (organization.id_of(ACCOUNT), organization.name_of(ACCOUNT)) == ("o-example", "prod")
    assert organization.id_of("555566667777") is None


def test_a_circle_of_units_ends() -> None:
    loop = [
        item("organizational_unit", Id="ou-1", ParentId="ou-2"),
        item("organizational_unit", Id="ou-2", ParentId="ou-1"),
    ]
    bound = control("one", FULL, "r-x")
    assert levels([*loop, item("account", Id=ACCOUNT, ParentId="ou-1"), bound]) == [["one"]]
