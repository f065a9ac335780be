"""Replays worked out by hand, one a result; rules: "Policy evaluation logic" (IAM User Guide) unless a test says."""

from __future__ import annotations

from typing import Any

import pytest

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


def test_an_scp_on_what_an_event_tells_is_judged_by_it() -> None:
    """ "SCP evaluation": an SCP's Deny binds whatever identity policies allow; its conditions are the request's."""
    regions = {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1"]}}
    items = [role("r", EC2), scp("regions", policy(allow("*"), deny("*", Condition=regions)))]
    assert one(items, [record("role/r", "ec2", "DescribeVpcs")], EC2)["result"] == "allowed"
    abroad = one(items, [record("role/r", "ec2", "DescribeVpcs", awsRegion="eu-west-1")], EC2)
    assert abroad["result"] == "not_by_policy" and "SCP" in abroad["by"]
    # A proposal cannot lift it, and one that lacks the permission is at fault for what the SCP does allow.
    assert one(items, [record("role/r", "ec2", "DescribeVpcs")], policy(allow("s3:*")))["result"] == "denied"


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
