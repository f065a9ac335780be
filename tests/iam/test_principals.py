"""Who asks and how a policy names them; expectations worked out by hand from the AWS page each group names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.iam.cases import (
    ALLOWED,
    AWAY,
    FEDERATED,
    HOME,
    KEY,
    ROLE,
    ROOT,
    SESSION,
    USER,
    Json,
    allow,
    deny,
    explicit,
    implicit,
    named,
    outcome,
    trust,
)

READ, WRITE = allow("s3:GetObject"), allow("s3:PutObject")
FULL = allow()

# "Policy evaluation logic", resource-based policies and implicit denies in other policy types (same account); and
# "AWS JSON policy elements: Principal", IAM role principals (the wildcard). Columns: who asks, whom the bucket's
# policy names; then the outcome with nothing else, with a boundary that does not allow, with such a session policy.
FREE = (ALLOWED, ALLOWED, ALLOWED)
BOUND = (ALLOWED, implicit("boundary"), implicit("session"))
DELEGATED = (implicit("identity"),) * 3
# A federated session has nothing without a session policy ("Permissions for GetFederationToken").
FEDERATING = (implicit("session"), implicit("boundary"), implicit("session"))


@pytest.mark.parametrize(
    ("asks", "names", "expected"),
    [
        (USER, {"AWS": USER}, FREE[:2]),
        (USER, "*", FREE[:2]),
        (USER, {"AWS": "*"}, FREE[:2]),
        (USER, {"AWS": ROOT}, DELEGATED[:2]),
        (USER, {"AWS": HOME}, DELEGATED[:2]),
        (USER, {"AWS": f"arn:aws:iam::{HOME}:user/bob"}, DELEGATED[:2]),
        (USER, {"AWS": [HOME, USER]}, FREE[:2]),
        (SESSION, {"AWS": SESSION}, FREE),
        (SESSION, {"AWS": ROLE}, BOUND),
        (SESSION, {"AWS": f"arn:aws:iam::{HOME}:role/worker"}, BOUND),
        (SESSION, {"AWS": [ROLE, SESSION]}, FREE),
        (SESSION, "*", FREE),
        (SESSION, {"AWS": f"{SESSION}2"}, DELEGATED),
        (SESSION, {"AWS": HOME}, DELEGATED),
        (ROLE, {"AWS": ROLE}, BOUND),
        (FEDERATED, {"AWS": FEDERATED}, FREE),
        (FEDERATED, {"AWS": HOME}, DELEGATED),
        # "AWS STS federated user session principals": the session's ARN has the name of who federated.
        (FEDERATED, {"AWS": f"arn:aws:iam::{HOME}:user/guest"}, FEDERATING),
        (FEDERATED, {"AWS": f"arn:aws:iam::{HOME}:user/ana"}, DELEGATED),
    ],
)
def test_a_resource_policy_in_the_same_account(asks: str, names: object, expected: Any) -> None:
    alone = {"identity": [], "resource": named(names)}
    found = [outcome(alone, principal=asks), outcome({**alone, "boundary": [WRITE]}, principal=asks)]
    if len(expected) == 3:
        found.append(outcome({**alone, "session": WRITE}, principal=asks))
    assert tuple(found) == expected


def test_a_grant_to_the_user_who_federated_is_bound_by_the_session_policy() -> None:
    """ "Policy evaluation logic", IAM federated user sessions: boundary and session policy limit it."""
    policies = {"identity": [], "resource": named({"AWS": f"arn:aws:iam::{HOME}:user/guest"}), "session": READ}
    assert outcome(policies, principal=FEDERATED) == ALLOWED
    assert outcome({**policies, "boundary": [WRITE]}, principal=FEDERATED) == implicit("boundary")
    shut = named({"AWS": f"arn:aws:iam::{HOME}:user/guest"}, "Deny")
    assert outcome({"identity": [FULL], "resource": shut, "session": READ}, principal=FEDERATED) == explicit("resource")


def test_an_explicit_deny_in_the_boundary_always_counts() -> None:
    assert outcome({"resource": named({"AWS": USER}), "boundary": [deny("s3:*")]}) == explicit("boundary")
    assert outcome({"resource": named({"AWS": SESSION}), "session": deny("s3:*")}, principal=SESSION) == explicit(
        "session"
    )


def test_identity_alone_is_enough_in_the_same_account() -> None:
    assert outcome({"identity": [READ], "resource": named({"AWS": AWAY})}) == ALLOWED
    assert outcome({"identity": [READ], "resource": named({"AWS": HOME}, "Deny")}) == explicit("resource")


# "Permissions for GetFederationToken": the intersection of the user's policies and the session's; none without one.
@pytest.mark.parametrize(
    ("session", "expected"),
    [(None, implicit("session")), (READ, ALLOWED), (WRITE, implicit("session")), (deny("s3:*"), explicit("session"))],
)
def test_a_federated_user_has_what_its_session_policy_allows(session: Json | None, expected: Any) -> None:
    assert outcome({"identity": [FULL], "session": session}, principal=FEDERATED) == expected
    assert outcome({"identity": [WRITE], "session": READ}, principal=FEDERATED) == implicit("identity")


# "AWS account root user": all permissions in its account, still bound by SCPs and resource policies.
@pytest.mark.parametrize(
    ("policies", "account", "expected"),
    [
        ({}, HOME, ALLOWED),
        ({"boundary": [WRITE]}, HOME, ALLOWED),
        ({"scps": [[FULL], [WRITE]]}, HOME, implicit("scp")),
        ({"resource": named({"AWS": ROOT}, "Deny")}, HOME, explicit("resource")),
        ({}, AWAY, implicit("resource")),
        ({"resource": named({"AWS": HOME})}, AWAY, ALLOWED),
    ],
)
def test_root(policies: Json, account: str, expected: Any) -> None:
    assert outcome(policies, principal=ROOT, account=account) == expected


# "AWS JSON policy elements: Principal": services, anonymous and federated callers have no policies of their own.
@pytest.mark.parametrize(
    ("principal", "names", "expected"),
    [
        ({"service": "logs.amazonaws.com"}, {"Service": "logs.amazonaws.com"}, ALLOWED),
        ({"service": "logs.amazonaws.com"}, {"Service": ["sns.amazonaws.com"]}, implicit("resource")),
        ({"service": "logs.amazonaws.com"}, {"AWS": HOME}, implicit("resource")),
        ({"service": "logs.amazonaws.com"}, "*", ALLOWED),
        ({"anonymous": True}, "*", ALLOWED),
        ({"anonymous": True}, {"AWS": "*"}, ALLOWED),
        ({"anonymous": True}, {"AWS": HOME}, implicit("resource")),
        ({"federated": "accounts.google.com"}, {"Federated": "accounts.google.com"}, ALLOWED),
        ({"federated": "accounts.google.com"}, {"Federated": "www.amazon.com"}, implicit("resource")),
    ],
)
def test_callers_without_an_account(principal: object, names: object, expected: Any) -> None:
    assert outcome({"identity": [FULL], "resource": named(names), "scps": [[]]}, principal=principal) == expected


# "How IAM roles differ from resource-based policies" and "Policy evaluation logic": the trust policy must allow.
ASSUME = allow("sts:AssumeRole")


@pytest.mark.parametrize(
    ("policies", "principal", "expected"),
    [
        ({"identity": [ASSUME]}, USER, implicit("resource")),
        ({"identity": [ASSUME], "resource": trust({"AWS": HOME})}, USER, ALLOWED),
        ({"identity": [], "resource": trust({"AWS": HOME})}, USER, implicit("identity")),
        ({"identity": [], "resource": trust({"AWS": USER})}, USER, ALLOWED),
        ({"identity": [], "resource": trust({"AWS": ROLE})}, SESSION, ALLOWED),
        ({"identity": [ASSUME], "resource": trust({"AWS": AWAY})}, USER, implicit("resource")),
        ({"identity": [ASSUME], "resource": trust({"AWS": USER}, "Deny")}, USER, explicit("resource")),
        ({"identity": [], "resource": trust({"AWS": AWAY})}, f"arn:aws:iam::{AWAY}:user/eve", implicit("identity")),
        ({"identity": [ASSUME], "resource": trust({"AWS": AWAY})}, f"arn:aws:iam::{AWAY}:user/eve", ALLOWED),
        ({"resource": trust({"Service": "ec2.amazonaws.com"})}, {"service": "ec2.amazonaws.com"}, ALLOWED),
        ({"resource": trust({"Service": "ec2.amazonaws.com"})}, {"service": "ecs.amazonaws.com"}, implicit("resource")),
    ],
)
def test_assuming_a_role(policies: Json, principal: object, expected: Any) -> None:
    assert outcome(policies, "sts:AssumeRole", ROLE, principal) == expected


@pytest.mark.parametrize(("audience", "expected"), [("app-1", ALLOWED), ("app-2", implicit("resource"))])
def test_web_identity_through_its_provider(audience: str, expected: Any) -> None:
    provider = f"arn:aws:iam::{HOME}:oidc-provider/token.example.com"
    needed = {"StringEquals": {"token.example.com:aud": "app-1"}}
    policies = {"resource": trust({"Federated": provider}, action="sts:AssumeRoleWithWebIdentity", condition=needed)}
    context = {"token.example.com:aud": audience}
    found = outcome(policies, "sts:AssumeRoleWithWebIdentity", ROLE, {"federated": provider}, context=context)
    assert found == expected


# "Key policies in AWS KMS": no identity policy works unless the key policy allows, by name or through the account.
@pytest.mark.parametrize(
    ("names", "identity", "expected"),
    [
        (None, [FULL], implicit("resource")),
        ({"AWS": ROOT}, [FULL], ALLOWED),
        ({"AWS": ROOT}, [], implicit("identity")),
        ({"AWS": USER}, [], ALLOWED),
        ({"AWS": f"arn:aws:iam::{HOME}:user/bob"}, [FULL], implicit("resource")),
    ],
)
def test_kms_keys(names: object, identity: list[Json], expected: Any) -> None:
    policy = None if names is None else allow("kms:*", Principal=names)
    assert outcome({"identity": identity, "resource": policy}, "kms:Decrypt", KEY) == expected


def test_kms_actions_that_are_about_no_key_need_no_key_policy() -> None:
    assert outcome({"identity": [FULL]}, "kms:ListKeys", "*") == ALLOWED


# "AWS JSON policy elements: NotPrincipal": only with Deny; the account, then user or role, then session must be listed.
BOB = f"arn:aws:iam::{HOME}:user/bob"


@pytest.mark.parametrize(
    ("asks", "spared", "expected"),
    [
        (USER, {"AWS": [HOME, USER]}, ALLOWED),
        (USER, {"AWS": [ROOT, USER]}, ALLOWED),
        (USER, {"AWS": USER}, explicit("resource")),
        (USER, {"AWS": [HOME, BOB]}, explicit("resource")),
        (USER, {"AWS": HOME}, ALLOWED),
        (USER, {"AWS": AWAY}, explicit("resource")),
        (USER, {"Service": "logs.amazonaws.com"}, explicit("resource")),
        (USER, "*", ALLOWED),
        (SESSION, {"AWS": [HOME, ROLE, SESSION]}, ALLOWED),
        (SESSION, {"AWS": [HOME, ROLE]}, ALLOWED),
        (SESSION, {"AWS": [HOME, ROLE, f"{SESSION}2"]}, explicit("resource")),
        (SESSION, {"AWS": [ROLE, SESSION]}, explicit("resource")),
        (SESSION, {"AWS": [HOME, SESSION]}, explicit("resource")),
        (ROOT, {"AWS": HOME}, ALLOWED),
        (ROOT, {"AWS": USER}, explicit("resource")),
    ],
)
def test_not_principal(asks: str, spared: object, expected: Any) -> None:
    policy = deny("s3:*", NotPrincipal=spared)
    assert outcome({"identity": [FULL], "resource": policy}, principal=asks) == expected


def test_not_principal_spares_a_service_that_it_names() -> None:
    rules = [*deny("s3:*", NotPrincipal={"Service": "logs.amazonaws.com"})["Statement"], *named("*")["Statement"]]
    policy = {"Version": "2012-10-17", "Statement": rules}
    assert outcome({"resource": policy}, principal={"service": "logs.amazonaws.com"}) == ALLOWED
    assert outcome({"resource": policy}, principal={"service": "sns.amazonaws.com"}) == explicit("resource")
    assert outcome({"resource": policy}, principal={"anonymous": True}) == explicit("resource")


def test_not_principal_never_spares_a_caller_with_a_boundary() -> None:
    """ "Permissions boundaries for IAM entities": the note on NotPrincipal."""
    policies = {"identity": [FULL], "boundary": [FULL], "resource": deny("s3:*", NotPrincipal={"AWS": [HOME, USER]})}
    assert outcome(policies) == explicit("resource")


@pytest.mark.parametrize(
    ("asks", "names", "meets"),
    [
        # A session does not tell its role's path; names are unique in an account whatever the path.
        (SESSION, f"arn:aws:iam::{HOME}:role/other/path/worker", True),
        (SESSION, f"arn:aws:iam::{HOME}:role/app/worker2", False),
        (SESSION, f"arn:aws:iam::{AWAY}:role/app/worker", False),
        (SESSION, f"arn:aws-cn:iam::{HOME}:role/app/worker", False),
        (USER, f"arn:aws:iam::{HOME}:user/Ana", False),
        (USER, "AIDAJQABLZS4A3QDU576Q", False),  # a deleted user's unique id
    ],
)
def test_names_are_compared_in_full(asks: str, names: str, meets: bool) -> None:
    assert outcome({"resource": named({"AWS": names})}, principal=asks) == (ALLOWED if meets else implicit("identity"))
