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
