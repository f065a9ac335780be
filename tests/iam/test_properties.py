"""What must be true of every evaluation, over generated policies."""

from __future__ import annotations

import copy
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from pipeline.iam.catalogue import load
from pipeline.iam.decisions import Decision, request
from pipeline.iam.evaluate import Evaluator
from pipeline.iam.policy import parse
from tests.iam.cases import AWAY, HOME, ROLE, SESSION, USER, Json

KNOWN = load()
ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:*", "s3:Get*", "*", "S3:?etobject", "sqs:*"]
RESOURCES = [
    "*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/k", "arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/${aws:x, 'k'}",
    "arn:aws:s3:::other/*",
]  # fmt: skip
PRINCIPALS: list[Any] = ["*", {"AWS": HOME}, {"AWS": USER}, {"AWS": ROLE}, {"AWS": SESSION}, {"AWS": AWAY}]
KEYS: dict[str, list[Any]] = {
    "aws:username": ["k", "x", None],
    "aws:x": ["k", "x", "10.0.0.1", ["k", "y"], None],
    "aws:mfa": ["true", "false", None],
    "aws:count": ["1", "5", "9", "many", None],
    "aws:tags": [["a"], ["a", "b"], [], ["c"], None],
}
CONDITIONS: list[tuple[str, str, Any]] = [
    ("StringEquals", "aws:x", "k"), ("StringNotEquals", "aws:x", "k"), ("StringLike", "aws:x", "${aws:username}"),
    ("StringNotEquals", "aws:x", "${aws:username}"), ("StringEqualsIfExists", "aws:username", "k"),
    ("StringEquals", "aws:username", ["${aws:x, 'k'}", "x"]), ("Bool", "aws:mfa", "true"),
    ("BoolIfExists", "aws:mfa", "false"), ("Null", "aws:mfa", "true"), ("Null", "aws:mfa", "false"),
    ("NumericLessThan", "aws:count", "5"), ("NumericGreaterThanEquals", "aws:count", "5"),
    ("ForAllValues:StringEquals", "aws:tags", ["a", "b"]), ("ForAnyValue:StringEquals", "aws:tags", ["b"]),
    ("ForAnyValue:StringNotEquals", "aws:tags", ["${aws:username}", "a"]), ("NotIpAddress", "aws:x", "10.0.0.0/8"),
]  # fmt: skip


@some.composite
def conditions(draw: some.DrawFn) -> Json:
    made: Json = {}
    for operator, key, value in draw(some.lists(some.sampled_from(CONDITIONS), max_size=2)):
        made.setdefault(operator, {})[key] = value
    return made


@some.composite
def statements(
    draw: some.DrawFn, effects: tuple[str, ...] = ("Allow", "Allow", "Deny"), principal: bool = False
) -> Json:
    made: Json = {"Effect": draw(some.sampled_from(effects))}
    made[draw(some.sampled_from(["Action"] * 4 + ["NotAction"]))] = draw(
        some.lists(some.sampled_from(ACTIONS), min_size=1, max_size=2)
    )
    made[draw(some.sampled_from(["Resource"] * 4 + ["NotResource"]))] = draw(
        some.lists(some.sampled_from(RESOURCES), min_size=1, max_size=2)
    )
    if condition := draw(conditions()):
        made["Condition"] = condition
    if principal:
        negated = made["Effect"] == "Deny" and draw(some.booleans())
        made["NotPrincipal" if negated else "Principal"] = draw(some.sampled_from(PRINCIPALS))
    return made


@some.composite
def documents(draw: some.DrawFn, principal: bool = False) -> Json:
    version = draw(some.sampled_from(["2012-10-17"] * 4 + ["2008-10-17"]))
    return {"Version": version, "Statement": draw(some.lists(statements(principal=principal), min_size=1, max_size=3))}


def several(strategy: some.SearchStrategy[Json], most: int) -> some.SearchStrategy[list[Json]]:
    return some.lists(strategy, max_size=most)


@some.composite
def policies(draw: some.DrawFn) -> Json:
    fences = some.builds(
        lambda one: {"Version": "2012-10-17", "Statement": [{**one, "Principal": "*"}]},
        statements(effects=("Deny",)).filter(lambda one: "NotAction" not in one),
    )
    return {
        "identity": draw(several(documents(), 3)),
        "boundary": draw(some.none() | several(documents(), 1)),
        "session": draw(some.none() | documents()),
        "scps": draw(some.lists(several(documents(), 2), max_size=2)),
        "rcps": draw(some.lists(several(fences, 1), max_size=1)),
        "resource": draw(some.none() | documents(principal=True)),
        "vpc_endpoint": draw(some.none() | several(documents(principal=True), 1)),
    }


contexts = some.fixed_dictionaries({key: some.sampled_from(values) for key, values in KEYS.items()})
callers = some.sampled_from([USER, SESSION, ROLE, {"service": "logs.amazonaws.com"}, {"anonymous": True}])


def decide(given_policies: Json, caller: object, context: Json, account: str = HOME, partial: bool = False) -> Decision:
    asked = {
        "principal": caller, "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "resource_account": account,
        "context": context,
    }  # fmt: skip
    return Evaluator(given_policies).decide(request(asked, partial))


def lists_of(given_policies: Json) -> list[list[Json]]:
    """Every list of statements there is, to be changed in place."""
    found = [one for name in ("identity", "boundary", "vpc_endpoint") for one in given_policies[name] or []]
    found += [one for name in ("scps", "rcps") for level in given_policies[name] for one in level]
    found += [one for name in ("session", "resource") for one in [given_policies[name]] if one]
    return [one["Statement"] for one in found]


@settings(max_examples=60, deadline=None)
@given(policies(), callers, contexts, some.sampled_from([HOME, AWAY]), statements(principal=True), some.randoms())
def test_an_allow_never_denies_and_a_deny_never_allows(
    given_policies: Json, caller: Any, context: Json, account: str, added: Json, dice: random.Random
) -> None:
    before = decide(given_policies, caller, context, account).decision
    documents_ = [one for one in [*given_policies["identity"], given_policies["session"]] if one]
    targets = [one["Statement"] for one in documents_]
    plain = {name: value for name, value in added.items() if "Principal" not in name}
    if given_policies["resource"] and dice.random() < 0.5:
        given_policies["resource"]["Statement"].append(added)
    elif targets:
        dice.choice(targets).append(plain)
    else:
        given_policies["identity"].append({"Version": "2012-10-17", "Statement": plain})
    after = decide(given_policies, caller, context, account).decision
    if added["Effect"] == "Allow":
        assert before != "allowed" or after == "allowed"
        assert before != "explicit_deny" or after == "explicit_deny"
    else:
        assert before == "allowed" or after != "allowed"


@settings(max_examples=50, deadline=None)
@given(policies(), callers, contexts, some.randoms())
def test_order_never_matters(given_policies: Json, caller: Any, context: Json, dice: random.Random) -> None:
    for number, rules in enumerate(lists_of(given_policies)):
        for place, rule in enumerate(rules):
            rule["Sid"] = f"s{number}x{place}"
    other = copy.deepcopy(given_policies)
    for rules in lists_of(other):
        dice.shuffle(rules)
    for listed in [other["identity"], other["scps"], *other["scps"], other["vpc_endpoint"] or []]:
        dice.shuffle(listed)
    one, two = decide(given_policies, caller, context), decide(other, caller, context)
    assert (one.decision, one.blocked_by) == (two.decision, two.blocked_by)
    assert sorted(each.sid or "" for each in one.matched) == sorted(each.sid or "" for each in two.matched)


@settings(max_examples=120, deadline=None)
@given(policies(), callers, contexts, some.sets(some.sampled_from(sorted(KEYS))), some.lists(contexts, min_size=4))
def test_what_an_incomplete_context_decides_no_completion_changes(
    given_policies: Json, caller: Any, context: Json, hidden: set[str], completions: list[Json]
) -> None:
    known = {key: value for key, value in context.items() if key not in hidden}
    found = decide(given_policies, caller, known, partial=True)
    assert (found.decision == "conditional") is bool(found.conditions)
    assert set(found.conditions) <= hidden
    decisions = {decide(given_policies, caller, {**each, **known}).decision for each in [context, *completions]}
    if found.decision != "conditional":
        assert decisions == {found.decision}


@settings(max_examples=40, deadline=None)
@given(policies(), callers, contexts)
def test_a_context_that_tells_every_key_is_never_conditional(given_policies: Json, caller: Any, context: Json) -> None:
    assert decide(given_policies, caller, context, partial=True) == decide(given_policies, caller, context)


names = some.sampled_from(KNOWN.actions) | some.sampled_from(
    ["*", "s3:*", "s3:Get*", "iam:*User*", "ec2:?e*", "S3:PUT*", "sts:Assume*", "s3:Nope", "nope:*", "kms:*Key", "*"]
)


# A trust policy decides on these, whatever an identity policy says; and one action needs no permission.
APART = {"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:GetCallerIdentity"}
EACH = [
    (action, request({"principal": USER, "action": action, "resource": "*"}))
    for action in KNOWN.actions
    if action not in APART
]
rules = some.tuples(some.sampled_from(["Allow", "Deny"]), some.booleans(), some.lists(names, min_size=1, max_size=3))


@settings(max_examples=5, deadline=None)
@given(some.lists(rules, max_size=3))
def test_expansion_and_evaluation_agree_on_every_action(chosen: list[tuple[str, bool, list[str]]]) -> None:
    made = [
        {"Effect": effect, ("NotAction" if negated else "Action"): listed, "Resource": "*"}
        for effect, negated, listed in chosen
    ]
    policy = {"Version": "2012-10-17", "Statement": made}
    evaluator = Evaluator({"identity": [policy]})
    allowed = {action for action, asked in EACH if evaluator.decide(asked).decision == "allowed"}
    assert allowed == set(KNOWN.names(parse(policy).expand(KNOWN).bits)) - APART
