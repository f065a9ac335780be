"""Decisions on a resource of which only globs are known; and the ARN formats that such globs come from."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.iam.decisions import Request
from pipeline.iam.evaluate import Evaluator
from pipeline.iam.formats import formats, listed
from pipeline.iam.globs import inside
from pipeline.iam.principals import principal
from pipeline.iam.variables import Context

ANY = "arn:aws:s3:::b/*"


def decided(*statements: dict[str, Any], within: tuple[str, ...] = (ANY,)) -> tuple[str, tuple[str, ...]]:
    document = {"Version": "2012-10-17", "Statement": [{"Action": "s3:*", **each} for each in statements]}
    who = principal("arn:aws:iam::111122223333:user/u")
    asked = Request(who, "s3:GetObject", within[0], None, Context({}, partial=True), within)
    made = Evaluator({"identity": [document]}).decide(asked)
    return made.decision, made.conditions


OPEN = ("conditional", ("(the resource)",))


@pytest.mark.parametrize(
    ("statements", "result"),
    [
        ([{"Effect": "Allow", "Resource": "*"}], ("allowed", ())),
        ([{"Effect": "Allow", "Resource": "arn:aws:s3:::b/*"}], ("allowed", ())),
        ([{"Effect": "Allow", "Resource": "arn:aws:s3:::b*"}], ("allowed", ())),
        ([{"Effect": "Allow", "Resource": "arn:aws:s3:::b/in/*"}], OPEN),
        ([{"Effect": "Allow", "Resource": "arn:aws:s3:::c/*"}], ("implicit_deny", ())),
        ([{"Effect": "Allow", "NotResource": "arn:aws:s3:::c/*"}], ("allowed", ())),
        ([{"Effect": "Allow", "NotResource": "arn:aws:s3:::b/in/*"}], OPEN),
        ([{"Effect": "Allow", "NotResource": "arn:aws:s3:::b*"}], ("implicit_deny", ())),
        ([{"Effect": "Allow", "Resource": "*"}, {"Effect": "Deny", "Resource": "arn:aws:s3:::b/in/*"}], OPEN),
        ([{"Effect": "Allow", "Resource": "*"}, {"Effect": "Deny", "Resource": ANY}], ("explicit_deny", ())),
        ([{"Effect": "Allow", "Resource": "*"}, {"Effect": "Deny", "Resource": "arn:aws:s3:::c/*"}], ("allowed", ())),
        # Whichever object it is, one of the two statements takes it in: both are decided by the same question.
        (
            [
                {"Effect": "Allow", "Resource": "arn:aws:s3:::b/in/*"},
                {"Effect": "Allow", "NotResource": "arn:aws:s3:::b/in/*"},
            ],
            ("allowed", ()),
        ),
    ],
)
def test_a_resource_nobody_knows(statements: list[dict[str, Any]], result: tuple[str, tuple[str, ...]]) -> None:
    assert decided(*statements) == result


def test_all_globs_must_be_taken_in() -> None:
    bucket = {"Effect": "Allow", "Resource": ANY}
    assert decided(bucket, within=(ANY, "arn:aws:s3:::c/*")) == OPEN
    assert decided(bucket | {"Resource": [ANY, "arn:aws:s3:::c*"]}, within=(ANY, "arn:aws:s3:::c/*"))[0] == "allowed"


@pytest.mark.parametrize(
    ("glob", "pattern", "answer"),
    [
        ("a/b", "a/*", True),
        ("a/*", "a/*", True),
        ("a/*", "*", True),
        ("a/*", "a/b*", False),
        ("a*", "a/*", False),
        ("a??", "a*", True),
        ("a??", "a??", True),
        ("a?", "a??", False),
        ("a*", "a?", False),
        ("a/b", "a/?", True),
        ("u/ada", "u/${aws:username}", False),
    ],
)
def test_inside(glob: str, pattern: str, answer: bool) -> None:
    """Every text of the first fits the second."""
    assert inside(glob, pattern) is answer


def test_formats_are_those_of_the_service_authorization_reference() -> None:
    assert formats("ec2:DescribeInstances") == ()  # no resource-level permissions
    assert listed("ec2:DescribeInstances") and not listed("ec2:NoSuchAction") and not listed("nosuch:Thing")
    (queue,) = formats("sqs:SendMessage")
    assert (queue.type, queue.required, queue.parts) == ("queue", True, ("QueueName",))
    values = {"partition": "aws", "region": "eu-west-1", "account": "111122223333"}
    assert queue.glob(values.get) == "arn:aws:sqs:eu-west-1:111122223333:*"
    assert queue.glob((values | {"queuename": "q"}).get) == "arn:aws:sqs:eu-west-1:111122223333:q"
