"""Ways to more permissions: the table holds together, and a set of actions opens the ways it should."""

from __future__ import annotations

import pytest

from pipeline.iam.catalogue import load
from pipeline.iam.escalation import Escalation, escalations, table
from pipeline.iam.policy import parse
from tests.iam.cases import Json, allow, document, statement

KNOWN = load()


def opened(policy: Json) -> set[tuple[str, ...]]:
    return {way.actions for way in escalations(parse(policy).expand(KNOWN).bits, KNOWN)}


@pytest.mark.parametrize("way", table(), ids=lambda way: "+".join(way.actions))
def test_every_row_names_actions_that_exist(way: Escalation) -> None:
    assert way.actions and len(set(way.actions)) == len(way.actions)
    assert [KNOWN.canonical(each) for each in way.actions] == list(way.actions)
    assert way.how and way.meaning and len(way.source) > 20


def test_no_way_is_listed_twice() -> None:
    listed = [(frozenset(way.actions), way.gain) for way in table()]
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (allow("iam:CreatePolicyVersion"), {("iam:CreatePolicyVersion",)}),
        (allow("iam:PassRole"), set()),
        (allow("ec2:RunInstances"), set()),
        (allow(["iam:Pass*", "EC2:runinstances"]), {("iam:PassRole", "ec2:RunInstances")}),
        (
            document(statement("Allow", ["iam:PassRole", "ec2:Run*"]), statement("Deny", "iam:PassRole")),
            set(),
        ),
        (allow(["s3:*", "iam:Get*", "iam:List*"]), set()),
        (
            allow(["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]),
            {("iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction")},
        ),
    ],
)
def test_a_policy_opens_these(policy: Json, expected: set[tuple[str, ...]]) -> None:
    assert opened(policy) == expected


def test_an_administrator_has_every_way_and_a_reader_none() -> None:
    ways = escalations(KNOWN.everything, KNOWN)
    assert {way.gain for way in ways} == {"policy", "credentials", "limits", "role", "takeover"}
    assert ways == table()
    reading = sum(1 << place for place, level in enumerate(KNOWN.access) if level in ("Read", "List"))
    assert escalations(reading, KNOWN) == ()


def test_the_gain_goes_with_the_way() -> None:
    both = parse(allow(["iam:PassRole", "cloudformation:UpdateStack"])).expand(KNOWN).bits
    assert {way.gain for way in escalations(both, KNOWN)} == {"role", "takeover"}
