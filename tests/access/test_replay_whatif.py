"""What a proposed SCP would have stopped, by hand; rules: "SCP evaluation" and "Service control policies (SCPs)"."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.access.replay.whatif import Effect, what_if
from pipeline.access.snapshots import latest
from pipeline.errors import UsageError
from pipeline.iam.actions import mapper
from tests.access.replays import engine, record
from tests.access.worlds import ACCOUNT, END, START, allow, deny, policy, role, scp

ROLE = role("r", policy(allow("*")))


def effect(
    records: list[dict[str, Any]],
    *documents: dict[str, Any],
    items: Any = (ROLE,),
    usage_only: bool = False,
    **more: Any,
) -> Effect:
    with engine(list(items), records, usage_only) as made:
        accounts = more.get("accounts")
        return what_if(made, latest(made), mapper(), list(documents), accounts, START, END)


def told(found: Effect) -> list[tuple[str, str, str, str, int]]:
    return [
        (each.principal_arn.rpartition("/")[2], each.action, each.region, each.result, each.count)
        for each in found.stops
    ]


def test_who_doing_what_where_when_and_how_often() -> None:
    calls = [
        record("role/r", "ec2", "RunInstances", eventTime=f"2026-09-{day}T10:00:00Z", eventID=f"e{day}", **where)
        for day, where in ((10, {}), (11, {"awsRegion": "eu-west-1"}), (12, {}))
    ]
    calls += [record("user/u", "ec2", "DescribeVpcs"), record("role/r", "ec2", "DescribeVpcs")]
    found = effect(calls, policy(deny("ec2:RunInstances", Sid="NoMachines")))
    assert told(found) == [
        ("r", "ec2:RunInstances", "eu-west-1", "denied", 1),
        ("r", "ec2:RunInstances", "us-east-1", "denied", 2),
    ]
    last = found.stops[1]
    assert last.event_ids == ["e10", "e12"] and last.by == "NoMachines" and last.account_id == ACCOUNT
    assert (last.as_json()["first_seen"], last.as_json()["last_seen"]) == (
        "2026-09-10T10:00:00Z",
        "2026-09-12T10:00:00Z",
    )
    assert found.events == 5


def test_a_policy_that_allows_is_an_allow_list_and_one_that_denies_stands_beside_full_access() -> None:
    calls = [record("role/r", "ec2", "DescribeVpcs"), record("role/r", "sqs", "ListQueues")]
    assert [each.action for each in effect(calls, policy(allow("ec2:*"))).stops] == ["sqs:ListQueues"]
    assert effect(calls, policy(allow("ec2:*"))).stops[0].by == "no statement allows it"
    assert [each.action for each in effect(calls, policy(deny("ec2:*"))).stops] == ["ec2:DescribeVpcs"]


def test_conditions_by_what_the_events_tell() -> None:
    calls = [
        record("role/r", "ec2", "DescribeVpcs", sourceIPAddress="203.0.113.7"),
        record("user/u", "ec2", "DescribeVpcs", sourceIPAddress="198.51.100.9"),
    ]
    outside = deny("*", Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    assert told(effect(calls, policy(outside))) == [("u", "ec2:DescribeVpcs", "us-east-1", "denied", 1)]
    # A call that needs several resources is one call still; without the events nobody knows the addresses.
    many = effect([record("role/r", "ec2", "RunInstances")], policy(deny("ec2:RunInstances")), usage_only=True)
    assert told(many) == [("r", "ec2:RunInstances", "us-east-1", "denied", 1)]
    open_ = effect(calls, policy(outside), usage_only=True)
    assert [(each.result, each.keys) for each in open_.stops] == [("conditional", ("aws:SourceIp",))] * 2
    tags = deny("*", Condition={"StringNotEquals": {"aws:PrincipalTag/team": "a"}})
    assert {each.keys for each in effect(calls, policy(tags)).stops} == {("aws:PrincipalTag/team",)}


def test_whom_scps_do_not_bind() -> None:
    linked = record("role/x", "ec2", "DescribeVpcs")
    issuer = linked["userIdentity"]["sessionContext"]["sessionIssuer"]
    issuer["arn"] = (
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    )
    service = record("role/x", "ec2", "DescribeVpcs")
    service["userIdentity"] = {"type": "AWSService", "invokedBy": "config.amazonaws.com"}
    root = record("user/u", "ec2", "DescribeVpcs")
    root["userIdentity"] |= {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "principalId": ACCOUNT}
    foreign = record("role/x", "ec2", "DescribeVpcs")
    foreign["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = "arn:aws:iam::999999999999:role/x"
    refused = record("role/r", "ec2", "DescribeVpcs", errorCode="AccessDenied")
    found = effect([linked, service, root, foreign, refused], policy(deny("*")))
    # The root user of a member account is bound; the service-linked role, the service and the stranger are not.
    assert [each.principal_arn for each in found.stops] == [f"arn:aws:iam::{ACCOUNT}:root"]
    assert sorted(found.left_out.values()) == [1, 1, 1] and "service-linked roles" in found.left_out


def test_the_management_account_is_left_out() -> None:
    held = scp("full", policy(allow("*"))) | {"account_id": ACCOUNT}
    found = effect([record("role/r", "ec2", "DescribeVpcs")], policy(deny("*")), items=(ROLE, held))
    assert found.stops == [] and found.left_out == {"the management account": 1}


def test_only_the_accounts_that_are_named() -> None:
    call = record("role/r", "ec2", "DescribeVpcs")
    assert effect([call], policy(deny("*")), accounts=[ACCOUNT]).stops
    with pytest.raises(UsageError, match="the log holds nothing of 111111111111"):
        effect([call], policy(deny("*")), accounts=["111111111111"])


def test_an_action_the_call_only_may_have_needed_is_conditional() -> None:
    """ "Using PartiQL with DynamoDB: security": the statement says which of the actions, the event leaves it out."""
    call = record("role/r", "dynamodb", "ExecuteStatement")
    found = effect([call], policy(deny("dynamodb:PartiQLDelete")))
    assert [(each.action, each.result) for each in found.stops] == [("dynamodb:PartiQLDelete", "conditional")]
