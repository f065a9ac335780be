"""What AWS refuses in a policy, by kind; each with the place of the fault.

Sources: "Grammar of the IAM JSON policy language", "IAM policy validation check reference", "SCP syntax", "RCP syntax".
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from pipeline.errors import PolicyError
from pipeline.iam.evaluate import Evaluator
from tests.iam.cases import HOME, USER, Json, allow, deny, document, statement, trust

WHO = {"AWS": USER}


def one(**changes: Any) -> Json:
    """An identity policy whose one statement is changed; ... takes an element out."""
    made = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", **changes}
    return document({name: value for name, value in made.items() if value is not ...})


@pytest.mark.parametrize(
    ("policy", "place"),
    [
        ([], ""),
        ("{}", ""),
        ({}, ""),
        ({"Version": "2012-10-17"}, ""),
        ({**allow(), "Version": "2012-10-18"}, ".Version"),
        ({**allow(), "version": "2012-10-17"}, ".version"),
        (one(Effect=...), ".Statement[0].Effect"),
        (one(Effect="allow"), ".Statement[0].Effect"),
        (one(Action=...), ".Statement[0]"),
        (one(NotAction="s3:*"), ".Statement[0]"),
        (one(NotResource="*"), ".Statement[0]"),
        (one(Resource=...), ".Statement[0]"),
        (one(Actions="s3:*"), ".Statement[0].Actions"),
        (one(Principal="*"), ".Statement[0].Principal"),
        (one(Principal="*", NotPrincipal="*"), ".Statement[0]"),
        (one(NotPrincipal="*"), ".Statement[0].NotPrincipal"),
        (one(Action="GetObject"), ".Statement[0].Action"),
        (one(Action="s3:"), ".Statement[0].Action"),
        (one(Action="*:Get*"), ".Statement[0].Action"),
        (one(Action=["s3:*", 5]), ".Statement[0].Action"),
        (one(Resource="bucket"), ".Statement[0].Resource"),
        (one(Resource="arn:aws:s3:bucket"), ".Statement[0].Resource"),
        (one(Resource="arn:aws:s3"), ".Statement[0].Resource"),
        (one(Resource="arn:aws:s3:b*t"), ".Statement[0].Resource"),
        (one(Resource=["*", "s3:::bucket"]), ".Statement[0].Resource"),
        (one(Resource=""), ".Statement[0].Resource"),
        (one(Resource=["*", "\ud800"]), ""),
        (one(Sid=5), ".Statement[0].Sid"),
        (one(Sid=None), ".Statement[0].Sid"),
        (one(Sid="no spaces"), ".Statement[0].Sid"),
        (document(statement("Allow", Sid="A"), statement("Deny", Sid="A")), ".Statement[1].Sid"),
        (one(Condition=[]), None),
        (one(Condition=["x"]), ".Statement[0].Condition"),
        (one(Condition=None), ".Statement[0].Condition"),
        (one(Condition=""), ".Statement[0].Condition"),
        (one(Condition=False), ".Statement[0].Condition"),
        ('{"Statement": {"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}}', ""),
        (one(Condition={"StringMatches": {"aws:a": "b"}}), ".Statement[0].Condition.StringMatches"),
        (
            one(Condition={"ForSomeValues:StringLike": {"aws:a": "b"}}),
            ".Statement[0].Condition.ForSomeValues:StringLike",
        ),
        (one(Condition={"NullIfExists": {"aws:a": "true"}}), ".Statement[0].Condition.NullIfExists"),
        (one(Condition={"StringEquals": "b"}), ".Statement[0].Condition.StringEquals"),
        (one(Condition={"StringEquals": {"username": "b"}}), ".Statement[0].Condition.StringEquals.username"),
        (one(Condition={"StringEquals": {"aws:a": {"b": 1}}}), ".Statement[0].Condition.StringEquals.aws:a"),
        (one(Condition={"StringEquals": {"aws:a": "b", "AWS:a": "c"}}), ".Statement[0].Condition.StringEquals.AWS:a"),
        (one(Resource=["arn:aws:s3:::" + "a" * 300_000]), ""),
        (one(Condition={"NumericLessThan": {"aws:a": "ten"}}), ".Statement[0].Condition.NumericLessThan.aws:a"),
        (one(Condition={"DateLessThan": {"aws:a": "soon"}}), ".Statement[0].Condition.DateLessThan.aws:a"),
        (one(Condition={"IpAddress": {"aws:a": "10.0.0.0/33"}}), ".Statement[0].Condition.IpAddress.aws:a"),
        (one(Condition={"Bool": {"aws:a": "yes"}}), ".Statement[0].Condition.Bool.aws:a"),
        (one(Condition={"Null": {"aws:a": "maybe"}}), ".Statement[0].Condition.Null.aws:a"),
        (one(Condition={"BinaryEquals": {"aws:a": "?"}}), ".Statement[0].Condition.BinaryEquals.aws:a"),
    ],
)
def test_an_identity_policy(policy: object, place: str | None) -> None:
    if place is None:
        Evaluator({"identity": [policy]})
        return
    with pytest.raises(PolicyError) as caught:
        Evaluator({"identity": [allow(), policy]})
    assert caught.value.place == f"identity[1]{place}"


@pytest.mark.parametrize(
    ("policies", "place"),
    [
        ({"resource": allow()}, "resource.Statement[0]"),
        ({"resource": allow(Principal={"Aws": USER})}, "resource.Statement[0].Principal.Aws"),
        ({"resource": allow(Principal=None)}, "resource.Statement[0].Principal"),
        ({"resource": deny(NotPrincipal=None)}, "resource.Statement[0].NotPrincipal"),
        ({"resource": allow(Principal={})}, "resource.Statement[0].Principal"),
        ({"resource": allow(Principal="ana")}, "resource.Statement[0].Principal"),
        ({"resource": allow(Principal={"AWS": "ana"})}, "resource.Statement[0].Principal.AWS"),
        ({"resource": allow(Principal={"AWS": f"arn:aws:iam::{HOME}:user/*"})}, "resource.Statement[0].Principal.AWS"),
        ({"resource": allow(NotPrincipal=WHO)}, "resource.Statement[0].NotPrincipal"),
        ({"resource": allow("sts:AssumeRole", Principal=WHO)}, "resource.Statement[0].Resource"),
        ({"scps": [[allow()], [allow(Principal="*")]]}, "scps[1][0].Statement[0].Principal"),
        ({"rcps": [[deny()]]}, "rcps[0][0].Statement[0]"),
        ({"rcps": [[deny(Principal=WHO)]]}, "rcps[0][0].Statement[0].Principal"),
        ({"rcps": [[allow("s3:*", Principal="*")]]}, "rcps[0][0].Statement[0].Effect"),
        ({"rcps": [[deny(NotAction="s3:*", Principal="*")]]}, "rcps[0][0].Statement[0].NotAction"),
        ({"vpc_endpoint": [allow()]}, "vpc_endpoint[0].Statement[0]"),
        ({"boundary": [one(Principal="*")]}, "boundary[0].Statement[0].Principal"),
        ({"session": one(Action="x")}, "session.Statement[0].Action"),
        ({"scps": {}}, "scps"),
        ({"scps": [allow()]}, "scps[0]"),
        ({"identity": allow()}, "identity"),
        ({"identities": []}, "policies.identities"),
        ([], "policies"),
    ],
)
def test_other_kinds(policies: object, place: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Evaluator(policies)
    assert caught.value.place == place


@pytest.mark.parametrize(
    "policies",
    [
        {"resource": trust({"AWS": HOME})},
        {"resource": {**allow(Principal="*", Sid="spaces are fine here"), "Id": "policy-1"}},
        {"resource": document({"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"})},
        {"rcps": [[allow(Principal="*"), deny("s3:*", NotResource="arn:aws:s3:::b/*", Principal={"AWS": "*"})]]},
        {"scps": [[deny(NotAction=["iam:*", "s3:Get*Object"], Resource="arn:aws:s3:::b")]]},
        {"identity": [one(Resource=["arn:aws:ec2:*", "arn:*", "arn:aws:dynamodb:*:table/prod-*", "**"])]},
        {"identity": [one(Sid=""), one(Action=["*", "s3:?*"], Resource=["*", "arn:aws:s3:::b/${aws:username}"])]},
        {"identity": [{"Statement": one()["Statement"][0]}, json.dumps(one()), quote(json.dumps(one()))]},
    ],
)
def test_what_aws_accepts(policies: Json) -> None:
    Evaluator(policies)
