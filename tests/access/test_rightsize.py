"""Right-sizing: each case a world of a few lines whose right policy can be told by hand from the design's section 6."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import UsageError
from tests.access.rightsized import ASSUME, RESOURCES, actions, granted, proposed
from tests.access.worlds import ACCOUNT, OLD, allow, arn, call, deny, group, managed, policy, role, user

BUCKET = "arn:aws:s3:::b"
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def run(name: str, **more: Any) -> dict[str, Any]:
    return call("role/r", "ec2", name, **more)


def test_what_is_unused_goes_and_what_is_used_stays() -> None:
    made = proposed([role("r", policy(allow(["ec2:RunInstances", "ec2:StopInstances"])))], [run("RunInstances")])
    (one,) = made.policies
    assert one["document"]["Statement"] == [{"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"}]
    assert (one["name"], one["change"], one["kind"]) == ("p0", "change", "inline")
    (row,) = made.dropped
    assert (row["action"], row["scope"], row["verdict"]) == ("ec2:StopInstances", "*", "unused")


def test_what_loses_nothing_is_not_touched() -> None:
    """Not even the order or spelling of a policy all of which is used."""
    old = policy(allow(["ec2:runinstances", "EC2:DescribeVpcs"], Sid="Mine"))
    made = proposed([role("r", old)], [run("RunInstances"), run("DescribeVpcs")])
    assert made.policies[0]["document"] == old and made.policies[0]["change"] == "keep" and not made.dropped


def test_denied_and_doubtful_stay() -> None:
    """`denied_only` is neither unused nor blocked; the design's section 6 drops those two only."""
    made = proposed([role("r", policy(allow("ec2:RunInstances")))], [run("RunInstances", outcome="denied")])
    assert actions(made.documents) == {"ec2:RunInstances"}
    assert [row["verdict"] for row in made.doubt] == ["denied_only"]


def test_a_wildcard_becomes_names() -> None:
    made = proposed([role("r", policy(allow("ec2:*")))], [run("RunInstances")])
    kept = actions(made.documents)
    assert "ec2:RunInstances" in kept and "ec2:TerminateInstances" not in kept
    assert kept - {"ec2:RunInstances"} == {row["action"] for row in (*made.blind, *made.doubt)}
    assert not any("*" in each for each in made.documents[0]["Statement"][0]["Action"])


def test_a_not_action_becomes_what_is_kept_of_its_complement() -> None:
    given = {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}
    made = proposed([role("r", policy(given))], [run("RunInstances")], ASSUME)
    (statement,) = made.documents[0]["Statement"]
    assert "NotAction" not in statement and "ec2:RunInstances" in statement["Action"]
    assert not any(each.startswith("iam:") for each in statement["Action"])


def test_denials_conditions_sids_and_version_stay() -> None:
    old = {
        "Version": "2008-10-17",
        "Id": "old",
        "Statement": [
            deny("ec2:*", "arn:aws:ec2:*:*:instance/i-1", Sid="No"),
            allow(["ec2:RunInstances", "ec2:StopInstances"], Sid="Run", Condition=MFA),
        ],
    }
    made = proposed([role("r", old)], [run("RunInstances")])
    document = made.documents[0]
    assert (document["Version"], document["Id"]) == ("2008-10-17", "old")
    assert document["Statement"][0] == old["Statement"][0]  # type: ignore[index]
    assert document["Statement"][1] == allow("ec2:RunInstances", Sid="Run", Condition=MFA)


def test_each_scope_by_its_own_verdict() -> None:
    """Used on one bucket, unused on another: only the other statement loses it."""
    get = call("role/r", "s3", "GetBucketPolicy", request={"bucketName": "b"})
    items = [role("r", policy(allow("s3:GetBucketPolicy", BUCKET), allow("s3:GetBucketPolicy", "arn:aws:s3:::c")))]
    made = proposed(items, [get])
    assert granted(made.documents) == {("s3:GetBucketPolicy", BUCKET)}
    assert [(row["action"], row["scope"]) for row in made.dropped] == [("s3:GetBucketPolicy", "arn:aws:s3:::c")]


def test_an_emptied_policy_is_removed_and_said_so() -> None:
    made = proposed([role("r", policy(allow("ec2:StopInstances")))], [])
    assert made.policies == [] and made.as_json()["removed"][0]["name"] == "p0"
    # One that still denies stays.
    made = proposed([role("r", policy(allow("ec2:StopInstances"), deny("s3:*")))], [])
    assert made.documents == [policy(deny("s3:*"))]


def test_not_observable_stays_and_is_listed() -> None:
    """ "iam:PassRole is not an API call" (PassRole, IAM guide), so no log shows it unused."""
    made = proposed([role("r", policy(allow(["iam:PassRole", "ec2:StopInstances"])))], [])
    assert actions(made.documents) == {"iam:PassRole"} == {row["action"] for row in made.blind}


def test_assuming_idle_services_unused() -> None:
    """Item events are off: the role that describes tables keeps its items, the one that does nothing loses them."""
    items = [role("r", policy(allow(["dynamodb:GetItem", "dynamodb:DescribeTable"]), allow("ec2:RunInstances")))]
    made = proposed(items, [run("RunInstances")], ASSUME)
    assert actions(made.documents) == {"ec2:RunInstances"}
    assert [row["action"] for row in made.assumed] == ["dynamodb:GetItem"]
    assert [row["action"] for row in made.dropped] == ["dynamodb:DescribeTable"]
    busy = proposed(items, [call("role/r", "dynamodb", "DescribeTable")], ASSUME)
    assert {"dynamodb:GetItem", "dynamodb:DescribeTable"} <= actions(busy.documents) and not busy.assumed


def test_last_access_speaks_against_an_assumption() -> None:
    services = [{"ServiceNamespace": "dynamodb", "LastAuthenticated": "2026-09-01T00:00:00Z"}]
    item = {"Arn": arn("role", "r"), "JobCompletionDate": OLD, "ServicesLastAccessed": services}
    accessed = {"kind": "last_accessed", "arn": item["Arn"], "name": "r", "item": item}
    items = [role("r", policy(allow("dynamodb:GetItem"))), accessed]
    assert actions(proposed(items, [], ASSUME).documents) == {"dynamodb:GetItem"}
    services[0].pop("LastAuthenticated")
    assert proposed(items, [], ASSUME).documents == []


def test_what_the_catalogue_does_not_know_stays_as_written() -> None:
    made = proposed([role("r", policy(allow(["ec2:StopInstances", "ec2:NoSuchThing*", "nosuch:*"])))], [])
    assert actions(made.documents) == {"ec2:NoSuchThing*", "nosuch:*"}
    assert {row["action"] for row in made.blind} == {"ec2:NoSuchThing*", "nosuch:*"}


@pytest.mark.parametrize("source", ["ec2", "newservice"])
def test_a_service_with_unmapped_events_keeps_its_wildcards(source: str) -> None:
    """What the event needed may be an action that only the wildcard grants."""
    made = proposed([role("r", policy(allow("*")))], [run("RunInstances"), call("role/r", source, "DoTheNewThing")])
    assert f"{source}:*" in {name for each in made.documents for name in each["Statement"][0]["Action"]}
    assert "rds:DeleteDBInstance" not in actions(made.documents)


def test_blocked_goes() -> None:
    edge = managed("edge", ("2020-01-01T00:00:00Z", policy(allow("ec2:*"))))
    boundary = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn("policy", "edge")}}
    one = role("r", policy(allow(["ec2:RunInstances", "iam:PassRole"])), **boundary)
    made = proposed([edge, one], [run("RunInstances")])
    assert actions(made.documents) == {"ec2:RunInstances"} and made.dropped[0]["verdict"] == "blocked"


def test_service_linked_roles_are_refused() -> None:
    items = [role("r", policy(allow("ec2:*")), path="/aws-service-role/x.amazonaws.com/")]
    with pytest.raises(UsageError, match="AWS owns"):
        proposed(items, [], who="role/aws-service-role/x.amazonaws.com/r")


# AWS managed policies "cannot be changed" and a change of a customer's reaches all it is attached to
# ("Managed policies and inline policies", IAM guide).
def attached(*arns: str) -> dict[str, Any]:
    return {"AttachedManagedPolicies": [{"PolicyName": each.rpartition("/")[2], "PolicyArn": each} for each in arns]}


def test_an_aws_managed_policy_is_replaced() -> None:
    name = "arn:aws:iam::aws:policy/AmazonEC2FullAccess"
    aws = managed("AmazonEC2FullAccess", ("2020-01-01T00:00:00Z", policy(allow("ec2:*"))))
    aws["item"]["Arn"] = aws["arn"] = name
    made = proposed([aws, role("r", **attached(name))], [run("RunInstances")], ASSUME)
    (one,) = made.policies
    assert (one["change"], one["kind"], one["replaces"], one["arn"]) == ("replace", "customer managed", name, None)
    assert one["name"] == "AmazonEC2FullAccess-r"
    assert made.as_json()["removed"][0]["arn"] == name


def test_a_shared_policy_is_copied_and_an_own_one_changed() -> None:
    shared = managed("shared", ("2020-01-01T00:00:00Z", policy(allow(["ec2:RunInstances", "ec2:StopInstances"]))))
    name = arn("policy", "shared")
    alone = proposed([shared, role("r", **attached(name))], [run("RunInstances")])
    assert [(one["change"], one["name"], one["arn"]) for one in alone.policies] == [("change", "shared", name)]
    items = [shared, role("r", **attached(name)), role("s", **attached(name))]
    both = proposed(items, [run("RunInstances")])
    assert [(one["change"], one["name"]) for one in both.policies] == [("replace", "shared-r")]
    assert both.as_json()["removed"][0]["also_attached_to"] == [arn("role", "s")]
    # A policy that bounds somebody is shared as well.
    bound = role("s", PermissionsBoundary={"PermissionsBoundaryArn": name})
    made = proposed([shared, role("r", **attached(name)), bound], [run("RunInstances")])
    assert [one["change"] for one in made.policies] == ["replace"]


def test_a_group_loses_only_what_no_member_uses() -> None:
    team = group("g", policy(allow(["ec2:RunInstances", "ec2:StopInstances", "ec2:StartInstances"])))
    items = [team, user("u", GroupList=["g"]), user("v", GroupList=["g"])]
    calls = [call("user/u", "ec2", "RunInstances"), call("user/v", "ec2", "StopInstances")]
    made = proposed(items, calls, who="user/u")
    assert actions(made.documents) == {"ec2:RunInstances", "ec2:StopInstances"}
    assert [row["action"] for row in made.dropped] == ["ec2:StartInstances"]
    assert [row["action"] for row in made.members] == ["ec2:StopInstances"]
    assert made.policies[0]["group"] == "g" and any("2 of its members" in note for note in made.notes)


def test_resources_are_narrowed_to_what_calls_named() -> None:
    table = call("role/r", "dynamodb", "DescribeTable", request={"tableName": "t"})
    scope = f"arn:aws:dynamodb:*:{ACCOUNT}:table/*"
    made = proposed(
        [role("r", policy(allow(["dynamodb:DescribeTable", "dynamodb:GetItem"], scope)))], [table], RESOURCES
    )
    assert granted(made.documents) == {
        ("dynamodb:DescribeTable", f"arn:aws:dynamodb:*:{ACCOUNT}:table/t"),
        ("dynamodb:DescribeTable", f"arn:aws:dynamodb:*:{ACCOUNT}:table/t/*"),
        # What the log cannot show is never narrowed.
        ("dynamodb:GetItem", scope),
    }


def test_resources_stay_where_a_call_does_not_say() -> None:
    calls = [call("role/r", "dynamodb", "DescribeTable", request={"tableName": "t"}),
             call("role/r", "dynamodb", "DescribeTable")]  # fmt: skip
    old = policy(allow("dynamodb:DescribeTable"))
    assert proposed([role("r", old)], calls, RESOURCES).documents == [old]


def test_a_divided_statement_keeps_its_sid_once() -> None:
    calls = [
        call("role/r", "dynamodb", "DescribeTable", request={"tableName": "t"}),
        call("role/r", "dynamodb", "ListTables"),
    ]
    old = policy(allow(["dynamodb:DescribeTable", "dynamodb:ListTables"], Sid="Tables"), allow("ec2:*", Sid="Tables2"))
    made = proposed([role("r", old)], calls, RESOURCES)
    sids = [each["Sid"] for each in made.documents[0]["Statement"]]
    assert sids[:2] == ["Tables", "Tables3"] and len(set(sids)) == len(sids)


def test_wildcards_that_unmapped_events_may_need_are_not_taken_apart() -> None:
    """A Deny makes s3:GetObject useless; without the unmapped event the list would be names."""
    unmapped = call("role/r", "s3", "GetBrandNewThing")
    old = policy(allow("s3:Get*"), deny("s3:GetObject"))
    assert proposed([role("r", old)], [unmapped]).documents == [old]
    # Of a NotAction that excepts some of such a service, no list of actions says the rest.
    old = policy({"Effect": "Allow", "NotAction": ["s3:Put*"], "Resource": "*"}, deny("s3:GetObject"))
    assert proposed([role("r", old)], [unmapped]).documents == [old]
    # One that excepts all of it is another matter.
    made = proposed([role("r", policy({"Effect": "Allow", "NotAction": ["s3:*"], "Resource": "*"}))], [unmapped])
    assert made.policies[0]["change"] != "keep"


def test_a_full_policy_says_so() -> None:
    """ "A managed policy can have up to five versions" (Versioning IAM policies, IAM guide)."""
    document = policy(allow(["ec2:RunInstances", "ec2:StopInstances"]))
    full = managed("full", *((f"201{number}-01-01T00:00:00Z", document) for number in range(5)))
    made = proposed([full, role("r", **attached(arn("policy", "full")))], [run("RunInstances")])
    assert any("5 versions" in note for note in made.notes)


def test_identity_center_writes_its_own_roles() -> None:
    path = "/aws-reserved/sso.amazonaws.com/"
    items = [role("r", policy(allow("ec2:StopInstances")), path=path)]
    made = proposed(items, [], who=f"role{path}r")
    assert any("permission set" in note for note in made.notes)


def test_a_statement_alone_and_scalars() -> None:
    """IAM takes one statement for a list of one ("Grammar of the IAM JSON policy language")."""
    old = {"Version": "2012-10-17", "Statement": allow(["ec2:RunInstances", "ec2:StopInstances"])}
    made = proposed([role("r", old)], [run("RunInstances")])
    assert made.documents == [policy(allow("ec2:RunInstances"))]
    kept = {"Version": "2012-10-17", "Statement": allow("ec2:RunInstances")}
    assert proposed([role("r", kept)], [run("RunInstances")]).documents == [kept]


def test_a_group_keeps_what_one_member_may_need() -> None:
    """A member whose log cannot show the use keeps it for all, even where idle services are assumed unused by one."""
    team = group("g", policy(allow("dynamodb:GetItem")))
    items = [team, user("u", GroupList=["g"]), user("v", GroupList=["g"])]
    busy = call("user/v", "dynamodb", "DescribeTable")
    assert actions(proposed(items, [busy], ASSUME, who="user/u").documents) == {"dynamodb:GetItem"}
    assert proposed(items, [], ASSUME, who="user/u").documents == []
