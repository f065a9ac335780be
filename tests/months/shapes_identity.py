"""Requests and answers of IAM, STS, sign-in and the services that keep watch, as CloudTrail shows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .dice import Dice
from .records import Asked
from .things import ACTIONS, Things

Shape = Callable[[Dice, Things, dict[str, Any]], Asked]
SHAPES: dict[str, Shape] = {}


def shape(*apis: str) -> Callable[[Shape], Shape]:
    """Marks how the calls of these APIs look."""

    def keep(made: Shape) -> Shape:
        SHAPES.update(dict.fromkeys(apis, made))
        return made

    return keep


def document(*actions: str, resource: str = "*", effect: str = "Allow") -> str:
    """A policy document as the text in a request."""
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal: dict[str, Any], action: str = "sts:AssumeRole") -> str:
    """A trust policy as the text in a request."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@shape("signin:ConsoleLogin")
def _console_login(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    extra = {"LoginTo": "https://console.aws.amazon.com/console/home", "MobileVersion": "No", "MFAUsed": g["mfa"]}
    if g.get("mfa_arn"):
        extra["MFAIdentifier"] = g["mfa_arn"]
    return Asked(None, {"ConsoleLogin": g.get("result", "Success")}, None, extra, "AwsConsoleSignIn")


@shape("iam:CreateAccessKey")
def _create_key(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    made = {"accessKeyId": g.get("made") or d.key(), "status": "Active", "userName": g["user"]}
    return Asked({"userName": g["user"]}, {"accessKey": made | {"createDate": "Mar 2, 2026, 9:12:01 AM"}})


@shape("iam:UpdateAccessKey", "iam:DeleteAccessKey")
def _change_key(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    asked = {"userName": g["user"], "accessKeyId": g["key"]}
    return Asked(asked | ({"status": g["status"]} if "status" in g else {}))


@shape("iam:CreateUser")
def _create_user(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    arn = f"arn:aws:iam::{t.account}:user/{g['user']}"
    made = {"path": "/", "userName": g["user"], "userId": d.unique("AIDA"), "arn": arn}
    return Asked({"userName": g["user"]}, {"user": made})


@shape("iam:DeleteUser", "iam:GetUser", "iam:ListAccessKeys", "iam:ListAttachedUserPolicies", "iam:ListMFADevices")
@shape("iam:DeleteLoginProfile", "iam:ListUserPolicies", "iam:ListGroupsForUser", "iam:GetLoginProfile")
def _of_user(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"userName": g.get("user") or t.pick("user", d)})


@shape("iam:CreateLoginProfile", "iam:UpdateLoginProfile")
def _login_profile(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"userName": g["user"], "passwordResetRequired": g.get("reset", True)})


@shape("iam:ChangePassword")
def _change_password(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked(None, None)


@shape("iam:AddUserToGroup", "iam:RemoveUserFromGroup")
def _group(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"groupName": g.get("group") or t.pick("group", d), "userName": g["user"]})


@shape("iam:EnableMFADevice", "iam:DeactivateMFADevice")
def _mfa(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"userName": g["user"], "serialNumber": f"arn:aws:iam::{t.account}:mfa/{g['user']}"})


@shape("iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice")
def _mfa_device(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    serial = f"arn:aws:iam::{t.account}:mfa/{g['user']}"
    return Asked({"virtualMFADeviceName": g["user"]}, {"virtualMFADevice": {"serialNumber": serial}})


@shape("iam:AttachUserPolicy", "iam:DetachUserPolicy")
def _user_policy(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"userName": g["user"], "policyArn": g.get("policy") or t.pick("policy", d)})


@shape("iam:AttachRolePolicy", "iam:DetachRolePolicy")
def _role_policy(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"roleName": g.get("role") or t.pick("role", d), "policyArn": g.get("policy") or t.pick("policy", d)})


@shape("iam:PutRolePolicy")
def _put_role_policy(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    text = g.get("document") or document(*d.some(ACTIONS, 1, 4), resource=f"arn:aws:s3:::{t.pick('bucket', d)}/*")
    name = g.get("name") or d.choice(["inline", "runtime-access", "app", "extra"])
    return Asked({"roleName": g.get("role") or t.pick("role", d), "policyName": name, "policyDocument": text})


@shape("iam:PutUserPolicy")
def _put_user_policy(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    text = g.get("document") or document(*d.some(ACTIONS, 1, 3))
    return Asked({"userName": g["user"], "policyName": g.get("name", "access"), "policyDocument": text})


@shape("iam:CreatePolicyVersion", "iam:CreatePolicy")
def _policy_version(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    text = g.get("document") or document(*d.some(ACTIONS, 2, 6))
    arn = g.get("policy") or t.own_policy(d)
    made = {"versionId": f"v{d.randint(2, 9)}", "isDefaultVersion": True}
    if g.get("new"):
        return Asked({"policyName": arn.rpartition("/")[2], "policyDocument": text}, {"policy": {"arn": arn}})
    return Asked({"policyArn": arn, "policyDocument": text, "setAsDefault": True}, {"policyVersion": made})


@shape("iam:SetDefaultPolicyVersion", "iam:DeletePolicyVersion", "iam:GetPolicyVersion")
def _default_version(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"policyArn": g.get("policy") or t.own_policy(d), "versionId": f"v{d.randint(1, 5)}"})


@shape("iam:CreateRole")
def _create_role(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    service, name = g.get("service", "lambda"), g.get("role") or f"{t.pick('word', d)}-{d.hex(4)}"
    text = g.get("document") or trust({"Service": f"{service}.amazonaws.com"})
    role = {"roleName": name, "roleId": d.unique("AROA"), "arn": f"arn:aws:iam::{t.account}:role/{name}"}
    return Asked({"roleName": name, "assumeRolePolicyDocument": text, "path": "/"}, {"role": role})


@shape("iam:UpdateAssumeRolePolicy")
def _update_trust(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    text = g.get("document") or trust({"Service": "lambda.amazonaws.com"})
    return Asked({"roleName": g.get("role") or t.pick("role", d), "policyDocument": text})


@shape("iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:DeleteRole", "iam:TagRole")
@shape("iam:ListInstanceProfilesForRole")
def _of_role(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"roleName": g.get("role") or t.pick("role", d)})


@shape("iam:CreateOpenIDConnectProvider")
def _oidc(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    arn = f"arn:aws:iam::{t.account}:oidc-provider/{g['url']}"
    asked = {"url": f"https://{g['url']}", "clientIDList": ["sts.amazonaws.com"]}
    return Asked(asked, {"openIDConnectProviderArn": arn})


@shape("iam:CreateSAMLProvider")
def _saml(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    arn = f"arn:aws:iam::{t.account}:saml-provider/{g['name']}"
    return Asked({"name": g["name"], "sAMLMetadataDocument": "<EntityDescriptor/>"}, {"sAMLProviderArn": arn})


@shape("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML")
def _assume(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    arn, session = g["role_arn"], g.get("session", "session")
    asked = {"roleArn": arn, "roleSessionName": session, "durationSeconds": g.get("seconds", 3600)}
    role = arn.rpartition("/")[2]
    user = {"arn": f"arn:aws:sts::{arn.split(':')[4]}:assumed-role/{role}/{session}"}
    user["assumedRoleId"] = f"{g.get('role_id', 'AROAEXAMPLEEXAMPLE')}:{session}"
    credentials = {"accessKeyId": g.get("made") or d.key("ASIA"), "expiration": "Mar 2, 2026, 10:12:01 AM"}
    resource = [{"accountId": arn.split(":")[4], "type": "AWS::IAM::Role", "ARN": arn}]
    return Asked(asked, {"credentials": credentials, "assumedRoleUser": user}, resource)


@shape("sts:GetSessionToken")
def _session_token(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    asked = {"durationSeconds": 43200} | ({"serialNumber": f"arn:aws:iam::{t.account}:mfa/{g['user']}"} if g else {})
    credentials = {"accessKeyId": g.get("made") or d.key("ASIA"), "expiration": "Mar 2, 2026, 10:12:01 PM"}
    return Asked(asked, {"credentials": credentials})


@shape("cloudtrail:StopLogging", "cloudtrail:StartLogging", "cloudtrail:DeleteTrail", "cloudtrail:GetTrailStatus")
def _trail(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"name": g.get("trail") or t.pick("trail", d)})


@shape("cloudtrail:UpdateTrail")
def _update_trail(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    asked = {"name": g.get("trail") or t.pick("trail", d), "isMultiRegionTrail": g.get("everywhere", True)}
    return Asked(asked | {"includeGlobalServiceEvents": g.get("everywhere", True)})


@shape("cloudtrail:PutEventSelectors", "cloudtrail:GetEventSelectors")
def _selectors(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    chosen = {"readWriteType": g.get("kinds", "All"), "includeManagementEvents": g.get("management", True)}
    return Asked({"trailName": g.get("trail") or t.pick("trail", d), "eventSelectors": [chosen]})


@shape("guardduty:UpdateDetector", "guardduty:DeleteDetector", "guardduty:GetDetector", "guardduty:ListFindings")
@shape("guardduty:GetFindings")
def _detector(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    asked: dict[str, Any] = {"detectorId": t.pick("detector", d)}
    return Asked(asked | ({"enable": g["enable"]} if "enable" in g else {}))


@shape("guardduty:CreateFilter")
def _guardduty_filter(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"detectorId": t.pick("detector", d), "name": g.get("name", "known-scanner"), "action": "ARCHIVE"})


@shape("config:StopConfigurationRecorder", "config:DeleteConfigurationRecorder")
def _recorder(d: Dice, t: Things, g: dict[str, Any]) -> Asked:
    return Asked({"configurationRecorderName": "default"})
