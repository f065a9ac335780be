"""Calls about identity: IAM, STS, sign-in, IAM Identity Center."""

from __future__ import annotations

from collections.abc import Callable

from .calls import resource

ASSUMED = {
    "credentials": {"accessKeyId": "<<newkey>>", "sessionToken": "<<token>>", "expiration": "<<expiry>>"},
    "assumedRoleUser": {"assumedRoleId": "<<role_id>>:<<new_session>>", "arn": "<<session_arn>>"},
}


def register(add: Callable[..., None]) -> None:
    """Add this module's calls to the table."""
    tokens(add)
    sign_in(add)
    readers(add)
    writers(add)


def tokens(add: Callable[..., None]) -> None:
    """STS. The role's slots (`role_arn`, `role_id` …) are filled where the call is made."""
    role = ({"accountId": "<<role_account>>", "type": "AWS::IAM::Role", "ARN": "<<role_arn>>"},)
    asked = {"roleArn": "<<role_arn>>", "roleSessionName": "<<new_session>>"}
    add("sts:GetCallerIdentity", True)
    add("sts:AssumeRole", True, asked | {"durationSeconds": 3600}, response=ASSUMED, resources=role, on="<<role_arn>>")
    external = asked | {"externalId": "***", "durationSeconds": 3600}
    add("sts:AssumeRole@external", True, external, response=ASSUMED, resources=role, on="<<role_arn>>")
    web = {"subjectFromWebIdentityToken": "<<subject>>", "audience": "sts.amazonaws.com", "provider": "<<provider>>"}
    add(
        "sts:AssumeRoleWithWebIdentity",
        True,
        asked | {"durationSeconds": 3600},
        response=ASSUMED | web,
        resources=role,
        on="<<role_arn>>",
    )
    provider = "arn:aws:iam::<<account>>:saml-provider/AWSSSO_5f1d0c8e7b2a4936_DO_NOT_DELETE"
    saml = {"sAMLAssertionID": "_<<uuid.saml>>", "roleArn": "<<role_arn>>", "principalArn": provider}
    told = {"subject": "<<new_session>>", "subjectType": "persistent", "issuer": "https://portal.sso.example/saml"}
    told |= {"nameQualifier": "<<h32>>", "audience": "https://signin.aws.amazon.com/saml"}
    both = (*role, resource("AWS::IAM::SAMLProvider", provider))
    add(
        "sts:AssumeRoleWithSAML",
        True,
        saml | {"roleSessionName": "<<new_session>>", "durationSeconds": 3600},
        response=ASSUMED | told,
        resources=both,
        on="<<role_arn>>",
    )


def sign_in(add: Callable[..., None]) -> None:
    """Console sign-ins and the Identity Center portal."""
    page = "https://console.aws.amazon.com/console/home?region=us-east-1&state=hashArgs%23&isauthcode=true"
    for variant, used in (("mfa", "Yes"), ("no-mfa", "No")):
        extra = {"LoginTo": page, "MobileVersion": "No", "MFAUsed": used}
        add(
            f"signin:ConsoleLogin@{variant}",
            False,
            None,
            response={"ConsoleLogin": "Success"},
            extra=extra,
            kind="AwsConsoleSignIn",
        )
    extra = {"LoginTo": page, "MobileVersion": "No", "MFAUsed": "No"}
    failed = {"ConsoleLogin": "Failure"}
    add("signin:ConsoleLogin@failed", False, None, response=failed, extra=extra, kind="AwsConsoleSignIn")
    provider = "arn:aws:iam::<<account>>:saml-provider/AWSSSO_5f1d0c8e7b2a4936_DO_NOT_DELETE"
    extra = {"MobileVersion": "No", "MFAUsed": "No", "SamlProviderArn": provider}
    success = {"ConsoleLogin": "Success"}
    add("signin:ConsoleLogin@federated", False, None, response=success, extra=extra, kind="AwsConsoleSignIn")
    add("sso:Authenticate", False, None, response=None, kind="AwsServiceEvent")
    add("sso:ListAccounts", True, None, kind="AwsServiceEvent")
    federated = {"relayState": "", "roleName": "<<permission_set>>", "accountId": "<<to_account>>"}
    add("sso:Federate", False, None, kind="AwsServiceEvent", extra=federated)


def readers(add: Callable[..., None]) -> None:
    """IAM calls that only look."""
    base = "arn:aws:iam::<<account>>:"
    for name in ("ListUsers", "ListRoles", "ListGroups", "ListPolicies", "GetAccountSummary", "ListAccountAliases"):
        add(f"iam:{name}", True, None, on=base + {"ListUsers": "user/", "ListRoles": "role/"}.get(name, "*"))
    add("iam:GetAccountPasswordPolicy", True)
    add("iam:GetAccountAuthorizationDetails", True)
    add("iam:GetRole", True, {"roleName": "orders-api"}, on=f"{base}role/service-role/orders-api")
    add(
        "iam:GetRolePolicy", True, {"roleName": "orders-api", "policyName": "orders-table"}, on=f"{base}role/orders-api"
    )
    add("iam:ListAttachedRolePolicies", True, {"roleName": "orders-api"}, on=f"{base}role/service-role/orders-api")
    add("iam:GetUser", True, {"userName": "<<user>>"}, on="<<user_arn>>")
    add("iam:GetUser@gone", True, {"userName": "former.colleague"}, on=f"{base}user/former.colleague")
    add("iam:ListAccessKeys", True, {"userName": "<<user>>"}, on="<<user_arn>>")
    add("iam:ListAttachedUserPolicies", True, {"userName": "<<user>>"}, on="<<user_arn>>")
    add("iam:ListUserPolicies", True, {"userName": "<<user>>"}, on="<<user_arn>>")
    add("iam:GetLoginProfile", True, {"userName": "<<user>>"}, on="<<user_arn>>")
    add("iam:SimulatePrincipalPolicy", True, {"policySourceArn": "<<user_arn>>", "actionNames": ["iam:*"]})


def writers(add: Callable[..., None]) -> None:
    """IAM calls that change something."""
    administrator = {"userName": "<<user>>", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    add("iam:AttachUserPolicy", False, administrator, on="<<user_arn>>")
    key = {"accessKeyId": "<<created_key>>", "status": "Active", "userName": "<<user>>", "createDate": "<<written>>"}
    add("iam:CreateAccessKey", False, {"userName": "<<user>>"}, response={"accessKey": key}, on="<<user_arn>>")
    off = {"userName": "<<user>>", "accessKeyId": "<<old_key>>", "status": "Inactive"}
    add("iam:UpdateAccessKey", False, off, on="<<user_arn>>")
    add("iam:CreateUser", False, {"userName": "<<new_user>>"}, on="arn:aws:iam::<<account>>:user/<<new_user>>")
    tags = {"roleName": "orders-api", "tags": [{"key": "release", "value": "<<h8.release>>"}]}
    add("iam:TagRole", False, tags, on="arn:aws:iam::<<account>>:role/service-role/orders-api")
