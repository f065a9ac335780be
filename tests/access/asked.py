"""Accounts for tests of collecting: two of an organization, as AWS would describe them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from tests.aws.iam import Account, World
from tests.aws.organizations import Organization

MASTER, MEMBER = "111111111111", "222222222222"
ROLE = "auditor"
DATE = "2024-03-01T12:00:00Z"
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
GUARD = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "organizations:*", "Resource": "*"}]}
ORG = f"arn:aws:organizations::{MASTER}"


def encoded(document: object) -> str:
    """A policy as IAM's API gives it: URL-encoded JSON (RFC 3986)."""
    return quote(json.dumps(document))


def user(account: str, name: str) -> dict[str, Any]:
    return {"Path": "/", "UserName": name, "UserId": f"AIDA{name.upper()}", "CreateDate": DATE,
            "Arn": f"arn:aws:iam::{account}:user/{name}", "GroupList": ["staff"]}  # fmt: skip


def role(account: str, name: str, document: str | None = None) -> dict[str, Any]:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "ec2.amazonaws.com"}}]}  # fmt: skip
    inline = [{"PolicyName": "own", "PolicyDocument": document or encoded(DOCUMENT)}]
    return {"Path": "/", "RoleName": name, "RoleId": f"AROA{name.upper()}", "CreateDate": DATE,
            "Arn": f"arn:aws:iam::{account}:role/{name}", "AssumeRolePolicyDocument": encoded(trust),
            "RolePolicyList": inline, "AttachedManagedPolicies": []}  # fmt: skip


def account(number: str) -> Account:
    """An account with two users, a group, two roles, a policy, and something of every other family."""
    arn = f"arn:aws:iam::{number}"
    trail = f"arn:aws:cloudtrail:us-east-1:{number}:trail/main"
    policy = {"PolicyName": "shared", "PolicyId": "ANPA1", "Arn": f"{arn}:policy/shared", "Path": "/",
              "DefaultVersionId": "v1", "AttachmentCount": 1, "IsAttachable": True, "CreateDate": DATE,
              "PolicyVersionList": [{"Document": encoded(DOCUMENT), "VersionId": "v1", "IsDefaultVersion": True,
                                     "CreateDate": DATE}]}  # fmt: skip
    virtual = {"SerialNumber": f"{arn}:mfa/ann", "EnableDate": DATE, "User": user(number, "ann")}
    virtual["User"] = {name: value for name, value in user(number, "ann").items() if name != "GroupList"}
    report = (
        "user,arn,user_creation_time,password_enabled\n"
        f"<root_account>,{arn}:root,2020-01-01T00:00:00+00:00,not_supported\n"
        f"ann,{arn}:user/ann,2024-03-01T12:00:00+00:00,true\n"
    )
    used = {"ServiceName": "Amazon S3", "ServiceNamespace": "s3", "LastAuthenticated": DATE,
            "TotalAuthenticatedEntities": 1,
            "TrackedActionsLastAccessed": [{"ActionName": "PutBucketPolicy", "LastAccessedTime": DATE}]}  # fmt: skip
    never = {"ServiceName": "AWS Lambda", "ServiceNamespace": "lambda", "TotalAuthenticatedEntities": 0}
    return Account(
        number,
        users=[user(number, "ann"), user(number, "bob")],
        groups=[{"Path": "/", "GroupName": "staff", "GroupId": "AGPA1", "Arn": f"{arn}:group/staff",
                 "CreateDate": DATE}],
        roles=[role(number, "ci"), role(number, "app")],
        policies=[policy],
        password_policy={"MinimumPasswordLength": 14, "RequireSymbols": True},
        summary={"Users": 2, "AccountMFAEnabled": 1},
        aliases=["example"],
        virtual=[virtual, {"SerialNumber": f"{arn}:mfa/spare"}],
        devices={"bob": [{"UserName": "bob", "SerialNumber": "GAHT12345678", "EnableDate": DATE}]},
        report=report,
        trails={"us-east-1": [{"Name": "main", "TrailARN": trail, "HomeRegion": "us-east-1", "S3BucketName": "logs",
                               "IsMultiRegionTrail": True, "IsOrganizationTrail": False}]},
        selectors={trail: {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}},
        services={f"{arn}:role/ci": [used, never], f"{arn}:user/ann": [never]},
    )  # fmt: skip


def organization() -> Organization:
    """A root with one unit; the master account under the root, the other and one that is closed in the unit."""

    def member(number: str, name: str, status: str = "ACTIVE") -> dict[str, Any]:
        return {"Id": number, "Arn": f"{ORG}:account/o-example/{number}", "Name": name,
                "Email": f"{name}@example.com", "Status": status, "JoinedMethod": "CREATED"}  # fmt: skip

    def policy(name: str, kind: str, owner: str = MASTER) -> dict[str, Any]:
        return {"Id": f"p-{name}", "Arn": f"arn:aws:organizations::{owner}:policy/x/{kind.lower()}/p-{name}",
                "Name": name, "Description": "", "Type": kind, "AwsManaged": owner == "aws"}  # fmt: skip

    unit = {"Id": "ou-r1-work", "Arn": f"{ORG}:ou/o-example/ou-r1-work", "Name": "Work"}
    root = {"Id": "r-r1", "Arn": f"{ORG}:root/o-example/r-r1", "Name": "Root",
            "PolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]}  # fmt: skip
    target = {"TargetId": "ou-r1-work", "Arn": unit["Arn"], "Name": "Work", "Type": "ORGANIZATIONAL_UNIT"}
    everywhere = {"TargetId": "r-r1", "Arn": root["Arn"], "Name": "Root", "Type": "ROOT"}
    return Organization(
        MASTER,
        root,
        units={"r-r1": [unit]},
        accounts={
            "r-r1": [member(MASTER, "main")],
            "ou-r1-work": [member(MEMBER, "prod"), member("333333333333", "gone", "SUSPENDED")],
        },
        policies=[
            (policy("FullAWSAccess", "SERVICE_CONTROL_POLICY", "aws"), json.dumps(DOCUMENT), [everywhere]),
            (policy("Guard", "SERVICE_CONTROL_POLICY"), json.dumps(GUARD), [target]),
            (policy("Perimeter", "RESOURCE_CONTROL_POLICY"), json.dumps(GUARD), [target]),
        ],
    )


def fill(world: World) -> None:
    """Both accounts, the organization over them, and a role that may be assumed in each."""
    tree = organization()
    for number in (MASTER, MEMBER):
        world.add(account(number), key="testing" if number == MASTER else "").organization = tree
        world.roles.add(f"arn:aws:iam::{number}:role/{ROLE}")
