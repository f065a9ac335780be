"""Policy documents: the forms AWS accepts, what it refuses, and the actions they grant."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from pipeline.errors import PolicyError
from pipeline.iam.catalogue import load
from pipeline.iam.policy import parse

KNOWN = load()


def granted(*statements: dict[str, Any]) -> set[str]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return set(KNOWN.names(parse(document).expand(KNOWN).bits))


def allow(action: object, resource: object = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: object, resource: object = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def test_single_values_and_lists_are_the_same() -> None:
    one = {"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
    many = {"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"]}]}
    assert parse(one).statements == parse(many).statements
    assert parse(one).version == "2008-10-17"


def test_text_and_url_encoded_text_are_read() -> None:
    document = {"Version": "2012-10-17", "Statement": [allow("s3:GetObject", "arn:aws:s3:::b/*")]}
    text = json.dumps(document)
    assert parse(text) == parse(quote(text)) == parse(document)


def test_a_sure_deny_takes_away() -> None:
    assert granted(allow(["s3:GetObject", "s3:PutObject"]), deny("s3:Put*")) == {"s3:GetObject"}


@pytest.mark.parametrize(
    "unsure",
    [
        deny("s3:Put*", "arn:aws:s3:::b/*"),
        deny("s3:Put*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
        {"Effect": "Deny", "Action": "s3:Put*", "NotResource": "arn:aws:s3:::b/*"},
    ],
)
def test_a_deny_that_may_not_apply_takes_nothing_away(unsure: dict[str, Any]) -> None:
    assert granted(allow("s3:PutObject"), unsure) == {"s3:PutObject"}


def test_not_action_in_allow_and_deny() -> None:
    assert "iam:CreateUser" not in granted({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})
    kept = granted(
        allow(["s3:GetObject", "ec2:RunInstances"]), {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}
    )
    assert kept == {"s3:GetObject"}


def test_unknown_patterns_are_told_once() -> None:
    found = parse({"Statement": [allow(["s3:Nope", "x:*"]), allow("s3:Nope")]}).expand(KNOWN)
    assert found.unknown == ("s3:Nope", "x:*")


def test_scope_as_text() -> None:
    statements = parse(
        {
            "Statement": [
                allow("s3:GetObject", ["arn:aws:s3:::a", "arn:aws:s3:::b"]),
                {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::a"},
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}},
            ]
        }
    ).statements
    assert [each.scope for each in statements] == ["arn:aws:s3:::a, arn:aws:s3:::b", "not arn:aws:s3:::a", "*"]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ("{", "policy"),
        ([], "policy"),
        ({}, "policy"),
        ({"Version": "2020-01-01", "Statement": []}, "policy.Version"),
        ({"Statement": ["x"]}, "policy.Statement[0]"),
        ({"Statement": [allow("s3:*"), {"Effect": "allow", "Action": "*"}]}, "policy.Statement[1].Effect"),
        ({"Statement": {"Effect": "Allow", "Resource": "*"}}, "policy.Statement[0]"),
        ({"Statement": {"Effect": "Allow", "Action": [], "Resource": "*"}}, "policy.Statement[0]"),
        ({"Statement": allow("s3:*", NotAction="s3:*")}, "policy.Statement[0]"),
        ({"Statement": allow("s3:*", NotResource="*")}, "policy.Statement[0]"),
        ({"Statement": allow(["s3:*", 1])}, "policy.Statement[0].Action"),
        ({"Statement": allow("s3:*", Condition=["x"])}, "policy.Statement[0].Condition"),
        ({"Statement": {"effect": "Allow", "Action": "*", "Resource": "*"}}, "policy.Statement[0].effect"),
    ],
)
def test_what_aws_would_reject_is_refused_with_its_place(document: object, place: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(document)
    assert caught.value.place == place and caught.value.exit_code == 1
