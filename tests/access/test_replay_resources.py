"""On which resources, and with which further actions, a call is replayed; each worked out by hand from AWS's pages."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.access.replay.calls import names_objects
from tests.access.replays import one, record, replayed
from tests.access.worlds import ACCOUNT, allow, arn, deny, policy, role, user

EC2 = policy(allow("ec2:*"))


def test_copying_needs_both_actions_each_on_its_object() -> None:
    """ "CopyObject" (S3 API reference): s3:GetObject on the source, s3:PutObject on the destination."""
    request = {"bucketName": "to", "key": "b", "x-amz-copy-source": "from/a"}
    call = record("role/r", "s3", "CopyObject", request, eventCategory="Data")
    today = role("r", policy(allow("s3:*")))
    proposal = policy(allow("s3:PutObject", "arn:aws:s3:::to/*"), allow("s3:GetObject", "arn:aws:s3:::from/a"))
    uses = {each.action: each for each in replayed([today], [call], proposal).uses}
    assert {name: each.verdict.result for name, each in uses.items()} == {
        "s3:GetObject": "allowed",
        "s3:PutObject": "allowed",
    }
    assert uses["s3:GetObject"].resource == "arn:aws:s3:::from/a"
    less = policy(allow("s3:PutObject", "arn:aws:s3:::to/*"), allow("s3:GetObject", "arn:aws:s3:::to/*"))
    denials = replayed([today], [call], less).denials
    assert [(each.action, each.resource) for each in denials] == [("s3:GetObject", "arn:aws:s3:::from/a")]


def passing(**statement: Any) -> dict[str, Any]:
    more = allow("iam:PassRole", **statement)
    return policy(allow("lambda:CreateFunction"), more)


def test_passing_a_role() -> None:
    """ "Granting a user permissions to pass a role to an AWS service": iam:PassRole on the role's ARN."""
    request = {"functionName": "f", "role": arn("role", "x"), "runtime": "python3.12"}
    call = record("role/r", "lambda", "CreateFunction20150331", request)
    items = [role("r", policy(allow("*"))), role("x")]
    found = {each.action: each for each in replayed(items, [call], policy(allow("lambda:*"))).uses}
    assert found["lambda:CreateFunction"].verdict.result == "allowed"
    assert found["iam:PassRole"].verdict.result == "denied" and found["iam:PassRole"].resource == arn("role", "x")
    assert not replayed(items, [call], passing(resource=arn("role", "x"))).denials
    assert replayed(items, [call], passing(resource=arn("role", "y"))).denials
    to = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert replayed(items, [call], passing(Condition=to)).proven
    to = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    assert [each.action for each in replayed(items, [call], passing(Condition=to)).denials] == ["iam:PassRole"]


def test_tags_on_creation_are_needed_too() -> None:
    """ "Grant permission to tag Amazon EC2 resources during creation": ec2:CreateTags beside ec2:RunInstances."""
    tags = {"items": [{"resourceType": "instance", "tags": [{"key": "team", "value": "a"}]}]}
    tagged = record("role/r", "ec2", "RunInstances", {"imageId": "ami-1", "tagSpecificationSet": tags})
    plain = record("role/r", "ec2", "RunInstances", {"imageId": "ami-1"})
    today, proposal = role("r", EC2), policy(allow("ec2:RunInstances"))
    assert [each.action for each in replayed([today], [tagged], proposal).denials] == ["ec2:CreateTags"]
    assert replayed([today], [plain], proposal).proven
    # The roll-up keeps whether there were tags: it says the same without events.
    assert replayed([today], [plain], proposal, usage_only=True).proven
    assert [each.action for each in replayed([today], [tagged], proposal, usage_only=True).denials] == [
        "ec2:CreateTags"
    ]


OBJECTS = [
    record("role/r", "s3", "GetObject", {"bucketName": "b", "key": key}, eventCategory="Data", eventID=key)
    for key in ("in/1", "in/2", "out/1")
]


def test_objects_are_read_from_the_events_where_a_policy_names_some() -> None:
    today = role("r", policy(allow("s3:*")))
    whole = replayed([today], OBJECTS, policy(allow("s3:GetObject", "arn:aws:s3:::b/*")))
    assert whole.proven and whole.detailed == [] and whole.uses[0].resource == "arn:aws:s3:::b/*"
    told = replayed([today], OBJECTS, policy(allow("s3:GetObject", "arn:aws:s3:::b/in/*"))).as_json()
    assert told["allowed"] == 2 and told["read_from_events"] == ["s3.amazonaws.com GetObject"]
    assert [(each["resource"], each["event_ids"]) for each in told["denials"]] == [("arn:aws:s3:::b/out/1", ["out/1"])]
    fence = policy(allow("s3:*"), deny("s3:GetObject", "arn:aws:s3:::b/out/*"))
    assert [each.resource for each in replayed([today], OBJECTS, fence).denials] == ["arn:aws:s3:::b/out/1"]


def test_without_events_an_object_nobody_knows_stays_open() -> None:
    today = role("r", policy(allow("s3:*")))
    for proposal in (
        policy(allow("s3:GetObject", "arn:aws:s3:::b/in/*")),
        policy(allow("s3:*"), deny("s3:GetObject", "arn:aws:s3:::b/out/*")),
    ):
        found = one([today], OBJECTS, proposal, usage_only=True)
        assert found["result"] == "conditional" and found["keys"] == ("(the resource)",)
    other = policy(allow("s3:GetObject", "arn:aws:s3:::another/*"))
    assert one([today], OBJECTS, other, usage_only=True)["result"] == "denied"


def test_many_objects_are_told_apart_by_the_patterns_of_the_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.access.replay.reading.MOST", 2)
    told = replayed([role("r", policy(allow("s3:*")))], OBJECTS, policy(allow("s3:GetObject", "arn:aws:s3:::b/in/*")))
    assert told.folded and len(told.uses) == 2 and told.events == 3
    assert [(each.resource, each.event_ids) for each in told.denials] == [("arn:aws:s3:::b/out/1", ["out/1"])]


def test_where_names_are_too_many_the_resource_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [record("role/r", "ec2", "StopInstances", {"instancesSet": {"items": [{"instanceId": f"i-{i}"}]}})
             for i in range(9)]  # fmt: skip
    only = policy(allow("ec2:*", f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1"))
    assert replayed([role("r", EC2)], calls, only).as_json()["denied"] == 8
    monkeypatch.setattr("pipeline.access.replay.reading.MOST", 5)
    told = replayed([role("r", EC2)], calls, only).as_json()
    assert (told["denied"], told["conditional"], told["events"]) == (0, 1, 9)


def test_arns_of_the_events_name_the_resources() -> None:
    """ "CloudTrail record contents", resources: the key's ARN, which the request itself may not name."""
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k1"
    call = record("role/r", "kms", "Decrypt", resources=[{"ARN": key, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}])
    today = role("r", policy(allow("kms:*")))
    assert one([today], [call], policy(allow("kms:Decrypt", key)))["result"] == "allowed"
    other = one([today], [call], policy(allow("kms:Decrypt", key.replace("k1", "k2"))))
    assert other["result"] == "denied" and other["resource"] == key
    # The key may be another account's, and the roll-up does not tell.
    foreign = policy(allow("kms:Decrypt", "arn:aws:kms:us-east-1:999999999999:key/k1"))
    assert one([today], [call], foreign, usage_only=True)["result"] == "conditional"


def test_a_user_who_names_no_user_means_itself() -> None:
    """ "GetUser" (IAM API reference): without a user name it is the caller."""
    call = record("user/u", "iam", "GetUser")
    for pattern, result in ((arn("user", "${aws:username}"), "allowed"), (arn("user", "else"), "denied")):
        who = user("u", policy(allow("iam:*")))
        assert one([who], [call], policy(allow("iam:GetUser", pattern)), name="u")["result"] == result


def test_a_query_of_an_index_needs_the_index() -> None:
    """ "Using IAM with DynamoDB": table/NAME/index/NAME is a resource of its own."""
    call = record("role/r", "dynamodb", "Query", {"tableName": "t", "indexName": "i"}, eventCategory="Data")
    today, table = role("r", policy(allow("dynamodb:*"))), f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t"
    assert one([today], [call], policy(allow("dynamodb:Query", table)))["result"] == "denied"
    assert one([today], [call], policy(allow("dynamodb:Query", f"{table}/index/*")))["result"] == "allowed"
    assert one([today], [call], policy(allow("dynamodb:Query", table)), usage_only=True)["result"] == "conditional"


def test_an_instance_profile_passes_its_role() -> None:
    """ "Granting a user permissions to pass a role": RunInstances with a profile passes the role that is in it."""
    profile = {"InstanceProfileName": "web", "Arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/web"}
    call = record("role/r", "ec2", "RunInstances", {"iamInstanceProfile": {"name": "web"}})
    items = [role("r", policy(allow("*"))), role("web", InstanceProfileList=[profile])]
    proposal = policy(allow("ec2:*"), allow("iam:PassRole", arn("role", "other")))
    denials = replayed(items, [call], proposal).denials
    assert [(each.action, each.resource) for each in denials] == [("iam:PassRole", arn("role", "web"))]


@pytest.mark.parametrize(
    ("pattern", "some"),
    [("b", 0), ("b/*", 0), ("*", 0), ("team-*", 0), ("b/in/*", 1), ("*.csv", 1), ("*/in/*", 1), ("b/a?", 1), ("*b", 1)],
)
def test_patterns_that_name_some_objects(pattern: str, some: int) -> None:
    assert names_objects(f"arn:aws:s3:::{pattern}") is bool(some)
