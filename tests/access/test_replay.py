"""Replays worked out by hand, one a result; rules: "Policy evaluation logic" (IAM User Guide) unless a test says."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.access.replay.calls import names_objects
from pipeline.errors import UsageError
from tests.access.replays import one, record, replayed
from tests.access.worlds import ACCOUNT, allow, arn, deny, group, managed, policy, role, scp, user

START = record("role/r", "ec2", "StartInstances", {"instancesSet": {"items": [{"instanceId": "i-1"}]}})
EC2 = policy(allow("ec2:*"))


def test_allowed_by_the_proposal() -> None:
    found = replayed([role("r", EC2)], [START], policy(allow("ec2:StartInstances")))
    told = found.as_json()
    assert (told["events"], told["tuples"], told["allowed"]) == (1, 1, 1) and found.proven
    assert [told[each] for each in ("denied", "conditional", "unmapped", "not_by_policy")] == [0, 0, 0, 0]
    assert told["denials"] == [] and told["principal_arn"] == arn("role", "r")
    # What the roll-up shows to be allowed is not read again.
    assert told["read_from_events"] == []


def test_denied_with_every_event() -> None:
    calls = [START | {"eventID": f"e{i}", "eventTime": f"2026-09-{i + 1:02}T10:00:00Z"} for i in range(9)]
    told = replayed([role("r", EC2)], calls, policy(allow("ec2:StopInstances"))).as_json()
    assert told["denied"] == 1 and told["allowed"] == 0
    (denial,) = told["denials"]
    assert denial["action"] == "ec2:StartInstances" and denial["count"] == 9
    assert denial["resource"] == f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1"
    assert denial["event_ids"] == [f"e{i}" for i in range(9)]


def test_a_denial_has_the_ids_of_its_own_events() -> None:
    """A request without members and no request at all are two things, in whatever the policies ask for."""
    requests = [None, {}, {"bucketName": "b"}, {"bucketName": "b", "prefix": ""}]
    calls = [record("role/r", "s3", "GetBucketAcl", each, eventID=f"e{i}") for i, each in enumerate(requests)]
    proposal = policy(allow("s3:*", Condition={"StringEquals": {"s3:prefix": "in/"}}))
    denials = replayed([role("r", policy(allow("s3:*")))], calls, proposal).denials
    assert all(len(each.event_ids) == each.count for each in denials)
    assert sorted(event for each in denials for event in each.event_ids) == ["e1", "e2", "e3"]


def test_moments_that_only_stand_for_others_are_not_shown() -> None:
    proposal = policy(allow("ec2:*", Condition={"DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}))
    calls = [START | {"eventID": f"e{i}", "eventTime": f"2026-09-0{i + 1}T10:00:00Z"} for i in range(3)]
    (denial,) = replayed([role("r", EC2)], calls, proposal).as_json()["denials"]
    assert denial["count"] == 3 and denial["context"] == {}
    assert (denial["first_seen"], denial["last_seen"]) == ("2026-09-01T10:00:00Z", "2026-09-03T10:00:00Z")


def test_denied_by_the_roll_up_alone_where_no_events_are_left() -> None:
    found = one([role("r", EC2)], [START | {"eventID": "x"}], policy(allow("sqs:*")), usage_only=True)
    assert found["result"] == "denied" and found["ids"] == ["x"]


def test_conditional_names_the_key() -> None:
    tagged = allow("ec2:StartInstances", Condition={"StringEquals": {"aws:ResourceTag/team": "a"}})
    found = one([role("r", EC2)], [START], policy(tagged))
    assert found["result"] == "conditional" and found["keys"] == ("aws:ResourceTag/team",)


def test_conditional_on_the_very_statement_of_today_is_marked() -> None:
    tagged = policy(allow("ec2:StartInstances", Condition={"StringEquals": {"aws:ResourceTag/team": "a"}}))
    other = policy(allow("ec2:StartInstances", Condition={"StringEquals": {"aws:ResourceTag/team": "b"}}))
    assert replayed([role("r", tagged)], [START], tagged).as_json()["conditionals"][0]["as_today"] is True
    assert replayed([role("r", tagged)], [START], other).as_json()["conditionals"][0]["as_today"] is False


def test_unmapped_calls_are_shown_and_never_guessed() -> None:
    told = replayed([role("r", EC2)], [record("role/r", "ec2", "NoSuchCall", eventID="u")], EC2).as_json()
    assert told["unmapped"] == 1 and told["tuples"] == 1 and told["allowed"] == 0 and told["events"] == 1
    (call,) = told["unmapped_calls"]
    assert call == {"event_source": "ec2.amazonaws.com", "event_name": "NoSuchCall", "count": 1, "event_ids": ["u"]}
    assert not told["proven"]


def test_not_by_policy_a_resource_policy_may_allow_it() -> None:
    call = record("role/r", "sqs", "SendMessage", {"queueUrl": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q"})
    found = one([role("r", EC2)], [call], EC2)
    assert found["result"] == "not_by_policy" and found["by"].startswith("resource policy")
    assert found["resource"] == f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"


def test_not_by_policy_unknown_where_the_service_has_no_resource_policies() -> None:
    found = one([role("r", policy(allow("s3:*")))], [START], policy(allow("s3:*")))
    assert found["result"] == "not_by_policy" and found["by"].startswith("unknown")


def test_a_deny_that_the_proposal_adds_stops_what_a_resource_policy_allows() -> None:
    call = record("role/r", "sqs", "SendMessage", {"queueUrl": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/q"})
    assert one([role("r", EC2)], [call], policy(deny("sqs:*")))["result"] == "denied"


def trusted(name: str, statement: dict[str, Any]) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole"} | statement
    return role(name, AssumeRolePolicyDocument=policy(trust))


ASSUME = record("role/r", "sts", "AssumeRole", {"roleArn": arn("role", "t"), "roleSessionName": "x"})


def test_role_trust_that_names_the_caller_needs_no_identity_policy() -> None:
    """ "Cross account resource access in IAM": in one account either policy suffices where the resource's names it."""
    target = trusted("t", {"Principal": {"AWS": arn("role", "r")}})
    found = one([role("r", EC2), target], [ASSUME], EC2)
    assert found["result"] == "not_by_policy" and found["by"] == "role trust policy"
    may = policy(allow("sts:AssumeRole"))
    assert one([role("r", may), target], [ASSUME], EC2)["result"] == "allowed"


def test_role_trust_that_names_the_account_leaves_it_to_identity_policies() -> None:
    target = trusted("t", {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}})
    may = policy(allow("sts:AssumeRole", arn("role", "t")))
    assert one([role("r", may), target], [ASSUME], may)["result"] == "allowed"
    assert one([role("r", may), target], [ASSUME], EC2)["result"] == "denied"
    other = policy(allow("sts:AssumeRole", arn("role", "other")))
    assert one([role("r", may), target], [ASSUME], other)["result"] == "denied"


def test_todays_policies_deny_nothing() -> None:
    blocked = scp("guard", policy(allow("*"), deny("ec2:*")))
    for items in ([role("r", EC2)], [role("r", EC2), blocked], [role("r", policy(allow("ec2:*"), deny("ec2:Start*")))]):
        documents = [each["PolicyDocument"] for each in items[0]["item"]["RolePolicyList"]]
        assert replayed(items, [START], *documents).as_json()["denied"] == 0


def test_an_scp_that_denies_today_is_not_the_proposals_fault() -> None:
    found = one([role("r", EC2), scp("guard", policy(allow("*"), deny("ec2:*", Sid="NoEc2")))], [START], EC2)
    assert found["result"] == "not_by_policy" and "SCP (NoEc2)" in found["by"]


def test_boundary_limits_the_proposal_too() -> None:
    """ "Permissions boundaries for IAM entities": the intersection. The boundary stays, so a proposal cannot widen."""
    bound = managed("bound", ("2020-01-01T00:00:00Z", policy(allow("ec2:StartInstances"))))
    boundary = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn("policy", "bound")}}
    items = [role("r", EC2, **boundary), bound]
    assert one(items, [START], policy(allow("*")))["result"] == "allowed"
    assert one(items, [START], policy(allow("ec2:Stop*")))["result"] == "denied"


def test_not_action_and_deny() -> None:
    """ "IAM JSON policy elements: NotAction": an Allow of all but what is listed."""
    but_iam = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    but_ec2 = {"Effect": "Allow", "NotAction": "ec2:*", "Resource": "*"}
    assert one([role("r", EC2)], [START], policy(but_iam))["result"] == "allowed"
    assert one([role("r", EC2)], [START], policy(but_ec2))["result"] == "denied"
    guard = {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*",
             "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}}  # fmt: skip
    assert one([role("r", EC2)], [START], policy(allow("ec2:*"), guard))["result"] == "denied"
    guard["Condition"] = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
    assert one([role("r", EC2)], [START], policy(allow("ec2:*"), guard))["result"] == "allowed"


def test_denied_calls_are_no_need_and_other_failures_weak_use() -> None:
    refused = START | {"eventID": "d", "errorCode": "Client.UnauthorizedOperation"}
    failed = START | {"eventID": "f", "errorCode": "Client.IncorrectInstanceState"}
    told = replayed([role("r", EC2)], [refused, failed], policy(allow("s3:*"))).as_json()
    assert told["events"] == 1 and told["denied_calls"] == 1 and told["weak"] == 1
    (denial,) = told["denials"]
    assert denial["count"] == denial["weak"] == 1 and denial["event_ids"] == ["f"]


def test_sessions_are_their_roles() -> None:
    calls = [record("role/r", "ec2", "DescribeVpcs", session=f"s{i}") for i in range(3)]
    assert one([role("r", EC2)], calls, EC2)["count"] == 3


def test_a_namesake_made_anew_is_another_principal() -> None:
    """ "IAM identifiers": a unique id is never used again."""
    before = record("role/r", "ec2", "DescribeVpcs")
    before["userIdentity"]["sessionContext"]["sessionIssuer"]["principalId"] = "AROAOLD"
    assert replayed([role("r", EC2)], [before], EC2).tuples == 0


def test_calls_through_a_service_are_the_callers() -> None:
    """ "Forward access sessions" (IAM User Guide): the service asks with the caller's permissions."""
    call = record("role/r", "kms", "Decrypt", sourceIPAddress="s3.amazonaws.com")
    call["userIdentity"]["invokedBy"] = "s3.amazonaws.com"
    told = replayed([role("r", policy(allow("kms:*")))], [call], policy(allow("ec2:*"))).as_json()
    assert [each["action"] for each in told["denials"]] == ["kms:Decrypt"]
    assert told["denials"][0]["via"] == ["s3.amazonaws.com"]


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


def test_tags_on_creation_are_looked_up_in_the_events() -> None:
    """ "Grant permission to tag Amazon EC2 resources during creation": ec2:CreateTags beside ec2:RunInstances."""
    tags = {"items": [{"resourceType": "instance", "tags": [{"key": "team", "value": "a"}]}]}
    tagged = record("role/r", "ec2", "RunInstances", {"imageId": "ami-1", "tagSpecificationSet": tags})
    plain = record("role/r", "ec2", "RunInstances", {"imageId": "ami-1"})
    today, proposal = role("r", EC2), policy(allow("ec2:RunInstances"))
    assert [each.action for each in replayed([today], [tagged], proposal).denials] == ["ec2:CreateTags"]
    assert replayed([today], [plain], proposal).proven
    # The roll-up does not keep tags: without events it stays open.
    assert replayed([today], [plain], proposal, usage_only=True).as_json()["conditional"] > 0


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


def test_groups_and_managed_policies_are_replaced_unless_named() -> None:
    use = managed("use", ("2020-01-01T00:00:00Z", EC2))
    attached = {"AttachedManagedPolicies": [{"PolicyArn": arn("policy", "use"), "PolicyName": "use"}]}
    member = user("r", policy(allow("sqs:*")), GroupList=["g"], **attached)
    items = [member, group("g", policy(allow("sns:*"))), use]
    call = record("user/r", "ec2", "DescribeVpcs")
    s3 = policy(allow("s3:*"))
    assert one(items, [call], s3)["result"] == "denied"
    for name in ("g0", "p0"):
        assert one(items, [call], s3, replaced={name})["result"] == "allowed"
    for name in ("use", arn("policy", "use")):
        assert one(items, [call], s3, replaced={name})["result"] == "denied"
    with pytest.raises(UsageError, match="nothere: is no policy of the principal; it has g0, p0, use"):
        replayed(items, [call], s3, replaced={"nothere"})


def test_a_policy_the_snapshot_lacks_leaves_open_what_stays() -> None:
    attached = {"AttachedManagedPolicies": [{"PolicyArn": arn("policy", "gone"), "PolicyName": "gone"}]}
    items = [role("r", policy(allow("s3:*")), **attached)]
    kept = one(items, [START], policy(allow("s3:*")), replaced={"p0"})
    assert kept["result"] == "conditional" and kept["keys"] == ("(a policy the snapshot lacks)",)
    assert one(items, [START], policy(allow("s3:*")))["result"] == "denied"


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


def test_an_scp_on_what_an_event_tells_is_judged_by_it() -> None:
    """ "SCP evaluation": an SCP's Deny binds whatever identity policies allow; its conditions are the request's."""
    regions = {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1"]}}
    items = [role("r", EC2), scp("regions", policy(allow("*"), deny("*", Condition=regions)))]
    assert one(items, [record("role/r", "ec2", "DescribeVpcs")], EC2)["result"] == "allowed"
    abroad = one(items, [record("role/r", "ec2", "DescribeVpcs", awsRegion="eu-west-1")], EC2)
    assert abroad["result"] == "not_by_policy" and "SCP" in abroad["by"]
    # A proposal cannot lift it, and one that lacks the permission is at fault for what the SCP does allow.
    assert one(items, [record("role/r", "ec2", "DescribeVpcs")], policy(allow("s3:*")))["result"] == "denied"


def test_an_instance_profile_passes_its_role() -> None:
    """ "Granting a user permissions to pass a role": RunInstances with a profile passes the role that is in it."""
    profile = {"InstanceProfileName": "web", "Arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/web"}
    call = record("role/r", "ec2", "RunInstances", {"iamInstanceProfile": {"name": "web"}})
    items = [role("r", policy(allow("*"))), role("web", InstanceProfileList=[profile])]
    proposal = policy(allow("ec2:*"), allow("iam:PassRole", arn("role", "other")))
    denials = replayed(items, [call], proposal).denials
    assert [(each.action, each.resource) for each in denials] == [("iam:PassRole", arn("role", "web"))]


def test_what_is_not_covered_is_said() -> None:
    calls = [START, START | {"eventID": "x", "errorCode": "Client.IncorrectState"}, record("role/r", "ec2", "NoSuch")]
    said = " ".join(replayed([role("r", EC2)], calls, EC2).not_covered)
    for text in ("outside the window", "1 calls that map to no catalogued action: ec2.amazonaws.com NoSuch",
                 "1 calls failed for another reason", "Data events that were never seen", "short window"):  # fmt: skip
        assert text in said, text


def test_a_limit_that_cannot_be_read_leaves_everything_open() -> None:
    bound = managed("bound", ("2020-01-01T00:00:00Z", policy(allow("ec2:*", "no-arn"))))
    items = [role("r", EC2, PermissionsBoundary={"PermissionsBoundaryArn": arn("policy", "bound")}), bound]
    assert one(items, [START], EC2)["keys"] == ("(a policy that cannot be read)",)


@pytest.mark.parametrize(
    ("pattern", "some"),
    [("b", 0), ("b/*", 0), ("*", 0), ("team-*", 0), ("b/in/*", 1), ("*.csv", 1), ("*/in/*", 1), ("b/a?", 1), ("*b", 1)],
)
def test_patterns_that_name_some_objects(pattern: str, some: int) -> None:
    assert names_objects(f"arn:aws:s3:::{pattern}") is bool(some)
