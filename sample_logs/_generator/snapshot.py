"""The IAM snapshot beside the logs: what AWS's own commands would have printed just after the last event.

`aws iam get-account-authorization-details` and `aws iam get-credential-report` (decoded) for each account,
`aws organizations describe-policy` with `list-targets-for-policy` for each service control policy.
"""

from __future__ import annotations

import csv
import io
import json
from types import ModuleType
from typing import Any

from . import iam_dev, iam_prod
from .dice import unique_id
from .iam_managed import MANAGED
from .usage import LastUsed
from .world import DEV, ORGANIZATION, PROD, Group, Policy, Role, User, document, statement

ACCOUNTS: tuple[tuple[str, ModuleType, bool], ...] = ((PROD, iam_prod, True), (DEV, iam_dev, False))  # root has MFA?
TAKEN = "2026-10-31T23:45:00+00:00"
MASTER = "999900001111"  # the organization's management account
COLUMNS = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
]


def files(used: LastUsed) -> dict[str, str]:
    """Every file of the snapshot by name."""
    made = {}
    for account, module, root_has_mfa in ACCOUNTS:
        made[f"{account}-account-authorization-details.json"] = pretty(details(account, module, used))
        made[f"{account}-credential-report.csv"] = credential_report(account, module, used, root_has_mfa)
    for name, policy in control_policies().items():
        made[f"scp-{name}.json"] = pretty(policy)
    return made


def pretty(value: Any) -> str:
    """JSON as the AWS command line prints it."""
    return json.dumps(value, indent=4, ensure_ascii=False) + "\n"


def policies_of(account: str, module: ModuleType) -> dict[str, Policy]:
    """The account's managed policies by name: its own, and those of AWS's that somebody has attached."""
    holders: tuple[Any, ...] = (*module.USERS, *module.GROUPS, *module.ROLES)
    attached = {name for holder in holders for name in holder.attached}
    return {p.name: p for p in (*module.POLICIES, *MANAGED) if p.account == account or p.name in attached}


def details(account: str, module: ModuleType, used: LastUsed) -> dict[str, Any]:
    """GetAccountAuthorizationDetails."""
    policies = policies_of(account, module)
    return {
        "UserDetailList": [user(each, policies) for each in module.USERS],
        "GroupDetailList": [group(each, policies) for each in module.GROUPS],
        "RoleDetailList": [role(each, policies, used) for each in module.ROLES],
        "Policies": [managed(each, module) for each in policies.values()],
    }


def named(documents: dict[str, Any]) -> list[dict[str, Any]]:
    """Inline policies."""
    return [{"PolicyName": name, "PolicyDocument": content} for name, content in documents.items()]


def attachments(names: tuple[str, ...], policies: dict[str, Policy]) -> list[dict[str, str]]:
    """Attached managed policies."""
    return [{"PolicyName": name, "PolicyArn": policies[name].arn} for name in names]


def user(each: User, policies: dict[str, Policy]) -> dict[str, Any]:
    """An entry of UserDetailList."""
    return {
        "Path": each.path,
        "UserName": each.name,
        "UserId": each.id,
        "Arn": each.arn,
        "CreateDate": each.created,
        "UserPolicyList": named(each.inline),
        "GroupList": list(each.groups),
        "AttachedManagedPolicies": attachments(each.attached, policies),
        "Tags": [],
    }


def group(each: Group, policies: dict[str, Policy]) -> dict[str, Any]:
    """An entry of GroupDetailList."""
    return {
        "Path": each.path,
        "GroupName": each.name,
        "GroupId": unique_id("AGPA", each.account, each.name),
        "Arn": each.arn,
        "CreateDate": each.created,
        "GroupPolicyList": named(each.inline),
        "AttachedManagedPolicies": attachments(each.attached, policies),
    }


def role(each: Role, policies: dict[str, Policy], used: LastUsed) -> dict[str, Any]:
    """An entry of RoleDetailList."""
    trust = {"Version": "2012-10-17", "Statement": list(each.trust)}
    core = {
        "Path": each.path,
        "RoleName": each.name,
        "RoleId": each.id,
        "Arn": each.arn,
        "CreateDate": each.created,
        "AssumeRolePolicyDocument": trust,
    }
    made = {**core, "InstanceProfileList": [], "RolePolicyList": named(each.inline)}
    if each.profile:
        arn = f"arn:aws:iam::{each.account}:instance-profile/{each.profile}"
        profile = {"Path": "/", "InstanceProfileName": each.profile, "Arn": arn, "CreateDate": each.created}
        profile["InstanceProfileId"] = unique_id("AIPA", each.account, each.profile)
        made["InstanceProfileList"] = [{**profile, "Roles": [core]}]
    made["AttachedManagedPolicies"] = attachments(each.attached, policies)
    if each.boundary:
        arn = policies[each.boundary].arn
        made["PermissionsBoundary"] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    last = used.roles[each.arn] if each.last_used == "log" else each.last_used
    made |= {"Tags": [], "RoleLastUsed": {"LastUsedDate": last[0], "Region": last[1]} if last else {}}
    return made


def managed(each: Policy, module: ModuleType) -> dict[str, Any]:
    """An entry of Policies, its versions newest first."""
    holders: tuple[Any, ...] = (*module.USERS, *module.GROUPS, *module.ROLES)
    documents = [*each.older, each.document]
    versions = [
        {
            "Document": content,
            "VersionId": f"v{number}",
            "IsDefaultVersion": content is each.document,
            "CreateDate": each.created,
        }
        for number, content in enumerate(documents, 1)
    ]
    return {
        "PolicyName": each.name,
        "PolicyId": unique_id("ANPA", each.account, each.name),
        "Arn": each.arn,
        "Path": each.path,
        "DefaultVersionId": f"v{len(documents)}",
        "AttachmentCount": sum(each.name in holder.attached for holder in holders),
        "PermissionsBoundaryUsageCount": sum(role.boundary == each.name for role in module.ROLES),
        "IsAttachable": not each.path.startswith("/aws-service-role/"),
        "CreateDate": each.created,
        "UpdateDate": each.created,
        "PolicyVersionList": versions[::-1],
    }


def credential_report(account: str, module: ModuleType, used: LastUsed, root_has_mfa: bool) -> str:
    """The credential report as AWS generates it, root first."""
    out = io.StringIO()
    rows = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    rows.writeheader()
    rows.writerow(root_row(account, used, root_has_mfa))
    for each in module.USERS:
        rows.writerow(user_row(each, used))
    return out.getvalue()


def root_row(account: str, used: LastUsed, has_mfa: bool) -> dict[str, str]:
    """The report's row of the root user."""
    arn = f"arn:aws:iam::{account}:root"
    row = dict.fromkeys(COLUMNS, "N/A")
    row |= {"user": "<root_account>", "arn": arn, "user_creation_time": "2022-05-16T08:30:00+00:00"}
    row |= dict.fromkeys(("password_enabled", "password_last_changed", "password_next_rotation"), "not_supported")
    row |= {"password_last_used": used.passwords.get(arn, "no_information"), "mfa_active": str(has_mfa).lower()}
    return row | dict.fromkeys((c for c in COLUMNS if c.endswith("_active") and c != "mfa_active"), "false")


def user_row(each: User, used: LastUsed) -> dict[str, str]:
    """The report's row of an IAM user."""
    row = dict.fromkeys(COLUMNS, "N/A")
    row |= {"user": each.name, "arn": each.arn, "user_creation_time": each.created}
    row |= dict.fromkeys((c for c in COLUMNS if c.endswith("_active")), "false")
    row |= {"password_enabled": str(each.password_set is not None).lower(), "mfa_active": str(each.mfa).lower()}
    if each.password_set:
        last = used.passwords[each.arn] if each.password_used == "log" else each.password_used
        row |= {"password_last_used": last or "no_information", "password_last_changed": each.password_set}
    for number, key in enumerate(each.keys):
        column = f"access_key_{number + 1}_"
        row |= {f"{column}active": str(key.active).lower(), f"{column}last_rotated": key.created}
        found = used.keys.get(each.access_key(number)) if key.last_used == "log" else key.last_used
        if found:
            names = ("last_used_date", "last_used_region", "last_used_service")
            row |= {column + name: text for name, text in zip(names, found, strict=True)}
    return row


def control_policies() -> dict[str, dict[str, Any]]:
    """The organization's service control policies: AWS's own, which allows everything, and the one that denies."""
    accounts = {PROD: "orchard-production", DEV: "orchard-development"}
    targets = [
        {
            "TargetId": account,
            "Arn": f"arn:aws:organizations::{MASTER}:account/{ORGANIZATION}/{account}",
            "Name": name,
            "Type": "ACCOUNT",
        }
        for account, name in accounts.items()
    ]
    root = {"TargetId": "r-orch", "Arn": f"arn:aws:organizations::{MASTER}:root/{ORGANIZATION}/r-orch"}
    everywhere = [{**root, "Name": "Root", "Type": "ROOT"}, *targets]
    full = document(statement("*"))
    return {
        "full-aws-access": control("p-FullAWSAccess", "FullAWSAccess", "aws", full, everywhere),
        iam_dev.SCP_NAME: control(iam_dev.SCP_ID, iam_dev.SCP_NAME, MASTER, iam_dev.SCP, [targets[1]]),
    }


def control(
    policy_id: str, name: str, owner: str, content: dict[str, Any], targets: list[dict[str, str]]
) -> dict[str, Any]:
    """One service control policy and what it is attached to."""
    prefix = "" if owner == "aws" else f"{ORGANIZATION}/"
    summary = {
        "Id": policy_id,
        "Arn": f"arn:aws:organizations::{owner}:policy/{prefix}service_control_policy/{policy_id}",
        "Name": name,
        "Description": "Allows access to every operation"
        if owner == "aws"
        else "Generative models wait for a contract",
        "Type": "SERVICE_CONTROL_POLICY",
        "AwsManaged": owner == "aws",
    }
    return {"Policy": {"PolicySummary": summary, "Content": json.dumps(content)}, "Targets": targets}
