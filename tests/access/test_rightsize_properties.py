"""What must hold of every proposal, whatever the policies and the log: never more, nothing needed lost, stable."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipeline.access.granted import parsed
from pipeline.access.rightsize.fates import ALL, ASSUMPTIONS, EVENTLESS, SERVICES, Fates
from pipeline.access.rightsize.judging import Options
from pipeline.access.rightsize.propose import Proposal, propose
from pipeline.access.used import Activity, Use
from pipeline.access.verdicts import BLIND, BLOCKED, LOW, UNUSED, USED
from pipeline.iam import grammar
from pipeline.iam.decisions import request
from pipeline.iam.evaluate import Evaluator
from tests.access.rightsized import CATALOGUE, applied, canonical, granted, ground
from tests.access.worlds import ACCOUNT, OLD, group, managed, policy, role, user

Items = list[dict[str, Any]]
# A world takes a tenth of a second: a failure is told as it was found, since making it small would take minutes.
QUICKLY = settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
TABLES = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table"
PATTERNS = ["*", "s3:*", "s3:Get*", "s3:GetObject", "s3:PutBucketPolicy", "s3:Get?bject", "s3:*Bucket*", "dynamodb:*",
            "dynamodb:DescribeTable", "DYNAMODB:getitem", "ec2:RunInstances", "ec2:Describe*", "iam:PassRole",
            "lambda:*Function", "iam:*", "newsvc:*", "nosuch:Do*"]  # fmt: skip
SCOPES = ["*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::*", f"{TABLES}/*", f"{TABLES}/t", f"{TABLES}/?",
          f"arn:aws:iam::{ACCOUNT}:role/x/*", "arn:aws:s3:::${aws:username}"]  # fmt: skip
ASKED = ["s3:GetObject", "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucket", "dynamodb:DescribeTable",
         "dynamodb:GetItem", "dynamodb:DeleteTable", "ec2:RunInstances", "ec2:DescribeInstances", "iam:PassRole",
         "iam:CreateUser", "lambda:CreateFunction", "lambda:InvokeFunction",
         "s3:BypassGovernanceRetention"]  # fmt: skip
# Of ASKED: S3 checks it inside of other calls ("Actions, resources, and condition keys for Amazon S3"); roles are
# passed inside of calls whose events say so.
WITHOUT_EVENT = {"s3:BypassGovernanceRetention"}
UNCATALOGUED = ["s3:GetBrandNew", "newsvc:Thing", "ec2:DescribeBrandNew", "iam:BrandNew"]
RESOURCES = ["arn:aws:s3:::b", "arn:aws:s3:::b/k", "arn:aws:s3:::other", f"{TABLES}/t", f"{TABLES}/u",
             f"{TABLES}/t/index/i", "arn:aws:dynamodb:us-east-1:999999999999:table/t",
             f"arn:aws:iam::{ACCOUNT}:role/x/r", f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1"]  # fmt: skip
TABLE = f"arn:aws:dynamodb:us-east-1:{'?' * 12}:table/t"
TOUCHED = [None, {"arn:aws:s3:::b", "arn:aws:s3:::b/*"}, {f"arn:aws:iam::{ACCOUNT}:role/x/r"}, {TABLE, f"{TABLE}/*"}]


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    effect = draw(st.sampled_from(["Allow"] * 5 + ["Deny"]))
    names = draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=4, unique=True))
    made: dict[str, Any] = {"Effect": effect}
    made["NotAction" if draw(st.integers(0, 5)) == 0 else "Action"] = names if len(names) > 1 else names[0]
    scopes = draw(st.lists(st.sampled_from(SCOPES), min_size=1, max_size=3, unique=True))
    made["NotResource" if draw(st.integers(0, 9)) == 0 else "Resource"] = scopes
    if draw(st.integers(0, 3)) == 0:
        made["Condition"] = MFA
    return made


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    found = draw(st.lists(statements(), min_size=1, max_size=3))
    if draw(st.booleans()):
        found = [{"Sid": f"S{i}", **each} for i, each in enumerate(found)]
    return policy(*found)


@st.composite
def worlds(draw: st.DrawFn) -> Items:
    """A role or a user r with policies of every kind, and a neighbour who shares some of them."""
    inline = draw(st.lists(documents(), max_size=2))
    own, shared, aws = (managed(name, (OLD, draw(documents()))) for name in ("own", "shared", "aws"))
    aws["arn"] = aws["item"]["Arn"] = "arn:aws:iam::aws:policy/aws"
    held = [each for each in (own, shared, aws) if draw(st.booleans())]
    attached = [{"PolicyName": each["name"], "PolicyArn": each["arn"]} for each in held]
    other = [{"PolicyName": "shared", "PolicyArn": shared["arn"]}]
    items = [own, shared, aws, role("other", AttachedManagedPolicies=other)]
    if draw(st.booleans()):
        return [*items, role("r", *inline, AttachedManagedPolicies=attached)]
    team = group("g", draw(documents()))
    member = user("v", GroupList=["g"])
    return [*items, team, member, user("r", *inline, AttachedManagedPolicies=attached, GroupList=["g"])]


@st.composite
def activities(draw: st.DrawFn) -> Activity:
    made = Activity()
    for name in draw(st.lists(st.sampled_from(ASKED), max_size=5, unique=True)):
        ok, denied, error = draw(st.sampled_from([(1, 0, 0), (2, 1, 0), (0, 3, 0), (0, 0, 1)]))
        made.uses[CATALOGUE.index[name.lower()]] = Use(ok, denied, error, touched=draw(st.sampled_from(TOUCHED)))
    for prefix in draw(st.lists(st.sampled_from(["s3", "newsvc", "iam"]), max_size=1)):
        made.unmapped[prefix] = "Unheard"
    return made


OPTIONS = st.builds(Options, st.booleans(), st.frozensets(st.sampled_from(ASSUMPTIONS), max_size=2))


class World:
    """A proposal with what it came from."""

    def __init__(self, items: Items, activity: Activity, neighbour: Activity, options: Options) -> None:
        self.items, self.options = items, options
        self.arn = next(each["arn"] for each in items if each["name"] == "r")
        self.kind = "role" if ":role/" in self.arn else "user"
        self.activity = {(self.kind, "r"): activity, ("user", "v"): neighbour}
        self.ground = ground(items, self.activity)
        self.principal = next(each for each in self.ground.library.principals() if each.arn == self.arn)
        self.old = [each.document for each in self.principal.attached]

    def made(self) -> Proposal:
        return propose(self.ground, self.arn, self.options)


def decisions(policies: list[Any], who: str, names: list[str]) -> set[tuple[str, str, bool]]:
    """Everything of a sample that the policies allow."""
    evaluator = Evaluator({"identity": policies})
    found = set()
    for mfa in (False, True):
        context = {"aws:MultiFactorAuthPresent": mfa, "aws:username": "b"}
        for action in names:
            for resource in RESOURCES:
                asked = {"principal": who, "action": action, "resource": resource, "resource_account": ACCOUNT}
                if evaluator.decide(request({**asked, "context": context})).decision == "allowed":
                    found.add((action, resource, mfa))
    return found


WORLDS = st.builds(World, worlds(), activities(), activities(), OPTIONS)


def never_more_than_before(world: World, made: Proposal, chance: random.Random) -> None:
    names = [*ASKED, *UNCATALOGUED, *chance.sample(CATALOGUE.actions, 10)]
    assert decisions(made.documents, world.arn, names) <= decisions(world.old, world.arn, names)


def assumed_of(options: Options, verdict: str, idle: bool, action: str) -> bool:
    """Whether an option gives an action up that the log does not show to be unused."""
    doubt = verdict in (BLIND, LOW)
    by_service = SERVICES in options.assume and doubt and idle
    by_event = EVENTLESS in options.assume and verdict == BLIND and action in WITHOUT_EVENT
    return by_service or by_event or (ALL in options.assume and doubt)


def what_is_needed_or_unknown_stays(world: World, made: Proposal) -> None:
    """Each action that some statement allows stays, but where its verdict there is unused or blocked, or by option."""
    after = decisions(made.documents, world.arn, ASKED)
    before = decisions(world.old, world.arn, ASKED)
    fates = Fates(world.ground, world.principal)
    for document in world.old:
        for statement, raw in zip(parsed(document).statements, document["Statement"], strict=True):
            if not statement.allows:
                continue
            fate = fates.on(statement.scope)
            for action, resource, mfa in decisions([policy(raw)], world.arn, ASKED) & before:
                place = CATALOGUE.index[action.lower()]
                verdict, _ = fate.told(place)
                assumed = assumed_of(world.options, verdict, bool(fates.idle >> place & 1), action)
                narrowed = world.options.resources and verdict == USED
                if verdict not in (UNUSED, BLOCKED) and not assumed and not narrowed:
                    assert (action, resource, mfa) in after, (action, resource, verdict)


def what_unmapped_events_may_have_needed_stays(world: World, made: Proposal) -> None:
    """An action newer than the catalogue, of a service whose events could not all be mapped."""
    unmapped = world.activity[(world.kind, "r")].unmapped
    names = [each for each in UNCATALOGUED if each.partition(":")[0] in unmapped]
    assert decisions(made.documents, world.arn, names) == decisions(world.old, world.arn, names)


def used_actions_stay_on_what_was_touched(world: World, made: Proposal) -> None:
    after = decisions(made.documents, world.arn, ASKED)
    seen = {"arn:aws:s3:::b": 1, f"{TABLES}/t": 3, f"arn:aws:iam::{ACCOUNT}:role/x/r": 2}
    for action, resource, mfa in decisions(world.old, world.arn, ASKED):
        use = world.activity[(world.kind, "r")].uses.get(CATALOGUE.index[action.lower()])
        if use and (use.ok or use.error) and resource in seen and use.touched in (None, TOUCHED[seen[resource]]):
            assert (action, resource, mfa) in after


def aws_would_take_it(world: World, made: Proposal) -> None:
    """Documents by IAM's grammar and limits ("IAM and AWS STS quotas"); an empty one is removed and said so."""
    inline = 0
    for each in made.policies:
        grammar.check(each["document"], grammar.IDENTITY, each["name"])
        assert each["document"]["Statement"]
        if each["change"] != "keep" and each["kind"] != "inline":
            assert each["size"] <= 6144 and len(each["name"]) <= 128
        inline += each["size"] if each["kind"] == "inline" and each["change"] == "change" and not each["group"] else 0
    assert inline <= (10240 if world.kind == "role" else 2048)
    gone = {change.holding.place for change in made.changes if not change.documents}
    removed = [row for row in made.as_json()["removed"] if row["reason"] != "replaced"]
    assert len(removed) == len(gone)


@QUICKLY
@given(WORLDS, st.randoms(use_true_random=False))
def test_a_proposal_is_safe(world: World, chance: random.Random) -> None:
    made = world.made()
    never_more_than_before(world, made, chance)
    what_is_needed_or_unknown_stays(world, made)
    what_unmapped_events_may_have_needed_stays(world, made)
    used_actions_stay_on_what_was_touched(world, made)
    aws_would_take_it(world, made)


@QUICKLY
@given(WORLDS)
def test_twice_changes_nothing(world: World) -> None:
    first = world.made()
    again = ground(applied(world.items, first), world.activity)
    second = propose(again, world.arn, world.options)
    assert [change.kind for change in second.changes] == ["keep"] * len(second.changes)
    assert sorted(map(canonical, second.documents)) == sorted(map(canonical, first.documents))
    assert second.dropped == [] == second.assumed


@QUICKLY
@given(WORLDS, st.randoms(use_true_random=False))
def test_the_order_of_statements_does_not_matter(world: World, chance: random.Random) -> None:
    first = world.made()
    for each in world.principal.attached:
        chance.shuffle(each.document["Statement"])
    items = [{**each, "item": shuffled(each["item"], chance)} for each in world.items]
    second = propose(ground(items, world.activity), world.arn, world.options)
    assert granted(second.documents) == granted(first.documents)
    assert keys(second.dropped) == keys(first.dropped) and keys(second.assumed) == keys(first.assumed)


def keys(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return sorted((row["action"], row["scope"], row["policy"]) for row in rows)


def shuffled(value: Any, chance: random.Random) -> Any:
    """The item with the statements of every document in another order."""
    if isinstance(value, list):
        return [shuffled(each, chance) for each in value]
    if isinstance(value, dict):
        made = {name: shuffled(each, chance) for name, each in value.items()}
        if isinstance(made.get("Statement"), list):
            made["Statement"] = chance.sample(made["Statement"], len(made["Statement"]))
        return made
    return value
