"""What a principal may do after boundary, SCPs and Deny; expectations by AWS's pages on each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.access.effective import ALLOWED, CONDITIONAL, Permission
from pipeline.access.snapshots import latest
from pipeline.access.world import World
from pipeline.iam.catalogue import load
from pipeline.iam.decisions import request
from pipeline.iam.evaluate import Evaluator
from pipeline.iam.globs import matches
from tests.access.worlds import allow, arn, deny, engine, group, managed, policy, role, scp, user

BUCKET, OTHER = "arn:aws:s3:::one", "arn:aws:s3:::two"
READ, WRITE = "s3:GetObject", "s3:PutObject"
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
Fate = tuple[str, tuple[str, ...]]


def fates(items: list[dict[str, Any]], name: str, action: str) -> dict[str, Fate]:
    """Decision and keys of one action by scope, for the principal of that name."""
    return {each.scope: (each.decision, each.keys) for each in found(items, name, action)}


def found(items: list[dict[str, Any]], name: str, action: str) -> list[Permission]:
    with engine(items, []) as made:
        world = World(latest(made), load())
    (who,) = [each for each in world.principals.values() if each.name == name]
    place = world.catalogue.index[action.lower()]
    return [each for each in world.effective.of(who) if each.bits >> place & 1]


def bounded(*statements: dict[str, Any]) -> list[dict[str, Any]]:
    """A role with full S3 access within a boundary of these statements."""
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn("policy", "edge")}
    edge = managed("edge", ("2020-01-01T00:00:00Z", policy(*statements)))
    return [edge, role("r", policy(allow("s3:*")), PermissionsBoundary=boundary)]


# "Policy evaluation logic": an Allow grants, a Deny takes away, under its conditions and on its resources.
@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([allow(READ)], {"*": (ALLOWED, ())}),
        ([allow(WRITE)], {}),
        ([allow(READ, Condition=MFA)], {"*": (CONDITIONAL, ("aws:MultiFactorAuthPresent",))}),
        ([allow(READ), deny(READ)], {}),
        ([allow(READ), deny(READ, Condition=MFA)], {"*": (CONDITIONAL, ("aws:MultiFactorAuthPresent",))}),
        ([allow(READ), deny(READ, f"{BUCKET}/*")], {"*": (ALLOWED, ())}),
        ([allow(READ, f"{BUCKET}/*"), deny(READ, f"{BUCKET}/*")], {}),
        ([allow(READ, f"{BUCKET}/a/*"), deny(READ, f"{BUCKET}/*")], {}),
        ([allow(READ, f"{BUCKET}/*"), deny(READ, f"{BUCKET}/a/*")], {f"{BUCKET}/*": (ALLOWED, ())}),
        ([allow(READ, f"{BUCKET}/*"), deny(READ, f"{OTHER}/*")], {f"{BUCKET}/*": (ALLOWED, ())}),
        ([allow(["s3:*"], f"{BUCKET}/*"), deny([WRITE], f"{BUCKET}/*")], {f"{BUCKET}/*": (ALLOWED, ())}),
        # Everything but one bucket is denied: of that bucket nothing is, of another all.
        (
            [
                allow(READ, f"{BUCKET}/*"),
                {"Effect": "Deny", "Action": "s3:*", "NotResource": [f"{BUCKET}/*"]},
            ],
            {f"{BUCKET}/*": (ALLOWED, ())},
        ),
        ([allow(READ, f"{OTHER}/*"), {"Effect": "Deny", "Action": "s3:*", "NotResource": [f"{BUCKET}/*"]}], {}),
        # One question mark is one character, a star any number: the Deny may leave part of the scope.
        ([allow(READ, f"{BUCKET}/*"), deny(READ, f"{BUCKET}/?")], {f"{BUCKET}/*": (ALLOWED, ())}),
        # What is left of a scope after two that narrow it may be nothing.
        (
            [
                allow(READ),
                {"Effect": "Deny", "Action": "s3:*", "NotResource": [f"{BUCKET}/*"]},
                deny(READ, f"{BUCKET}/*"),
            ],
            {"*": (CONDITIONAL, ())},
        ),
    ],
)
def test_grants_and_denials(statements: list[dict[str, Any]], expected: dict[str, Fate]) -> None:
    assert fates([role("r", policy(*statements))], "r", READ) == expected


# "Permissions boundaries for IAM entities": only what both allow is allowed.
@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([allow("s3:*")], {"*": (ALLOWED, ())}),
        ([allow(WRITE)], {}),
        ([allow("*"), deny(READ)], {}),
        ([allow("*", Condition=MFA)], {"*": (CONDITIONAL, ("aws:MultiFactorAuthPresent",))}),
        # A boundary that allows it outright once is not narrowed by a second statement.
        ([allow("*", Condition=MFA), allow(READ)], {"*": (ALLOWED, ())}),
        ([allow(READ, f"{BUCKET}/*")], {"*": (ALLOWED, ())}),
    ],
)
def test_a_boundary(statements: list[dict[str, Any]], expected: dict[str, Fate]) -> None:
    assert fates(bounded(*statements), "r", READ) == expected


def test_a_boundary_elsewhere_leaves_nothing() -> None:
    edge, _ = bounded(allow(READ, f"{BUCKET}/*"))
    boundary = {"PermissionsBoundaryArn": arn("policy", "edge")}
    one = role("r", policy(allow(READ, f"{OTHER}/*")), PermissionsBoundary=boundary)
    assert fates([edge, one], "r", READ) == {}


def test_what_limits_is_told() -> None:
    (one,) = found(bounded(allow(READ, f"{BUCKET}/*")), "r", READ)
    assert one.limits == (f"the boundary {arn('policy', 'edge')} allows it only on {BUCKET}/*",)


def test_groups_and_policies_are_named() -> None:
    items = [group("g", policy(allow(READ))), user("u", GroupList=["g"])]
    (one,) = found(items, "u", READ)
    assert one.granted_by == ("inline policy g0 via group g",)


# "SCP evaluation": an SCP limits every principal of the account, but no service-linked role.
def test_scps() -> None:
    guard = scp("guard", policy(allow("*"), deny(READ, Condition=MFA)))
    keys = ("aws:MultiFactorAuthPresent",)
    assert fates([guard, role("r", policy(allow(READ)))], "r", READ) == {"*": (CONDITIONAL, keys)}
    linked = role("l", policy(allow(READ)), path="/aws-service-role/x.amazonaws.com/")
    assert fates([guard, linked], "l", READ) == {"*": (ALLOWED, ())}


# "How to use trust policies with IAM roles": the caller's own policy is not enough to assume a role.
def test_assuming_a_role_hangs_on_its_trust_policy() -> None:
    items = [role("r", policy(allow(["sts:AssumeRole", READ])))]
    assert fates(items, "r", "sts:AssumeRole") == {"*": (CONDITIONAL, ("(the role's trust policy)",))}
    assert fates(items, "r", READ) == {"*": (ALLOWED, ())}


ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "ec2:RunInstances", "iam:PassRole"]
PATTERNS = ["*", "s3:*", "s3:Get*", "s3:?utObject", "ec2:RunInstances", "iam:PassRole", *ACTIONS]
SCOPES = ["*", f"{BUCKET}/*", f"{BUCKET}/a*", f"{BUCKET}/a", f"{OTHER}/*", f"{OTHER}/?", "arn:aws:s3:::*"]
RESOURCES = [f"{BUCKET}/a", f"{BUCKET}/b", f"{OTHER}/x", f"{OTHER}/xy", "arn:aws:ec2:us-east-1:123456789012:instance/i"]
KEYS: list[dict[str, Any] | None] = [None, None, MFA, {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}]
CONTEXTS: list[dict[str, str]] = [
    {},
    {"aws:MultiFactorAuthPresent": "true"},
    {"aws:MultiFactorAuthPresent": "true", "aws:RequestedRegion": "eu-west-1"},
]


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    some = st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique=True)
    scopes = st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2, unique=True)
    made: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    made[draw(st.sampled_from(["Action", "Action", "Action", "NotAction"]))] = draw(some)
    made[draw(st.sampled_from(["Resource", "Resource", "Resource", "NotResource"]))] = draw(scopes)
    condition = draw(st.sampled_from(KEYS))
    return made | ({"Condition": condition} if condition else {})


documents = st.lists(statements(), min_size=1, max_size=3).map(lambda made: policy(*made))


@settings(max_examples=150, deadline=None)
@given(identity=documents, boundary=st.none() | documents, control=st.none() | documents)
def test_it_agrees_with_evaluation(
    identity: dict[str, Any], boundary: dict[str, Any] | None, control: dict[str, Any] | None
) -> None:
    """What is gone is never allowed; what is allowed without a limit is allowed on everything and in every context."""
    items = [role("r", identity)]
    if boundary:
        items = [managed("edge", ("2020-01-01T00:00:00Z", boundary))]
        items.append(role("r", identity, PermissionsBoundary={"PermissionsBoundaryArn": arn("policy", "edge")}))
    if control:
        items.append(scp("s", control))
    with engine(items, []) as made:
        world = World(latest(made), load())
    (who,) = world.principals.values()
    permissions = world.effective.of(who)
    levels = [each.documents for each in world.organization.levels(who.account_id, "scp")]
    evaluator = Evaluator({"identity": [identity], "boundary": [boundary] if boundary else None, "scps": levels})
    for action in ACTIONS:
        bit = world.catalogue.match(action)
        told = [each for each in permissions if each.bits & bit]
        free = [each.scope for each in told if each.decision == ALLOWED and not each.limits]
        for resource in RESOURCES:
            asked = {"principal": who.arn, "action": action, "resource": resource}
            decisions = {evaluator.decide(request({**asked, "context": each})).decision for each in CONTEXTS}
            if not told:
                assert "allowed" not in decisions, (action, resource)
            if any(_on(scope, resource) for scope in free):
                assert decisions == {"allowed"}, (action, resource)


def _on(scope: str, resource: str) -> bool:
    return not scope.startswith("not ") and any(matches(each, resource) for each in scope.split(", "))
