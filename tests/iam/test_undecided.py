"""Incomplete contexts: a decision is conditional only where it hangs on what is not known, and says on what."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pipeline.iam import undecided
from tests.iam.cases import SESSION, Json, allow, deny, document, judge, named, statement

MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
NO_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
NEAR, FAR = (
    {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
    {"StringNotEquals": {"aws:requestedregion": "eu-west-1"}},
)
AT_HOME = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
OWN = "arn:aws:s3:::bucket/${aws:PrincipalTag/team}*"
FULL = allow()


@pytest.mark.parametrize(
    ("policies", "decision", "keys"),
    [
        ({"identity": [allow("s3:*", "*", MFA)]}, "conditional", ["aws:MultiFactorAuthPresent"]),
        ({"identity": [FULL, allow("s3:*", "*", MFA)]}, "allowed", []),
        ({"identity": [FULL, deny("s3:*", "*", NO_MFA)]}, "conditional", ["aws:MultiFactorAuthPresent"]),
        ({"identity": [FULL, deny("s3:*"), deny("s3:*", "*", NO_MFA)]}, "explicit_deny", []),
        ({"identity": [deny("s3:*"), allow("s3:*", "*", MFA)]}, "explicit_deny", []),
        ({"identity": [FULL, deny("sqs:*", "*", NO_MFA)]}, "allowed", []),
        ({"identity": [FULL, deny("s3:*", "arn:aws:s3:::other/*", NO_MFA)]}, "allowed", []),
        # A boundary, an SCP or a cross-account grant that is missing for sure leaves nothing open.
        ({"identity": [allow("s3:*", "*", MFA)], "boundary": [allow("sqs:*")]}, "implicit_deny", []),
        ({"identity": [allow("s3:*", "*", MFA)], "scps": [[FULL], []]}, "implicit_deny", []),
        ({"identity": [], "boundary": [allow("s3:*", "*", MFA)]}, "implicit_deny", []),
        ({"identity": [FULL], "scps": [[FULL], [allow("*", "*", NEAR)]]}, "conditional", ["aws:RequestedRegion"]),
        ({"identity": [FULL], "boundary": [allow("*", "*", NEAR)]}, "conditional", ["aws:RequestedRegion"]),
        ({"identity": [allow("*", "*", MFA)], "boundary": [allow("*", "*", NEAR)]}, "conditional",
         ["aws:MultiFactorAuthPresent", "aws:RequestedRegion"]),
        # Either way one of the two holds.
        ({"identity": [allow("*", "*", NEAR), allow("*", "*", FAR)]}, "allowed", []),
        ({"identity": [FULL, deny("*", "*", NEAR), deny("*", "*", FAR)]}, "explicit_deny", []),
        ({"identity": [allow("*", "*", {**NEAR, **FAR})]}, "implicit_deny", []),
        ({"identity": [allow("*", "*", {**NEAR, **AT_HOME}), allow("*", "*", FAR)]}, "conditional",
         ["aws:RequestedRegion", "aws:SourceIp"]),
        ({"identity": [allow("*", "*", {"Null": {"aws:a": "true"}}), allow("*", "*", {"Null": {"aws:A": "false"}})]},
         "allowed", []),
        # A key the outcome does not hang on is not named.
        ({"identity": [allow("*", "*", NEAR), allow("*", "*", {**NEAR, **MFA})]}, "conditional",
         ["aws:RequestedRegion"]),
        ({"identity": [FULL, allow("*", "*", MFA)], "boundary": [allow("*", "*", AT_HOME)]}, "conditional",
         ["aws:SourceIp"]),
        # One of a and b, not both: the literals of opposite sign are told apart.
        ({"identity": [allow("*", "*", {"StringEquals": {"aws:a": "x", "aws:b": "x"}}),
                       allow("*", "*", {"StringNotEquals": {"aws:a": "x", "aws:b": "x"}})]}, "conditional",
         ["aws:a", "aws:b"]),
        # Whatever the order in which keys are written, one that makes no difference is not named.
        ({"identity": [FULL, allow("*", "*", {"StringEquals": {"aws:c": "x", "aws:a": "x"}})],
          "boundary": [allow("*", "*", {"StringEquals": {"aws:b": "x", "aws:a": "x"}})]}, "conditional",
         ["aws:a", "aws:b"]),
        ({"identity": [FULL, *(allow("*", "*", {"StringEquals": {f"aws:c{i}": "x"}}) for i in range(40))],
          "boundary": [allow("*", "*", NEAR)]}, "conditional", ["aws:RequestedRegion"]),
        # A Deny that may apply makes an implicit denial an explicit one: still not the same decision.
        ({"identity": [deny("*", "*", NEAR)]}, "conditional", ["aws:RequestedRegion"]),
        ({"identity": [FULL], "resource": named("*", "Deny", Condition=AT_HOME)}, "conditional", ["aws:SourceIp"]),
        # Variables are keys too.
        ({"identity": [allow("*", OWN)]}, "conditional", ["aws:PrincipalTag/team"]),
        ({"identity": [allow("*", [OWN, "arn:aws:s3:::bucket/*"])]}, "allowed", []),
        ({"identity": [allow("*", NotResource=OWN)]}, "conditional", ["aws:PrincipalTag/team"]),
        ({"identity": [allow("*", NotResource=[OWN, "arn:aws:s3:::bucket/*"])]}, "implicit_deny", []),
    ],
)  # fmt: skip
def test_decisions(policies: Json, decision: str, keys: list[str]) -> None:
    found = judge(policies, partial=True)
    assert (found.decision, list(found.conditions)) == (decision, keys)
    assert found.blocked_by is None if decision in ("allowed", "conditional") else found.blocked_by


# A key given as null is known to be absent; a variable's unknown value leaves open only what it can change.
@pytest.mark.parametrize(
    ("condition", "context", "decision"),
    [
        (MFA, {"aws:MultiFactorAuthPresent": None}, "implicit_deny"),
        (NO_MFA, {"aws:MultiFactorAuthPresent": None}, "allowed"),
        (MFA, {"aws:multifactorauthpresent": True}, "allowed"),
        ({"StringEquals": {"aws:a": ["x", "${aws:b}"]}}, {"aws:a": "x"}, "allowed"),
        ({"StringEquals": {"aws:a": ["x", "${aws:b}"]}}, {"aws:a": "y"}, "conditional"),
        ({"StringNotEquals": {"aws:a": ["x", "${aws:b}"]}}, {"aws:a": "x"}, "implicit_deny"),
        ({"StringNotEquals": {"aws:a": ["x", "${aws:b}"]}}, {"aws:a": "y"}, "conditional"),
        ({"StringEqualsIfExists": {"aws:a": "${aws:b}"}}, {"aws:a": None}, "allowed"),
        ({"Null": {"aws:a": "false"}}, {}, "conditional"),
    ],
)
def test_what_is_known(condition: Json, context: Json, decision: str) -> None:
    found = judge({"identity": [allow("*", "*", condition)]}, context=context, partial=True)
    assert found.decision == decision


def test_the_open_statements_are_named_with_their_keys() -> None:
    policy = document(statement("Allow", Sid="Sure"), statement("Deny", "s3:*", "*", NO_MFA, Sid="Maybe"))
    found = judge({"identity": [policy]}, principal=SESSION, partial=True)
    assert [(each.sid, each.unknown) for each in found.matched] == [
        ("Sure", ()),
        ("Maybe", ("aws:MultiFactorAuthPresent",)),
    ]


KEYS = ["aws:a", "aws:b", "aws:c", "aws:d"]
tests = some.dictionaries(
    some.sampled_from(["StringEquals", "StringNotEquals"]),
    some.dictionaries(some.sampled_from(KEYS), some.just("x"), min_size=1, max_size=2),
    max_size=2,
)
rules = some.lists(some.tuples(some.sampled_from([allow, allow, deny]), tests), max_size=4)


@settings(max_examples=200, deadline=None)
@given(rules, rules, some.booleans())
def test_conditional_is_exactly_what_some_value_changes(one: list[Any], two: list[Any], bounded: bool) -> None:
    """With a test on each key that can go either way, trying all of them tells the same."""
    policies: Json = {"identity": [make("*", "*", condition) for make, condition in one]}
    if bounded:
        policies["boundary"] = [make("*", "*", condition) for make, condition in two]
    found = judge(policies, partial=True)
    tried = {
        values: judge(policies, context=dict(zip(KEYS, values, strict=True))).decision
        for values in itertools.product("xy", repeat=len(KEYS))
    }
    outcomes = set(tried.values())
    assert found.decision == (outcomes.pop() if len(outcomes) == 1 else "conditional")
    matter = {
        key
        for values, decision in tried.items()
        for place, key in enumerate(KEYS)
        if tried[(*values[:place], "y" if values[place] == "x" else "x", *values[place + 1 :])] != decision
    }
    assert set(found.conditions) == matter


@pytest.mark.parametrize(
    ("count", "each"),
    [(60, 2), (1, 400), (1, 5000), (400, 1), (3000, 1)],
)
def test_very_many_unknown_keys_end_in_conditional(monkeypatch: pytest.MonkeyPatch, count: int, each: int) -> None:
    """Outcomes far too many to try: the work stays within its bound, in breadth and in depth."""
    searches: list[undecided._Search] = []

    class Watched(undecided._Search):
        def __init__(self, *given_: Any) -> None:
            super().__init__(*given_)
            searches.append(self)

    monkeypatch.setattr(undecided, "_Search", Watched)
    rules = []
    for number in range(count):
        for effect in ("Allow", "Deny"):
            keys = {f"aws:{effect}{number}x{i}": "x" for i in range(each)}
            rules.append(statement(effect, condition={"StringEquals": keys}))
    documents = [document(*rules[place : place + 500]) for place in range(0, len(rules), 500)]
    found = judge({"identity": documents}, partial=True)
    assert found.decision == "conditional" and found.conditions
    assert searches[0].work <= undecided._BOUND + 2 * count * each + 1
