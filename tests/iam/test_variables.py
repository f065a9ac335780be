"""Resources, wildcards and policy variables; expectations worked out by hand from the AWS page each group names."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.iam.variables import Context
from tests.iam.cases import HOME, SESSION, Json, allow, deny, document, judge, statement

ANA = {"aws:username": "ana", "aws:PrincipalTag/team": "blue", "aws:star": "*", "aws:many": ["a", "b"]}


def reaches(pattern: object, resource: str, context: Json | None = None, version: str = "2012-10-17") -> bool:
    """Whether an Allow on the pattern allows a call on the resource."""
    policy = document(statement("Allow", "s3:GetObject", pattern), version=version)
    found = judge({"identity": [policy]}, resource=resource, account=HOME, context=context or ANA)
    return found.decision == "allowed"


# "IAM JSON policy elements: Resource": case counts, `*` takes in slashes and colons, `?` is one character.
@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/b:c", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::B/k", False),
        ("arn:aws:s3:::b*", "arn:aws:s3:::b2/k", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/kk", False),
        ("arn:aws:s3:::b/??.txt", "arn:aws:s3:::b/ab.txt", True),
        ("arn:aws:s3:::*/logs/*.gz", "arn:aws:s3:::b/x/logs/2026/1.gz", True),
        ("arn:aws:s3:::*/logs/*.gz", "arn:aws:s3:::b/x/log/1.gz", False),
        ("arn:*:s3:::b/k", "arn:aws-cn:s3:::b/k", True),
        (["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"], "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:*", "arn:aws:s3:::b/k", True),  # a star that ends a part takes in what follows
        ("arn:aws:s*", "arn:aws:s3:::b/k", True),
        ("arn:aws:sqs:*", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:*:b/k", "arn:aws:s3:::b/k", True),
        ([], "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::b/k", "*", False),
        ("arn:aws:s3:::b/[k]", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::b/.", "arn:aws:s3:::b/k", False),
    ],
)
def test_resources(pattern: object, resource: str, expected: bool) -> None:
    assert reaches(pattern, resource) is expected


# "IAM JSON policy elements: Action" and "NotAction"; case does not count.
@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("s3:GetObject", True),
        ("S3:GETOBJECT", True),
        ("s3:Get*", True),
        ("s3:*Obj*", True),
        ("s3:?etObject", True),
        ("s3:Get?bject", True),
        ("s3:GetObject?", False),
        ("s3:Put*", False),
        ("*", True),
        (" s3:GetObject", False),
        ("s3:GetObject ", False),
        (["sqs:*", "s3:GetObject"], True),
    ],
)
def test_actions(action: object, expected: bool) -> None:
    assert (judge({"identity": [allow(action)]}).decision == "allowed") is expected
    assert (judge({"identity": [allow(NotAction=action)]}).decision == "allowed") is not expected


@pytest.mark.parametrize(
    ("excepted", "expected"),
    [("arn:aws:s3:::bucket/*", "allowed"), ("arn:aws:s3:::other/*", "explicit_deny"), ("*", "allowed")],
)
def test_not_resource(excepted: str, expected: str) -> None:
    """ "IAM JSON policy elements: NotResource": everything but what is listed."""
    policies = {"identity": [allow(), deny("s3:*", NotResource=["arn:aws:s3:::public/*", excepted])]}
    assert judge(policies).decision == expected


# "IAM policy elements: Variables and tags".
@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/ana/k", True),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/k", False),
        ("arn:aws:s3:::b/${AWS:UserName}/*", "arn:aws:s3:::b/ana/k", True),
        ("arn:aws:s3:::b/${aws:PrincipalTag/team}-${aws:username}", "arn:aws:s3:::b/blue-ana", True),
        ("arn:aws:s3:::b/${aws:userid}/*", "arn:aws:s3:::b//k", False),  # no value: no match
        ("arn:aws:s3:::b/${aws:userid}*", "arn:aws:s3:::b/${aws:userid}x", False),
        ("arn:aws:s3:::b/${aws:userid, 'none'}/*", "arn:aws:s3:::b/none/k", True),
        ("arn:aws:s3:::b/${aws:username, 'none'}/*", "arn:aws:s3:::b/none/k", False),
        ("arn:aws:s3:::b/${aws:username, 'none'}/*", "arn:aws:s3:::b/ana/k", True),
        ("arn:aws:s3:::b/${aws:userid, ''}k", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/${aws:star}", "arn:aws:s3:::b/*", True),
        ("arn:aws:s3:::b/${aws:star}", "arn:aws:s3:::b/k", False),  # a wildcard in a value is none
        ("arn:aws:s3:::b/${aws:many}", "arn:aws:s3:::b/a", False),  # several values are no variable's
        ("arn:aws:s3:::b/${aws:many, 'none'}", "arn:aws:s3:::b/none", False),  # and it has a value
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::b/${?}", "arn:aws:s3:::b/?", True),
        ("arn:aws:s3:::b/${?}", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::b/${$}{x}", "arn:aws:s3:::b/${x}", True),
        ("arn:aws:s3:::b/${*}*", "arn:aws:s3:::b/*k", True),
        ("arn:aws:s3:::b/${aws:username", "arn:aws:s3:::b/${aws:username", True),  # no brace: no variable
        (["arn:aws:s3:::b/${aws:userid}", "arn:aws:s3:::b/k"], "arn:aws:s3:::b/k", True),
    ],
)
def test_variables_in_resources(pattern: object, resource: str, expected: bool) -> None:
    assert reaches(pattern, resource) is expected


@pytest.mark.parametrize("version", ["2008-10-17", None])
def test_older_documents_have_no_variables(version: str | None) -> None:
    policy = document(statement("Allow", "s3:GetObject", "arn:aws:s3:::b/${aws:username}"))
    policy.pop("Version")
    if version:
        policy["Version"] = version
    for resource, expected in (("arn:aws:s3:::b/ana", "implicit_deny"), ("arn:aws:s3:::b/${aws:username}", "allowed")):
        assert judge({"identity": [policy]}, resource=resource, context=ANA).decision == expected


# The same page, "Policy variables with no value": the pattern names no resource, in Resource and in NotResource.
@pytest.mark.parametrize(
    ("statement_of", "element", "expected"),
    [
        (allow, "Resource", "implicit_deny"),
        (allow, "NotResource", "allowed"),
        (deny, "Resource", "implicit_deny"),
        (deny, "NotResource", "explicit_deny"),
    ],
)
def test_a_pattern_without_a_value_names_nothing(statement_of: Any, element: str, expected: str) -> None:
    made = statement_of("s3:*", **{element: "arn:aws:s3:::bucket/${aws:userid}"})
    assert judge({"identity": [made]}).decision == expected


def test_a_deny_of_all_but_the_own_folder_meets_a_caller_without_a_name() -> None:
    """The same section: a session has no aws:username, so no object is its own."""
    own = deny("s3:*", NotResource="arn:aws:s3:::bucket/${aws:username}/*")
    policies = {"identity": [allow(), own]}
    assert judge(policies, principal=SESSION).decision == "explicit_deny"
    mine = "arn:aws:s3:::bucket/ana/key"
    assert judge(policies, resource=mine, context={"aws:username": "ana"}).decision == "allowed"


def test_a_negated_operator_holds_against_no_value() -> None:
    """The same section's own example: whoever has no team is denied every object, tagged or not."""
    differs = {"StringNotEquals": {"s3:ExistingObjectTag/Team": "${aws:PrincipalTag/Team}"}}
    policies = {"identity": [allow(), deny("s3:GetObject", "arn:aws:s3:::bucket/*", differs)]}
    tagged = {"s3:ExistingObjectTag/Team": "blue"}
    assert judge(policies, context=tagged).decision == "explicit_deny"
    assert judge(policies, context=tagged | {"aws:PrincipalTag/Team": "red"}).decision == "explicit_deny"
    assert judge(policies, context=tagged | {"aws:PrincipalTag/Team": "blue"}).decision == "allowed"
    found = judge(policies, context=tagged, partial=True)
    assert (found.decision, found.conditions) == ("conditional", ("aws:PrincipalTag/Team",))


# The same page: string and ARN operators take variables ("Condition operators" adds Bool), the others none.
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}, True),
        ({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/none}"}}, False),
        ({"StringEquals": {"aws:ResourceTag/team": ["${aws:PrincipalTag/none}", "blue"]}}, True),
        ({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/none, 'blue'}"}}, True),
        ({"StringNotEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}, False),
        ({"StringNotEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/none}"}}, True),  # nothing equals no value
        ({"StringNotEquals": {"aws:ResourceTag/team": ["${aws:PrincipalTag/none}", "blue"]}}, False),
        ({"StringNotLike": {"aws:ResourceTag/team": "${aws:PrincipalTag/none}*"}}, True),
        ({"ForAllValues:StringNotEquals": {"aws:TagKeys": "${aws:PrincipalTag/none}"}}, True),
        ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": "${aws:PrincipalTag/none}"}}, True),
        ({"ArnNotLike": {"aws:SourceArn": "${aws:PrincipalTag/none}"}}, True),
        ({"StringEqualsIfExists": {"aws:ResourceTag/none": "${aws:PrincipalTag/none}"}}, True),
        ({"StringLike": {"s3:prefix": "home/${aws:username}/*"}}, True),
        ({"StringLike": {"s3:prefix": "home/${aws:star}/*"}}, False),
        ({"StringLike": {"aws:star": "${*}"}}, True),
        ({"StringLike": {"aws:username": "${*}"}}, False),
        ({"StringEquals": {"aws:star": "*"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:${aws:username}-*"}}, True),
        ({"ArnEquals": {"aws:SourceArn": "${aws:own}"}}, True),
        ({"Bool": {"aws:SecureTransport": "${aws:secure}"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["${aws:username}"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["${aws:username}"]}}, False),
    ],
)
def test_variables_in_conditions(condition: Any, expected: bool) -> None:
    topic = f"arn:aws:sns:us-east-1:{HOME}:ana-alerts"
    context = ANA | {
        "aws:ResourceTag/team": "blue", "s3:prefix": "home/ana/docs", "aws:SourceArn": topic, "aws:own": topic,
        "aws:SecureTransport": True, "aws:secure": "true", "aws:TagKeys": ["ana", "other"],
    }  # fmt: skip
    found = judge({"identity": [allow("s3:*", "*", condition)]}, context=context)
    assert (found.decision == "allowed") is expected


def test_context_values_become_texts() -> None:
    context = Context({"A": True, "b": [1, 2.5, "x"], "c": None})
    assert context.get("a") == ("true",) and context.get("b") == ("1", "2.5", "x") and context.get("c") == ()
    with pytest.raises(UsageError):
        Context({"a": [[]]})
    with pytest.raises(UsageError):
        Context({"a": ["x"] * 1001})
    with pytest.raises(UsageError):
        Context({"aws:username": "ana", "AWS:UserName": "bob"})
