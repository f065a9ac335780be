"""Evaluation, kind of policy by kind of policy; expectations worked out by hand from the AWS page each group names."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.iam.decisions import Matched, request
from tests.iam.cases import (
    ALLOWED,
    AWAY,
    HOME,
    OBJECT,
    ROOT,
    SESSION,
    USER,
    Json,
    allow,
    deny,
    document,
    explicit,
    implicit,
    judge,
    named,
    outcome,
    statement,
    trust,
)

READ, WRITE = allow("s3:GetObject"), allow("s3:PutObject")
FULL = allow()
LINKED = f"arn:aws:sts::{HOME}:assumed-role/AWSServiceRoleForSupport/job"


# "Policy evaluation logic": the default is deny, an Allow lifts it, an explicit Deny overrides any Allow.
@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ({}, implicit("identity")),
        ({"identity": []}, implicit("identity")),
        ({"identity": [READ]}, ALLOWED),
        ({"identity": [WRITE]}, implicit("identity")),
        ({"identity": [WRITE, READ]}, ALLOWED),
        ({"identity": [FULL, deny("s3:GetObject")]}, explicit("identity")),
        ({"identity": [FULL, deny("s3:PutObject")]}, ALLOWED),
        ({"identity": [deny("s3:GetObject")]}, explicit("identity")),
        ({"identity": [FULL, deny("s3:GetObject", "arn:aws:s3:::other/*")]}, ALLOWED),
    ],
)
def test_identity(policies: Json, expected: Any) -> None:
    assert outcome(policies) == expected


# "Permissions boundaries for IAM entities": the boundary limits, it does not grant.
@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ({"identity": [FULL], "boundary": [READ]}, ALLOWED),
        ({"identity": [FULL], "boundary": [WRITE]}, implicit("boundary")),
        ({"identity": [], "boundary": [READ]}, implicit("identity")),
        (
            {"identity": [FULL], "boundary": [document(*FULL["Statement"], *deny("s3:*")["Statement"])]},
            explicit("boundary"),
        ),
        ({"identity": [FULL], "boundary": []}, ALLOWED),
        ({"identity": [FULL], "boundary": None}, ALLOWED),
    ],
)
def test_boundary(policies: Json, expected: Any) -> None:
    assert outcome(policies) == expected


# "Policies and permissions in IAM", session policies: the intersection with the role's policies.
@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ({"identity": [FULL], "session": READ}, ALLOWED),
        ({"identity": [FULL], "session": WRITE}, implicit("session")),
        ({"identity": [WRITE], "session": FULL}, implicit("identity")),
        ({"identity": [FULL], "session": deny("s3:*")}, explicit("session")),
        ({"identity": [FULL], "boundary": [READ], "session": READ}, ALLOWED),
        ({"identity": [FULL], "boundary": [WRITE], "session": READ}, implicit("boundary")),
    ],
)
def test_session(policies: Json, expected: Any) -> None:
    assert outcome(policies, principal=SESSION) == expected


# "SCP evaluation": an Allow is needed at every level from the root to the account.
@pytest.mark.parametrize(
    ("scps", "expected"),
    [
        ([], ALLOWED),
        ([[FULL]], ALLOWED),
        ([[FULL], [FULL], [FULL]], ALLOWED),
        ([[FULL], [READ], [FULL]], ALLOWED),
        ([[FULL], [WRITE], [FULL]], implicit("scp")),
        ([[FULL], [WRITE, READ]], ALLOWED),
        ([[FULL], []], implicit("scp")),
        ([[]], implicit("scp")),
        ([[FULL], [FULL, deny("s3:*")]], explicit("scp")),
        ([[deny("s3:PutObject"), FULL]], ALLOWED),
    ],
)
def test_scp_levels(scps: list[list[Json]], expected: Any) -> None:
    assert outcome({"identity": [READ], "scps": scps}) == expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (ROOT, explicit("scp")),  # member accounts' root users are bound
        (SESSION, explicit("scp")),
        (LINKED, ALLOWED),
        (f"arn:aws:iam::{HOME}:role/aws-service-role/support.amazonaws.com/AWSServiceRoleForSupport", ALLOWED),
    ],
)
def test_scps_bind_everybody_but_service_linked_roles(principal: str, expected: Any) -> None:
    """ "Service control policies (SCPs)": tasks and entities not restricted by SCPs."""
    assert outcome({"identity": [FULL], "scps": [[FULL, deny("s3:*")]]}, principal=principal) == expected


def test_scps_bind_grants_of_resource_policies_too() -> None:
    assert outcome({"resource": named({"AWS": USER}), "scps": [[WRITE]]}) == implicit("scp")


# "RCP evaluation" and "Resource control policies (RCPs)": full access is always attached, only Deny limits, only the
# listed services, principals of other accounts and services too, service-linked roles not.
RCP = deny("s3:*", Principal="*")
OURS = {
    "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"},
    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
}
FENCE = deny("s3:*", condition=OURS, Principal="*")


@pytest.mark.parametrize(
    ("rcps", "expected"),
    [
        ([], ALLOWED),
        ([[]], ALLOWED),
        ([[], []], ALLOWED),
        ([[RCP]], explicit("rcp")),
        ([[], [RCP], []], explicit("rcp")),
        ([[allow(Principal="*")], [FENCE]], explicit("rcp")),
        ([[deny("s3:PutObject", Principal="*")]], ALLOWED),
    ],
)
def test_rcp_levels(rcps: list[list[Json]], expected: Any) -> None:
    assert outcome({"identity": [READ], "rcps": rcps}) == expected


def test_rcps_are_about_listed_services_only() -> None:
    closed = {"identity": [FULL], "rcps": [[deny("*", Principal="*")]]}
    assert outcome(closed, "ec2:StopInstances", f"arn:aws:ec2:us-east-1:{HOME}:instance/i-1") == ALLOWED
    assert outcome(closed, "sqs:SendMessage", f"arn:aws:sqs:us-east-1:{HOME}:q") == explicit("rcp")
    assert outcome(closed, "secretsmanager:GetSecretValue", "*") == explicit("rcp")


def test_rcps_bind_outsiders_and_services_and_not_service_linked_roles() -> None:
    open_bucket = {"resource": named("*"), "identity": [FULL], "rcps": [[RCP]]}
    assert outcome(open_bucket, principal=f"arn:aws:iam::{AWAY}:user/eve", account=HOME) == explicit("rcp")
    assert outcome(open_bucket, principal={"anonymous": True}) == explicit("rcp")
    assert outcome(open_bucket, principal={"service": "logs.amazonaws.com"}) == explicit("rcp")
    assert outcome(open_bucket, principal=LINKED) == ALLOWED


def test_rcps_keep_no_service_from_its_service_linked_role() -> None:
    """ "Resource control policies (RCPs)": the trust policy of a service-linked role is not impacted."""
    service = {"service": "support.amazonaws.com"}
    policies = {"resource": trust({"Service": "support.amazonaws.com"}), "rcps": [[deny("sts:*", Principal="*")]]}
    linked = f"arn:aws:iam::{HOME}:role/aws-service-role/support.amazonaws.com/AWSServiceRoleForSupport"
    assert outcome(policies, "sts:AssumeRole", linked, service) == ALLOWED
    assert outcome(policies, "sts:AssumeRole", f"arn:aws:iam::{HOME}:role/support", service) == explicit("rcp")


def test_an_rcp_that_spares_services() -> None:
    policies = {"resource": named({"Service": "logs.amazonaws.com"}), "rcps": [[FENCE]]}
    service = {"service": "logs.amazonaws.com"}
    assert outcome(policies, principal=service, context={"aws:PrincipalIsAWSService": True}) == ALLOWED
    assert outcome(policies, principal=service, context={"aws:PrincipalIsAWSService": False}) == explicit("rcp")


# "Control access to VPC endpoints using endpoint policies": the endpoint's policy must allow as well.
@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, ALLOWED),
        ([allow(Principal="*")], ALLOWED),
        ([allow("s3:PutObject", Principal="*")], implicit("vpc_endpoint")),
        ([allow(Principal={"AWS": SESSION})], implicit("vpc_endpoint")),
        ([allow(Principal={"AWS": HOME})], ALLOWED),
        ([allow(Principal="*"), deny("s3:Get*", Principal="*")], explicit("vpc_endpoint")),
    ],
)
def test_vpc_endpoint(endpoint: list[Json] | None, expected: Any) -> None:
    assert outcome({"identity": [READ], "vpc_endpoint": endpoint}) == expected


# "Cross-account policy evaluation logic": both accounts must allow.
@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ({"identity": [READ]}, implicit("resource")),
        ({"identity": [READ], "resource": named({"AWS": HOME})}, ALLOWED),
        ({"identity": [READ], "resource": named({"AWS": USER})}, ALLOWED),
        ({"identity": [READ], "resource": named("*")}, ALLOWED),
        ({"identity": [], "resource": named({"AWS": USER})}, implicit("identity")),
        ({"identity": [READ], "resource": named({"AWS": AWAY})}, implicit("resource")),
        ({"identity": [READ], "resource": named({"AWS": USER}), "boundary": [WRITE]}, implicit("boundary")),
        ({"identity": [READ], "resource": named({"AWS": HOME}), "scps": [[WRITE]]}, implicit("scp")),
        ({"identity": [READ, deny("s3:*")], "resource": named({"AWS": HOME})}, explicit("identity")),
    ],
)
def test_cross_account(policies: Json, expected: Any) -> None:
    assert outcome(policies, account=AWAY) == expected


def test_the_resource_account_is_read_from_the_arn_where_it_is_there() -> None:
    queue = f"arn:aws:sqs:us-east-1:{AWAY}:q"
    assert outcome({"identity": [FULL]}, "sqs:SendMessage", queue) == implicit("resource")
    assert outcome({"identity": [FULL]}, "sqs:SendMessage", queue, account=HOME) == ALLOWED


def test_get_caller_identity_cannot_be_denied() -> None:
    """ "GetCallerIdentity" (AWS STS API reference): allowed even where a policy denies it."""
    assert outcome({"identity": [deny()], "scps": [[]]}, "sts:GetCallerIdentity", "*") == ALLOWED


def test_a_decision_names_the_statements_that_made_it() -> None:
    identity = document(statement("Allow", Sid="All"), statement("Deny", "s3:Put*", Sid="NoPut"))
    found = judge({"identity": [WRITE, identity], "scps": [[FULL], [READ]], "resource": named("*", "Deny", Sid="Shut")})
    assert found.matched == (
        Matched("scps[0][0]", 0, None, "Allow"),
        Matched("scps[1][0]", 0, None, "Allow"),
        Matched("resource", 0, "Shut", "Deny"),
        Matched("identity[1]", 0, "All", "Allow"),
    )
    assert (found.decision, found.blocked_by, found.conditions) == ("explicit_deny", "resource", ())


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"action": "GetObject"}, "request.action"),
        ({"action": "s3:*"}, "request.action"),
        ({"resource": "bucket/key"}, "request.resource"),
        ({"resource": "arn:aws:s3:::" + "a" * 9000}, "request.resource"),
        ({"principal": "ana"}, "request.principal"),
        ({"principal": f"arn:aws:iam::{HOME}:group/staff"}, "request.principal"),
        ({"principal": {"anonymous": False}}, "request.principal"),
        ({"principal": None}, "request.principal"),
        ({"context": {"aws:username": {"a": 1}}}, "context.aws:username"),
        ({"context": {"aws:username": ["a" * 40_000, "b" * 40_000]}}, "context.aws:username"),
        ({"account": "x"}, "request.resource_account"),
    ],
)
def test_a_request_that_cannot_be_is_refused_with_its_place(given: Json, place: str) -> None:
    with pytest.raises(UsageError) as caught:
        judge({}, **{"action": "s3:GetObject", "resource": OBJECT, **given})
    assert caught.value.place == place


@pytest.mark.parametrize(("member", "value"), [("context", []), ("context", 0), ("partial_context", "yes")])
def test_a_member_of_another_type_is_not_taken_for_none(member: str, value: object) -> None:
    asked = {"principal": USER, "action": "s3:GetObject", "resource": OBJECT, member: value}
    with pytest.raises(UsageError) as caught:
        request(asked)
    assert caught.value.place == f"request.{member}"


def test_a_request_out_of_all_bounds_is_refused_before_the_work() -> None:
    """A thousand patterns of the slow kind and 65,000 characters to hold them against: minutes of comparing."""
    slow = {"StringLike": {"aws:x": [f"*?{number}?a*" for number in range(2000)]}}
    with pytest.raises(UsageError, match="too long for so many patterns"):
        judge({"identity": [allow(condition=slow)]}, context={"aws:x": ["a" * 650] * 100})
    assert judge({"identity": [allow(condition=slow)]}, context={"aws:x": ["x71ya"]}).decision == "allowed"


def test_a_text_that_variables_blow_up_matches_nothing() -> None:
    pattern = "arn:aws:s3:::bucket/" + "${aws:x}" * 20_000
    assert judge({"identity": [allow(resource=pattern)]}, context={"aws:x": "a" * 60_000}) == judge({"identity": []})
