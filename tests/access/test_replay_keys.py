"""Each condition key an event tells: known, known to be absent, or unknown; a row names the AWS page it rests on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.access.replays import one, record
from tests.access.worlds import ACCOUNT, allow, arn, policy, role, user

GLOBAL = "AWS global condition context keys"
EC2 = policy(allow("*"))


def session(**attributes: Any) -> dict[str, Any]:
    """The identity of a session of role/r with other attributes."""
    made = record("role/r", "ec2", "DescribeVpcs")["userIdentity"]
    made["sessionContext"] |= attributes
    return made


MFA = {"attributes": {"mfaAuthenticated": "true", "creationDate": "2026-09-15T09:00:00Z"}}
WEB = {"webIdFederationData": {"federatedProvider": "accounts.google.com"}}
BY_S3 = session() | {"invokedBy": "s3.amazonaws.com"}
AS_SERVICE = {"sourceIPAddress": "s3.amazonaws.com", "userIdentity": BY_S3}
BY_ATHENA = {
    "sourceIPAddress": "athena.amazonaws.com",
    "userIdentity": session() | {"invokedBy": "athena.amazonaws.com"},
}
ENDPOINT = {"sourceIPAddress": "10.0.0.7", "vpcEndpointId": "vpce-1"}
TRUSTED_BY_PEOPLE = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
TRUSTED_BY_SERVICE = {"Service": "s3.amazonaws.com"}

# (page, operator, key, value, what the event holds, the answer where the condition must hold for an Allow)
ROWS: list[tuple[str, str, str, str, dict[str, Any], str]] = [
    (GLOBAL, "IpAddress", "aws:SourceIp", "203.0.113.0/24", {}, "allowed"),
    (GLOBAL, "IpAddress", "aws:SourceIp", "198.51.100.0/24", {}, "denied"),
    # Absent where the request came through a VPC endpoint.
    (GLOBAL, "IpAddress", "aws:SourceIp", "10.0.0.0/8", ENDPOINT, "denied"),
    (GLOBAL, "IpAddress", "aws:SourceIp", "203.0.113.0/24", AS_SERVICE, "conditional"),
    (GLOBAL, "IpAddress", "aws:SourceIp", "10.0.0.0/8", {"sourceIPAddress": "10.0.0.7"}, "conditional"),
    (GLOBAL, "IpAddress", "aws:VpcSourceIp", "10.0.0.0/8", ENDPOINT, "allowed"),
    (GLOBAL, "IpAddress", "aws:VpcSourceIp", "10.0.0.0/8", {}, "denied"),
    (GLOBAL, "StringEquals", "aws:SourceVpce", "vpce-1", {"vpcEndpointId": "vpce-1"}, "allowed"),
    (GLOBAL, "StringEquals", "aws:SourceVpce", "vpce-2", {"vpcEndpointId": "vpce-1"}, "denied"),
    (GLOBAL, "StringEquals", "aws:SourceVpce", "vpce-1", {}, "denied"),
    (GLOBAL, "StringEquals", "aws:SourceVpc", "vpc-1", {"vpcEndpointId": "vpce-1"}, "conditional"),
    (GLOBAL, "StringLike", "aws:UserAgent", "aws-cli/*", {}, "allowed"),
    (GLOBAL, "StringLike", "aws:UserAgent", "Boto3/*", {}, "denied"),
    (GLOBAL, "StringLike", "aws:UserAgent", "aws-cli/*", {"userAgent": "[aws-cli/2.17]"}, "conditional"),
    (GLOBAL, "StringEquals", "aws:RequestedRegion", "us-east-1", {}, "allowed"),
    (GLOBAL, "StringEquals", "aws:RequestedRegion", "eu-west-1", {}, "denied"),
    (GLOBAL, "ArnLike", "aws:PrincipalArn", arn("role", "r"), {}, "allowed"),
    (GLOBAL, "StringEquals", "aws:PrincipalAccount", ACCOUNT, {}, "allowed"),
    (GLOBAL, "StringEquals", "aws:PrincipalType", "AssumedRole", {}, "allowed"),
    (GLOBAL, "StringEquals", "aws:PrincipalType", "User", {}, "denied"),
    ("IAM policy elements: Variables and tags", "StringLike", "aws:userid", "AROAR:s1", {}, "allowed"),
    ("IAM policy elements: Variables and tags", "StringLike", "aws:userid", "*:s2", {}, "denied"),
    (GLOBAL, "Bool", "aws:MultiFactorAuthPresent", "true", {"userIdentity": session(**MFA)}, "allowed"),
    (GLOBAL, "Bool", "aws:MultiFactorAuthPresent", "true", {}, "denied"),
    ("Configuring MFA-protected API access", "Bool", "aws:MultiFactorAuthPresent", "false",
     {"userIdentity": session(**WEB)}, "conditional"),
    (GLOBAL, "DateGreaterThan", "aws:TokenIssueTime", "2026-09-15T08:00:00Z", {}, "allowed"),
    (GLOBAL, "DateGreaterThan", "aws:TokenIssueTime", "2026-09-15T09:00:00Z", {}, "denied"),
    (GLOBAL, "DateEquals", "aws:TokenIssueTime", "2026-09-15T09:00:00Z", {}, "allowed"),
    (GLOBAL, "DateLessThan", "aws:CurrentTime", "2026-09-15T10:00:01Z", {}, "allowed"),
    (GLOBAL, "DateLessThan", "aws:CurrentTime", "2026-09-15T10:00:00Z", {}, "denied"),
    (GLOBAL, "DateLessThanEquals", "aws:CurrentTime", "2026-09-15T10:00:00Z", {}, "allowed"),
    # 2026-09-15T10:00:00Z is 1,789,466,400 seconds after 1970.
    (GLOBAL, "NumericLessThanEquals", "aws:EpochTime", "1789466400", {}, "allowed"),
    (GLOBAL, "NumericLessThan", "aws:EpochTime", "1789466400", {}, "denied"),
    (GLOBAL, "StringLike", "aws:CurrentTime", "2026-*", {}, "conditional"),
    (GLOBAL, "Bool", "aws:SecureTransport", "true", {}, "allowed"),
    (GLOBAL, "Bool", "aws:SecureTransport", "true", {"tlsDetails": None}, "conditional"),
    (GLOBAL, "Bool", "aws:ViaAWSService", "false", {}, "allowed"),
    (GLOBAL, "Bool", "aws:ViaAWSService", "true", {}, "denied"),
    (GLOBAL, "Bool", "aws:ViaAWSService", "true", AS_SERVICE, "allowed"),
    (GLOBAL, "ForAnyValue:StringEquals", "aws:CalledVia", "athena.amazonaws.com", {}, "denied"),
    # The event names the last service of the chain only.
    (GLOBAL, "ForAnyValue:StringEquals", "aws:CalledVia", "athena.amazonaws.com", AS_SERVICE, "conditional"),
    (GLOBAL, "StringEquals", "aws:CalledViaLast", "athena.amazonaws.com",
     BY_ATHENA, "allowed"),
    (GLOBAL, "StringEquals", "aws:PrincipalTag/team", "a", {}, "conditional"),
    (GLOBAL, "StringEquals", "aws:SourceIdentity", "ada", {"userIdentity": session(sourceIdentity="ada")}, "allowed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("page", "operator", "key", "value", "more", "result"),
    ROWS,
    ids=[f"{i}-{row[2]}-{row[5]}" for i, row in enumerate(ROWS)],
)
def test_key(page: str, operator: str, key: str, value: str, more: dict[str, Any], result: str) -> None:
    trust = policy({"Effect": "Allow", "Principal": TRUSTED_BY_PEOPLE, "Action": "sts:AssumeRole"})
    who = role("r", EC2, AssumeRolePolicyDocument=trust)
    proposal = policy(allow("ec2:*", Condition={operator: {key: value}}))
    found = one([who], [record("role/r", "ec2", "DescribeVpcs", **more)], proposal)
    assert found["result"] == result, page
    assert (key in found["keys"]) is (result == "conditional")


S3 = "Actions, resources, and condition keys for Amazon S3"
LISTED = {"bucketName": "b", "prefix": "in/", "delimiter": "/", "list-type": "2"}
PUT = {"bucketName": "b", "key": "k", "x-amz-acl": "public-read", "x-amz-server-side-encryption": "aws:kms"}
REQUESTS: list[tuple[str, str, str, dict[str, Any], str, str, str]] = [
    (S3, "s3", "ListObjects", LISTED, "s3:prefix", "in/", "allowed"),
    (S3, "s3", "ListObjects", LISTED, "s3:prefix", "out/", "denied"),
    (S3, "s3", "ListObjects", {"bucketName": "b"}, "s3:prefix", "in/", "denied"),
    (S3, "s3", "ListObjects", LISTED, "s3:delimiter", "/", "allowed"),
    (S3, "s3", "PutObject", PUT, "s3:x-amz-acl", "public-read", "allowed"),
    (S3, "s3", "PutObject", PUT, "s3:x-amz-acl", "private", "denied"),
    (S3, "s3", "PutObject", PUT, "s3:x-amz-server-side-encryption", "aws:kms", "allowed"),
    ("IAM and AWS STS condition context keys", "sts", "AssumeRole",
     {"roleArn": arn("role", "x"), "externalId": "42", "roleSessionName": "s"}, "sts:ExternalId", "42", "allowed"),
    ("IAM and AWS STS condition context keys", "sts", "AssumeRole",
     {"roleArn": arn("role", "x"), "externalId": "42", "roleSessionName": "s"}, "sts:RoleSessionName", "t", "denied"),
    ("Actions, resources, and condition keys for AWS Identity and Access Management", "iam", "AttachRolePolicy",
     {"roleName": "r", "policyArn": arn("policy", "p")}, "iam:PolicyARN", arn("policy", "p"), "allowed"),
    ("Actions, resources, and condition keys for Amazon EC2", "ec2", "RunInstances",
     {"instanceType": "t3.micro"}, "ec2:InstanceType", "t3.large", "denied"),
    ("AWS KMS condition keys", "kms", "Decrypt", {}, "kms:ViaService", "s3.us-east-1.amazonaws.com", "denied"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("page", "source", "name", "request_", "key", "value", "result"),
    REQUESTS,
    ids=[f"{row[4]}-{row[6]}" for row in REQUESTS],
)
def test_key_of_a_request(
    page: str, source: str, name: str, request_: dict[str, Any], key: str, value: str, result: str
) -> None:
    operator = "ArnEquals" if key == "iam:PolicyARN" else "StringEquals"
    proposal = policy(allow(f"{source}:*", Condition={operator: {key: value}}))
    assert one([role("r", EC2)], [record("role/r", source, name, request_)], proposal)["result"] == result, page


def test_via_service_of_kms() -> None:
    """ "AWS KMS condition keys", kms:ViaService: a service that calls as a user passes on the user's request."""
    call = record("user/u", "kms", "Decrypt", sourceIPAddress="s3.amazonaws.com")
    call["userIdentity"]["invokedBy"] = "s3.amazonaws.com"
    proposal = policy(allow("kms:*", Condition={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}))
    assert one([user("u", EC2)], [call], proposal, name="u")["result"] == "allowed"


def test_a_service_that_may_assume_the_role_leaves_open_whose_request_it_was() -> None:
    """aws:ViaAWSService is false where a service uses a service role ("AWS global condition context keys")."""
    trust = policy({"Effect": "Allow", "Principal": TRUSTED_BY_SERVICE, "Action": "sts:AssumeRole"})
    who = role("r", EC2, AssumeRolePolicyDocument=trust)
    proposal = policy(allow("ec2:*", Condition={"Bool": {"aws:ViaAWSService": "true"}}))
    assert one([who], [record("role/r", "ec2", "DescribeVpcs", **AS_SERVICE)], proposal)["result"] == "conditional"


def test_keys_of_users_and_their_long_lived_keys() -> None:
    """ "AWS global condition context keys": MFA and issue time are not in requests with long-lived keys."""
    call = record("user/u", "ec2", "DescribeVpcs")
    rows = [
        ({"StringEquals": {"aws:username": "u"}}, "allowed"),
        ({"StringEquals": {"aws:userid": "AIDAU"}}, "allowed"),
        ({"StringEquals": {"aws:PrincipalType": "User"}}, "allowed"),
        ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, "denied"),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, "allowed"),
        ({"Null": {"aws:TokenIssueTime": "true"}}, "allowed"),
        ({"StringEquals": {"aws:PrincipalTag/team": "a"}}, "allowed"),
    ]
    for condition, result in rows:
        who = user("u", EC2, Tags=[{"Key": "team", "Value": "a"}])
        found = one([who], [call], policy(allow("ec2:*", Condition=condition)), name="u")
        assert found["result"] == result, condition


def test_variables_take_the_events_values() -> None:
    """ "IAM policy elements: Variables and tags": ${aws:username} stands for the user's name."""
    call = record("user/u", "s3", "GetObject", {"bucketName": "b", "key": "u/1"})
    for pattern, result in (
        ("arn:aws:s3:::b/${aws:username}/*", "allowed"),
        ("arn:aws:s3:::b/x${aws:username}/*", "denied"),
    ):
        assert one([user("u", EC2)], [call], policy(allow("s3:*", pattern)), name="u")["result"] == result


def test_a_deny_on_an_unknown_key_is_conditional_however_it_is_written() -> None:
    guard = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Null": {"aws:ResourceTag/x": "true"}}}
    found = one([role("r", EC2)], [record("role/r", "ec2", "StopInstances")], policy(allow("ec2:*"), guard))
    assert found["result"] == "conditional" and found["keys"] == ("aws:ResourceTag/x",)
