"""Collecting from moto's server, whose answers nobody here wrote: the parts of AWS that it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.access.collect import Plan, collect
from pipeline.access.snapshots import latest
from pipeline.engines.duckdb import connect
from pipeline.lake.tables import Lake
from tests.access.asked import DOCUMENT
from tests.aws.moto import Aws

OTHER = "222222222222"


@pytest.fixture
def made(aws: Aws) -> dict[str, Any]:
    """An organization with two accounts, and in the first of everything one."""
    iam, organizations = aws.client("iam"), aws.client("organizations")
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=json.dumps(DOCUMENT))
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "ec2.amazonaws.com"}}]}  # fmt: skip
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument=json.dumps(trust))
    policy = iam.create_policy(PolicyName="shared", PolicyDocument=json.dumps(DOCUMENT))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="ci", PolicyArn=policy)
    iam.create_account_alias(AccountAlias="example")
    iam.update_account_password_policy(MinimumPasswordLength=14)
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="ann")["VirtualMFADevice"]["SerialNumber"]
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    iam.enable_mfa_device(UserName="ann", SerialNumber=serial, **codes)
    aws.client("s3").create_bucket(Bucket="logs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    trail = aws.client("cloudtrail").create_trail(Name="main", S3BucketName="logs", IsMultiRegionTrail=True)["TrailARN"]
    aws.client("cloudtrail").start_logging(Name=trail)
    organization = organizations.create_organization(FeatureSet="ALL")["Organization"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="Work")["OrganizationalUnit"]["Id"]
    account = organizations.create_account(AccountName="prod", Email="p@example.com")["CreateAccountStatus"][
        "AccountId"
    ]
    organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        organizations.enable_policy_type(RootId=root, PolicyType=kind)
    guard = organizations.create_policy(
        Name="Guard", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(DOCUMENT)
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=guard, TargetId=unit)
    return {"master": organization["MasterAccountId"], "unit": unit, "root": root, "account": account, "trail": trail}


def test_what_moto_has(made: dict[str, Any], tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    done = collect(lake, Plan(last_accessed=False))
    # moto 5.2 gives customer policies without PolicyName, which AWS does not.
    assert not done.lacking and ["Policies[0]: has no" in each for each in done.imported.refused] == [True]
    with connect(lake) as engine:
        found = latest(engine)
    assert {each["UserName"] for each in found.of("user")} == {"ann"}
    assert found.of("user")[0]["UserPolicyList"] == [{"PolicyName": "own", "PolicyDocument": DOCUMENT}]
    assert [each["RoleName"] for each in found.of("role")] == ["ci"]
    assert [each["PolicyName"] for each in found.of("role")[0]["AttachedManagedPolicies"]] == ["shared"]
    assert [each["user"] for each in found.of("credential")] == ["ann"]
    assert found.of("password_policy")[0]["PasswordPolicy"]["MinimumPasswordLength"] == 14
    assert found.of("account_alias")[0]["AccountAliases"] == ["example"]
    assert found.of("account_summary")[0]["SummaryMap"]["Users"] == 1
    assert [each["UserName"] for each in found.of("mfa_device")] == ["ann"]
    trail = found.of("trail")[0]
    assert trail["TrailARN"] == made["trail"] and trail["IsLogging"] is True
    places = {each["Id"]: each["ParentId"] for each in found.of("account") + found.of("organizational_unit")}
    expected = {made["root"]: None, made["unit"]: made["root"], made["account"]: made["unit"]}
    assert places == expected | {made["master"]: made["root"]}
    scps = {each["name"]: {target["TargetId"] for target in each["targets"]} for each in found.of("scp")}
    assert scps["Guard"] == {made["unit"]} and made["root"] in scps["FullAWSAccess"]
    assert found.asked("organization", made["master"]) == "complete"
