"""Who it really was: each way to come by a session, as AWS records it, and where the log does not tell."""

from __future__ import annotations

from typing import Any

from tests.casework.worlds import OTHER, Record, assume, call, chain, role, tell, time, user
from tests.logs import ACCOUNT

ANNA = user("anna", "AKIAANNA")
USED = call(9, role("worker", "work", "ASIAWORK", 5), "DescribeInstances")


def origin(records: list[Record], seed: str = "ASIAWORK") -> dict[str, Any]:
    link: dict[str, Any] = tell(records, seed)["identity"][-1]
    assert link["origin"]
    return link


def test_roles_are_walked_back_to_the_user() -> None:
    records = [
        assume(3, ANNA, "first", "ASIAFIRST"),
        assume(5, role("first", "work", "ASIAFIRST", 3), "worker", "ASIAWORK"),
        USED,
    ]
    facts = tell(records, "ASIAWORK")
    assert chain(facts) == [("uses", "e9"), ("session", "e5"), ("user", "e3")]
    assert facts["identity"][-1]["principal_arn"] == ANNA["arn"]
    assert facts["identity"][-1]["access_key_id"] == "AKIAANNA"


def test_of_an_organizations_twins_the_callers_own_record_goes_on() -> None:
    """The role's account sees the caller as AWSAccount with its unique id; the caller's account sees all of it."""
    stranger = {"type": "AWSAccount", "principalId": "AIDAANNA", "accountId": OTHER}
    anna = user("anna", "AKIAANNA", OTHER)
    twin = {"sharedEventID": "shared"}
    records = [
        assume(5, stranger, "worker", "ASIAWORK", eventID="theirs", **twin),
        assume(5, anna, "worker", "ASIAWORK", recipientAccountId=OTHER, **twin),
        USED,
    ]
    last = origin(records)
    assert (last["kind"], last["principal_arn"], last["eventID"]) == ("user", anna["arn"], "e5")
    assert last["twins"] == ["theirs"]


def test_without_the_callers_own_record_it_is_unknown() -> None:
    stranger = {"type": "AWSAccount", "principalId": "AIDASTRANGER", "accountId": "999999999999"}
    last = origin([assume(5, stranger, "worker", "ASIAWORK"), USED])
    assert (last["kind"], last["principal_arn"], last["eventID"]) == ("unknown", "AIDASTRANGER", "e5")
    assert "not in the lake" in last["text"]


def test_a_service_assumes_a_role() -> None:
    lambda_service = {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
    last = origin([assume(5, lambda_service, "worker", "ASIAWORK"), USED])
    assert (last["kind"], last["principal_arn"]) == ("service", "lambda.amazonaws.com")


def test_web_identity_and_saml_name_the_person() -> None:
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com"
    web = {"type": "WebIdentityUser", "principalId": f"{provider}:app:sub", "userName": "repo:orchard/app"}
    web["identityProvider"] = provider
    last = origin([assume(5, web, "worker", "ASIAWORK", "AssumeRoleWithWebIdentity"), USED])
    assert (last["kind"], last["name"], last["provider"]) == ("federated", "repo:orchard/app", provider)
    saml = {"type": "SAMLUser", "principalId": "x:eve", "userName": "eve@example.com", "identityProvider": "x"}
    last = origin([assume(5, saml, "worker", "ASIAWORK", "AssumeRoleWithSAML"), USED])
    assert (last["kind"], last["name"]) == ("federated", "eve@example.com")


def test_session_and_federation_tokens_go_back_to_the_user() -> None:
    context = {"attributes": {"creationDate": time(5), "mfaAuthenticated": "true"}}
    used = call(9, user("anna", "ASIATOKEN", sessionContext=context), "DescribeInstances")
    answer = {"responseElements": {"credentials": {"accessKeyId": "ASIATOKEN"}}}
    last = origin([call(5, ANNA, "GetSessionToken", "sts", **answer), used], "ASIATOKEN")
    assert (last["kind"], last["eventID"], last["access_key_id"]) == ("user", "e5", "AKIAANNA")
    issuer = {"type": "IAMUser", "principalId": "AIDAANNA", "arn": ANNA["arn"], "accountId": ACCOUNT}
    federated = {
        "type": "FederatedUser",
        "principalId": f"{ACCOUNT}:guest",
        "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/guest",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIATOKEN",
        "sessionContext": context | {"sessionIssuer": issuer},
    }
    used = call(9, federated, "DescribeInstances")
    last = origin([call(5, ANNA, "GetFederationToken", "sts", **answer), used], "ASIATOKEN")
    assert (last["kind"], last["eventID"]) == ("user", "e5")


def test_a_console_session_goes_back_to_its_sign_in() -> None:
    """A console session's keys are given out without a record; ConsoleLogin stands at the session's creation."""
    signed_in = call(
        5,
        user("anna", None),
        "ConsoleLogin",
        "signin",
        responseElements={"ConsoleLogin": "Success"},
        additionalEventData={"MFAUsed": "Yes", "LoginTo": "x", "MobileVersion": "No"},
    )
    context = {"attributes": {"creationDate": time(5), "mfaAuthenticated": "true"}}
    used = call(9, user("anna", "ASIACONSOLE", sessionContext=context), "DescribeInstances")
    last = origin([signed_in, used | {"sessionCredentialFromConsole": "true"}], "ASIACONSOLE")
    assert (last["kind"], last["eventID"], "with MFA" in last["text"]) == ("user", "e5", True)


def test_a_role_switched_to_in_the_console_names_who_switched() -> None:
    switched = call(
        5,
        role("worker", "anna", None, None),
        "SwitchRole",
        "signin",
        responseElements={"SwitchRole": "Success"},
        additionalEventData={"SwitchFrom": f"arn:aws:iam::{OTHER}:user/anna", "RedirectTo": "x"},
    )
    used = call(9, role("worker", "anna", "ASIAWORK", 5), "DescribeInstances")
    last = origin([switched, used])
    assert (last["kind"], last["eventID"], last["name"]) == ("switch role", "e5", f"arn:aws:iam::{OTHER}:user/anna")


def test_identity_center_and_source_identity_name_the_person() -> None:
    """The role of a permission set carries the user's name as session name ("CloudTrail use cases")."""
    used = call(9, role("AWSReservedSSO_Admin_0123456789abcdef", "eve@example.com", "ASIAWORK", 5), "ListUsers", "iam")
    last = origin([used])
    assert (last["kind"], last["name"], last["eventID"]) == ("person", "eve@example.com", "e9")
    used = call(9, role("worker", "work", "ASIAWORK", 5, sourceIdentity="mallory"), "DescribeInstances")
    last = origin([used])
    assert (last["kind"], last["name"]) == ("person", "mallory")


def test_what_the_log_does_not_tell_is_unknown() -> None:
    last = origin([USED])
    assert (last["kind"], "no event of the lake gave out ASIAWORK" in last["text"]) == ("unknown", True)
    unanswered = assume(5, ANNA, "worker", "ASIAWORK", responseElements=None)
    assert origin([unanswered, USED])["kind"] == "unknown"
    refused = assume(5, ANNA, "worker", "ASIAWORK", errorCode="AccessDenied")
    assert origin([refused, USED])["kind"] == "unknown"


def test_a_call_without_a_creation_date_is_still_found() -> None:
    used = call(9, role("worker", "work", "ASIAWORK", None), "DescribeInstances")
    assert origin([assume(5, ANNA, "worker", "ASIAWORK"), used])["principal_arn"] == ANNA["arn"]


def test_a_circle_of_keys_ends() -> None:
    """No honest log has it: each key given out by the other."""
    records = [
        assume(5, role("other", "work", "ASIAOTHER", 5), "worker", "ASIAWORK"),
        assume(5, role("worker", "work", "ASIAWORK", 5), "other", "ASIAOTHER", eventID="back"),
        USED,
    ]
    last = origin(records)
    assert (last["kind"], "comes back" in last["text"]) == ("unknown", True)


def test_roles_that_assume_each_other_in_turn_are_walked_to_the_end() -> None:
    records = [
        assume(3, ANNA, "worker", "ASIAONE"),
        assume(4, role("worker", "work", "ASIAONE", 3), "other", "ASIATWO"),
        assume(5, role("other", "work", "ASIATWO", 4), "worker", "ASIAWORK"),
        USED,
    ]
    assert chain(tell(records, "ASIAWORK")) == [("uses", "e9"), ("session", "e5"), ("session", "e4"), ("user", "e3")]


def test_a_long_chain_is_cut_and_says_so() -> None:
    records = [assume(n, role(f"r{n}", "work", f"ASIAR{n}", n - 1), f"r{n + 1}", f"ASIAR{n + 1}") for n in range(1, 30)]
    last = origin([*records, call(40, role("r30", "work", "ASIAR30", 29), "DescribeInstances")], "ASIAR30")
    assert (last["kind"], "longer than" in last["text"]) == ("unknown", True)


def test_a_session_of_roles_anywhere_names_its_certificate() -> None:
    """IAM Roles Anywhere user guide, "Trust model" and "CreateSession": source identity is the certificate's CN."""
    anchor = f"arn:aws:rolesanywhere:eu-west-1:{ACCOUNT}:trust-anchor/1"
    session = {
        "assumedRoleUser": {
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/2a99",
            "assumedRoleId": "AROAWORKER:2a99",
        },
        "credentials": {"accessKeyId": "ASIAWORK", "expiration": time(60), "sessionToken": "x"},
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/worker",
        "sourceIdentity": "CN=build-7",
    }
    issued = call(
        5,
        {"type": "AWSService", "invokedBy": "rolesanywhere.amazonaws.com"},
        "CreateSession",
        "rolesanywhere",
        requestParameters={"trustAnchorArn": anchor, "roleArn": f"arn:aws:iam::{ACCOUNT}:role/worker"},
        responseElements={
            "credentialSet": [session],
            "subjectArn": f"arn:aws:rolesanywhere:eu-west-1:{ACCOUNT}:subject/1",
        },
    )
    used = call(9, role("worker", "2a99", "ASIAWORK", 5, sourceIdentity="CN=build-7"), "DescribeInstances")
    last = origin([issued, used])
    assert (last["kind"], last["name"], last["eventID"]) == ("certificate", "CN=build-7", "e5")
    assert last["provider"] == anchor and anchor in last["text"]
    last = origin([used])
    assert (last["kind"], last["name"], last["eventID"]) == ("certificate", "CN=build-7", "e9")


def test_a_cognito_identity_is_named_with_its_provider() -> None:
    """Cognito developer guide, "Example Amazon Cognito events", GetCredentialsForIdentity (a data event)."""
    identity, pool = "us-east-1:1cf667a2-49a6-454b-9e45-23199EXAMPLE", "cognito-idp.us-east-1.amazonaws.com/us-east-1_a"
    answer = {"credentials": {"accessKeyId": "ASIAWORK", "sessionToken": "x"}, "identityId": identity}
    request = {"logins": {pool: "HIDDEN_DUE_TO_SECURITY_REASONS"}, "identityId": identity}
    asked = {"requestParameters": request, "responseElements": answer, "eventCategory": "Data"}
    used = call(9, role("worker", "CognitoIdentityCredentials", "ASIAWORK", 5), "DescribeInstances")
    issued = call(5, {"type": "Unknown"}, "GetCredentialsForIdentity", "cognito-identity", **asked)
    last = origin([issued, used])
    assert (last["kind"], last["name"], last["provider"], last["eventID"]) == ("federated", identity, pool, "e5")
    guest = asked | {"requestParameters": {"identityId": identity}}
    last = origin([call(5, {"type": "Unknown"}, "GetCredentialsForIdentity", "cognito-identity", **guest), used])
    assert (last["kind"], last["name"], last["provider"]) == ("federated", identity, None)
    assert "not authenticated" in last["text"]


def test_a_federated_session_without_its_call_names_the_provider() -> None:
    """CloudTrail user guide, "userIdentity element": webIdFederationData of a session."""
    provided = {"webIdFederationData": {"federatedProvider": "accounts.google.com", "attributes": {}}}
    last = origin([call(9, role("worker", "app", "ASIAWORK", 5, **provided), "DescribeInstances")])
    assert (last["kind"], last["name"], last["eventID"]) == ("federated", "app", "e9")
    assert "accounts.google.com" in last["text"]


def test_a_pod_is_named_by_its_session_tags() -> None:
    """EKS user guide, "Grant Pods access to AWS resources based on tags"; IAM user guide, "Pass session tags"."""
    tags = {
        "eks-cluster-name": "prod",
        "kubernetes-namespace": "shop",
        "kubernetes-service-account": "cart",
        "kubernetes-pod-name": "cart-6d4",
        "eks-cluster-arn": "x",
    }
    request = {
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/worker",
        "roleSessionName": "eks-prod-cart-6d4-1",
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    service = {"type": "AWSService", "invokedBy": "pods.eks.amazonaws.com"}
    used = call(9, role("worker", "eks-prod-cart-6d4-1", "ASIAWORK", 5), "DescribeInstances")
    last = origin([assume(5, service, "worker", "ASIAWORK", requestParameters=request), used])
    assert (last["kind"], last["name"], last["principal_arn"]) == ("pod", "shop/cart", "pods.eks.amazonaws.com")
    assert "service account cart, namespace shop, pod cart-6d4, cluster prod" in last["text"]
    for odd in ("x", [1, None, {"key": "kubernetes-namespace", "value": 7}], {"key": "kubernetes-namespace"}):
        changed = request | {"tags": odd}
        last = origin([assume(5, service, "worker", "ASIAWORK", requestParameters=changed), used])
        assert last["kind"] == "service"


def test_a_kubernetes_service_account_stands_behind_irsa() -> None:
    """EKS user guide, "IAM roles for service accounts": the token's subject is the service account."""
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
    subject = "system:serviceaccount:shop:cart"
    web = {"type": "WebIdentityUser", "principalId": f"{provider}:sts.amazonaws.com:{subject}", "userName": subject}
    web["identityProvider"] = provider
    last = origin([assume(5, web, "worker", "ASIAWORK", "AssumeRoleWithWebIdentity"), USED])
    assert (last["kind"], last["name"], last["provider"]) == ("federated", subject, provider)


def test_an_instance_is_named_with_and_without_the_call() -> None:
    """CloudTrail user guide, "userIdentity element": ec2RoleDelivery; EC2 names the session after the instance."""
    delivered = role("worker", "i-0123456789abcdef0", "ASIAWORK", 5, ec2RoleDelivery="2.0")
    used = call(9, delivered, "DescribeInstances")
    last = origin([used])
    assert (last["kind"], last["name"], last["eventID"]) == ("instance", "i-0123456789abcdef0", "e9")
    assert "version 2" in last["text"]
    request = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/worker", "roleSessionName": "i-0123456789abcdef0"}
    service = {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}
    last = origin([assume(5, service, "worker", "ASIAWORK", requestParameters=request), used])
    assert (last["kind"], last["name"], last["principal_arn"], last["eventID"]) == (
        "service",
        "i-0123456789abcdef0",
        "ec2.amazonaws.com",
        "e5",
    )
    faked = call(9, role("worker", "i-0123456789abcdef0", "ASIAWORK", 5), "DescribeInstances")
    assert origin([faked])["kind"] == "unknown"  # a name alone anybody can choose


def test_calls_from_cloudshell_are_told() -> None:
    """CloudShell user guide, "Logging and monitoring": the user agent has exec-env/CloudShell."""
    agent = "aws-cli/2.17.0 md/awscrt exec-env/CloudShell md/command#sts"
    used = call(9, user("anna", "ASIASHELL"), "DescribeInstances", userAgent=agent)
    facts = tell([used], "ASIASHELL")
    assert "CloudShell" in facts["identity"][0]["text"]
    other = call(9, user("anna", "ASIASHELL"), "DescribeInstances", userAgent="aws-cli/2.17.0")
    assert "CloudShell" not in tell([other], "ASIASHELL")["identity"][0]["text"]
