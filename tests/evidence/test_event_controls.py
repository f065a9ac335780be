"""Each event control: the events that must match it and those that must not, after the benchmark's filter patterns.

Expectations come from the patterns of CIS AWS Foundations 5.0, 4.1 to 4.15, and from AWS's own page on sign-in events.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pipeline.catalog import Catalog
from tests.evidence.made import ACCOUNT, NOON, OTHER, SINCE, UNTIL, ask, engine, event, federated, root, sign_in, user

CHANGES = {
    "iam_policy_changes": (
        "iam",
        "DeleteGroupPolicy DeleteRolePolicy DeleteUserPolicy PutGroupPolicy PutRolePolicy PutUserPolicy CreatePolicy "
        "DeletePolicy CreatePolicyVersion DeletePolicyVersion AttachRolePolicy DetachRolePolicy AttachUserPolicy "
        "DetachUserPolicy AttachGroupPolicy DetachGroupPolicy",
    ),
    "cloudtrail_configuration_changes": ("cloudtrail", "CreateTrail UpdateTrail DeleteTrail StartLogging StopLogging"),
    "kms_key_disabled_or_deleted": ("kms", "DisableKey ScheduleKeyDeletion"),
    "s3_bucket_policy_changes": (
        "s3",
        "PutBucketAcl PutBucketPolicy PutBucketCors PutBucketLifecycle PutBucketReplication DeleteBucketPolicy "
        "DeleteBucketCors DeleteBucketLifecycle DeleteBucketReplication",
    ),
    "config_changes": (
        "config",
        "StopConfigurationRecorder DeleteDeliveryChannel PutDeliveryChannel PutConfigurationRecorder",
    ),
    "security_group_changes": (
        "ec2",
        "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress "
        "RevokeSecurityGroupEgress CreateSecurityGroup DeleteSecurityGroup ModifySecurityGroupRules",
    ),
    "network_acl_changes": (
        "ec2",
        "CreateNetworkAcl CreateNetworkAclEntry DeleteNetworkAcl DeleteNetworkAclEntry ReplaceNetworkAclEntry "
        "ReplaceNetworkAclAssociation",
    ),
    "network_gateway_changes": (
        "ec2",
        "CreateCustomerGateway DeleteCustomerGateway AttachInternetGateway CreateInternetGateway DeleteInternetGateway "
        "DetachInternetGateway",
    ),
    "route_table_changes": (
        "ec2",
        "CreateRoute CreateRouteTable ReplaceRoute ReplaceRouteTableAssociation DeleteRouteTable DeleteRoute "
        "DisassociateRouteTable",
    ),
    "vpc_changes": (
        "ec2",
        "CreateVpc DeleteVpc ModifyVpcAttribute AcceptVpcPeeringConnection CreateVpcPeeringConnection "
        "DeleteVpcPeeringConnection RejectVpcPeeringConnection AttachClassicLinkVpc DetachClassicLinkVpc "
        "DisableVpcClassicLink EnableVpcClassicLink",
    ),
    "organizations_changes": (
        "organizations",
        "AcceptHandshake AttachPolicy CreateAccount CreateOrganizationalUnit CreatePolicy DeclineHandshake "
        "DeleteOrganization DeleteOrganizationalUnit DeletePolicy DetachPolicy DisablePolicyType EnablePolicyType "
        "InviteAccountToOrganization LeaveOrganization MoveAccount RemoveAccountFromOrganization UpdatePolicy "
        "UpdateOrganizationalUnit",
    ),
}
DENIED = {"errorCode": "AccessDenied", "errorMessage": "User is not authorized"}


def ids(records: list[dict[str, Any]]) -> set[str]:
    return {each["eventID"] for each in records}


def found(rows: list[dict[str, Any]]) -> set[str]:
    return {each for row in rows for each in row["event_ids"]}


@pytest.mark.parametrize("control", CHANGES)
def test_a_change_control_finds_the_benchmarks_calls(control: str, catalog: Catalog) -> None:
    source, names = CHANGES[control]
    matching = [event(name, source) for name in names.split()]
    others = [
        event("DescribeInstances", "ec2"),
        event(names.split()[0], "example"),
        event(names.split()[0], source, SINCE - timedelta(seconds=1)),
        event(names.split()[0], source, UNTIL + timedelta(seconds=1)),
        event(names.split()[0].lower(), source),
    ]
    rows = ask(engine(matching + others), catalog, f"compliance/{control}")
    assert found(rows) == ids(matching)
    assert sum(row["count"] for row in rows) == len(names.split())
    assert all(row.get("in_benchmark", True) for row in rows)


@pytest.mark.parametrize("control", CHANGES)
def test_a_change_that_was_refused_stands_apart_from_one_that_happened(control: str, catalog: Catalog) -> None:
    source, names = CHANGES[control]
    name = names.split()[0]
    done, again, refused = event(name, source), event(name, source), event(name, source, **DENIED)
    rows = ask(engine([done, again, refused]), catalog, f"compliance/{control}")
    assert {(row["outcome"], row["count"]) for row in rows} == {("ok", 2), ("denied", 1)}


@pytest.mark.parametrize(
    ("control", "source", "name"),
    [
        ("iam_policy_changes", "iam", "UpdateAssumeRolePolicy"),
        ("iam_policy_changes", "iam", "SetDefaultPolicyVersion"),
        ("iam_policy_changes", "iam", "DeleteRolePermissionsBoundary"),
        ("cloudtrail_configuration_changes", "cloudtrail", "PutEventSelectors"),
    ],
)
def test_changes_beyond_the_benchmark_are_marked(control: str, source: str, name: str, catalog: Catalog) -> None:
    [row] = ask(engine([event(name, source)]), catalog, f"compliance/{control}")
    assert row["in_benchmark"] is False


@pytest.mark.parametrize(
    ("control", "record", "target"),
    [
        (
            "iam_policy_changes",
            event(
                "AttachRolePolicy", "iam", requestParameters={"roleName": "R", "policyArn": "arn:aws:iam::aws:policy/P"}
            ),
            "R arn:aws:iam::aws:policy/P",
        ),
        ("s3_bucket_policy_changes", event("PutBucketAcl", "s3", requestParameters={"bucketName": "b"}), "b"),
        ("vpc_changes", event("CreateVpc", "ec2", responseElements={"vpc": {"vpcId": "vpc-1"}}), "vpc-1"),
        (
            "security_group_changes",
            event(
                "ModifySecurityGroupRules",
                "ec2",
                requestParameters={"ModifySecurityGroupRulesRequest": {"GroupId": "sg-1"}},
            ),
            "sg-1",
        ),
    ],
)
def test_a_row_says_what_was_changed(control: str, record: dict[str, Any], target: str, catalog: Catalog) -> None:
    [row] = ask(engine([record]), catalog, f"compliance/{control}")
    assert row["targets"] == [target]


def test_a_record_whose_parameters_duckdb_cannot_read_is_a_row_without_target(catalog: Catalog) -> None:
    record = event("PutBucketAcl", "s3", requestParameters={"bucketName": "\ud800"})
    [row] = ask(engine([record]), catalog, "compliance/s3_bucket_policy_changes")
    assert row["count"] == 1


@pytest.mark.parametrize(
    ("matches", "members"),
    [
        (True, {"errorCode": "AccessDenied"}),
        (True, {"errorCode": "AccessDeniedException"}),
        (True, {"errorCode": "Client.UnauthorizedOperation"}),
        (False, {"errorCode": "Client.UnauthorizedOperation.Other"}),
        (False, {"errorCode": "NoSuchBucket"}),
        (False, {}),
        # The written filter would let these two through, since AND binds before OR in it.
        (False, {"errorCode": "Client.UnauthorizedOperation", "sourceIPAddress": "delivery.logs.amazonaws.com"}),
        (False, {"errorCode": "Client.UnauthorizedOperation", "eventName": "HeadBucket"}),
        (False, {"errorCode": "AccessDenied", "sourceIPAddress": "delivery.logs.amazonaws.com"}),
        (False, {"errorCode": "AccessDenied", "eventName": "HeadBucket"}),
    ],
)
def test_unauthorized_calls(matches: bool, members: dict[str, Any], catalog: Catalog) -> None:
    record = event("ListBuckets", "s3") | members
    rows = ask(engine([record]), catalog, "compliance/unauthorized_api_calls")
    assert found(rows) == (ids([record]) if matches else set())


@pytest.mark.parametrize(
    ("judgement", "record"),
    [
        ("violation", sign_in("No")),
        ("violation", sign_in("No", userIdentity=root())),
        ("review", sign_in("No", userIdentity=federated())),
        ("review", sign_in("No", failed=True)),
        ("review", sign_in(None)),
        (None, sign_in("Yes")),
        (None, sign_in("Yes", failed=True)),
        (None, event("SwitchRole", "signin", additionalEventData={"MFAUsed": "No"})),
    ],
)
def test_sign_in_without_mfa(judgement: str | None, record: dict[str, Any], catalog: Catalog) -> None:
    rows = ask(engine([record]), catalog, "compliance/console_sign_in_without_mfa")
    assert [row["judgement"] for row in rows] == ([judgement] if judgement else [])


@pytest.mark.parametrize(
    ("judgement", "record"),
    [
        ("violation", event("CreateUser", "iam", userIdentity=root())),
        ("violation", event("CreateUser", "iam", userIdentity=root(), **DENIED)),
        ("violation", sign_in("Yes", userIdentity=root())),
        ("review", sign_in("No", failed=True, userIdentity=root())),
        ("review", event("PasswordRecoveryRequested", "signin", userIdentity=root(), eventType="AwsConsoleSignIn")),
        (None, event("CreateUser", "iam")),
        (None, event("Decrypt", "kms", userIdentity=root() | {"invokedBy": "s3.amazonaws.com"})),
        (None, event("ReservedInstancesExpired", "ec2", userIdentity=root(), eventType="AwsServiceEvent")),
    ],
)
def test_use_of_root(judgement: str | None, record: dict[str, Any], catalog: Catalog) -> None:
    rows = ask(engine([record]), catalog, "compliance/root_user_used")
    assert [row["judgement"] for row in rows] == ([judgement] if judgement else [])


@pytest.mark.parametrize(
    ("matches", "record"),
    [
        (True, sign_in("No", failed=True)),
        (True, sign_in("No", failed=True, userIdentity=root())),
        (False, sign_in("No", failed=True, errorMessage="No username found in supplied account")),
        (False, sign_in("No")),
        (False, event("GetSigninToken", "signin", errorMessage="Failed authentication")),
    ],
)
def test_failed_sign_ins(matches: bool, record: dict[str, Any], catalog: Catalog) -> None:
    rows = ask(engine([record]), catalog, "compliance/console_authentication_failures")
    assert found(rows) == (ids([record]) if matches else set())


def test_rows_are_groups_with_all_their_events(catalog: Catalog) -> None:
    alice = [event("CreateVpc", "ec2", NOON + timedelta(hours=hour)) for hour in range(3)]
    bob = event("CreateVpc", "ec2", userIdentity=user("bob"))
    rows = ask(engine([*alice, bob]), catalog, "compliance/vpc_changes")
    assert [(row["principal_arn"], row["count"]) for row in rows] == [
        (f"arn:aws:iam::{ACCOUNT}:user/alice", 3),
        (f"arn:aws:iam::{ACCOUNT}:user/bob", 1),
    ]
    assert rows[0]["event_ids"] == [each["eventID"] for each in alice]
    assert (rows[0]["first_seen"], rows[0]["last_seen"]) == (NOON, NOON + timedelta(hours=2))


def test_an_organizations_twins_are_one_call(catalog: Catalog) -> None:
    twins = [event("ScheduleKeyDeletion", "kms", sharedEventID="shared") for _ in range(2)]
    [row] = ask(engine(twins), catalog, "compliance/kms_key_disabled_or_deleted")
    assert row["count"] == 1
    assert len(row["event_ids"]) == 2


def test_a_record_without_event_id_counts(catalog: Catalog) -> None:
    old = [
        event("StopLogging", "cloudtrail", NOON + timedelta(hours=h), eventID=None, eventVersion="1.0") for h in (0, 1)
    ]
    [row] = ask(engine(old), catalog, "compliance/cloudtrail_configuration_changes")
    assert row["count"] == 2


def test_accounts_stand_apart(catalog: Catalog) -> None:
    records = [event("StopLogging", "cloudtrail", account=account) for account in (ACCOUNT, OTHER)]
    rows = ask(engine(records), catalog, "compliance/cloudtrail_configuration_changes")
    assert {row["account_id"] for row in rows} == {ACCOUNT, OTHER}
