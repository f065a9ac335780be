"""What else is planted: harmless things that look bad, sign-ins of every kind, and the twins of an organization."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from . import actors, iam_dev, iam_prod
from .dice import Dice, key_id
from .events import Event, Session, bout, happen, ids
from .habits import Habit, Step, all_habits, assumes, opened, role
from .habits_people import ALICE, ERIN
from .times import utc
from .world import DEV, NETWORKS, PROD

US, EU = "us-east-1", "eu-west-1"
ROTATED = utc("2026-10-21T09:31:20")
PROMOTIONS = (
    "2026-10-06",
    "2026-10-08",
    "2026-10-13",
    "2026-10-15",
    "2026-10-20",
    "2026-10-22",
    "2026-10-27",
    "2026-10-29",
)


@dataclass(frozen=True)
class Story:
    """Something planted: its kind (incident, hard_negative, sign_in, chain, twins), what it is, and its events."""

    kind: str
    name: str
    text: str
    events: list[Event]


def tell() -> list[Story]:
    """Every story but the incident."""
    return [
        *false_alarms(),
        rotation(),
        *sign_ins(),
        *(promotion(day) for day in PROMOTIONS),
    ]


def as_planted(stories: list[Story]) -> dict[str, object]:
    """The stories by kind, as `planted.json` has them; an organization's twins as pairs of ids."""
    found: dict[str, object] = {}
    for story in stories:
        rows = found.setdefault(story.kind, [])
        assert isinstance(rows, list)
        rows.append({"name": story.name, "text": story.text, "event_ids": ids(story.events)})
    found["twins"] = [pair for story in stories if story.kind == "chain" for pair in twins(story.events)]
    return found


def twins(events: list[Event]) -> list[list[str]]:
    """Ids of the two records of one call, the caller's account first."""
    return [[a.id, b.id] for a in events for b in events if a.when == b.when and (a.account, b.account) == (DEV, PROD)]


def habit(name: str) -> Habit:
    """The habit of that name."""
    return next(each for each in all_habits() if each.name == name)


def repeated(step: Step, start: datetime, count: int, seconds: tuple[int, int], session: Session) -> list[Event]:
    """One call over and over."""
    dice = Dice("repeated", step.spelled, start)
    events, when = [], start
    for _ in range(count):
        events.append(happen(step, when, US, session, dice))
        when += timedelta(seconds=dice.integer(*seconds))
    return events


def false_alarms() -> list[Story]:
    """Hard negatives: what a careless rule would report as an attack."""
    tests = habit("integration tests")
    polling_from = utc("2026-10-15T14:12:30")
    run = Session(NETWORKS["runners"][1], key_id("ASIA", "polling"), "GitHubActions-17500331904", polling_from)
    polling = repeated(Step("ssm:GetParameter@feature!denied", tests.actor), polling_from, 46, (7, 13), run)
    service = Step("s3:GetBucketAcl@config!denied", actors.service(PROD, "config"))
    checked_from = utc("2026-10-20T20:04:00")
    checks = repeated(service, checked_from, 30, (12, 26), Session("", "", "", checked_from))
    dice = Dice("burst")
    deploys = [
        e for i in range(3) for e in bout(habit("deployments"), BURST + timedelta(minutes=3 * i), US, dice, **MAIN)
    ]
    deploys += first_function(dice)
    travelling = bout(
        habit("alice at the terminal"), utc("2026-10-19T20:11:45"), EU, Dice("hotel"), "hotel", akia=ALICE.access_key(0)
    )
    return [
        Story("hard_negative", "one API denied many times", POLLING, polling),
        Story("hard_negative", "an AWS service denied", CHECKING, checks),
        Story("hard_negative", "a burst of deployments", DEPLOYING, deploys),
        Story("hard_negative", "a known person on a new network", TRAVELLING, travelling),
    ]


BURST = utc("2026-10-22T11:02:10")
MAIN = {"subject": "repo:orchard/orders-api:ref:refs/heads/main"}
POLLING = "The role ci-integration asks 46 times in eight minutes for one parameter it may not read: a test in a loop."
CHECKING = "AWS Config is denied the ACL of its bucket 30 times in ten minutes, in its own name: no principal of ours."
DEPLOYING = (
    "The role ci-deploy deploys three times in ten minutes and, for the first time, makes a Lambda function, "
    "passing it the role orders-api."
)
TRAVELLING = (
    "alice.moreau works one evening from a hotel with her own key: her usual calls, nothing denied, nothing new."
)
ROTATING = (
    "maria.santos makes a new key for alice.moreau and switches the old one off; the new key is used from the office."
)


def first_function(dice: Dice) -> list[Event]:
    """The deployment role makes the function again from nothing: CreateFunction with a passed role."""
    deploy = habit("deployments")
    when = BURST + timedelta(minutes=9)
    session = Session(NETWORKS["runners"][0], key_id("ASIA", "first function"), "GitHubActions-17611200458", when, MAIN)
    steps = (*deploy.opening, Step("lambda:CreateFunction20150331", deploy.actor))
    return [happen(step, when + timedelta(seconds=4 * i), US, session, dice) for i, step in enumerate(steps)]


def rotation() -> Story:
    """A key replaced as it should be."""
    admin = habit("maria.santos from the portal")
    session = Session(NETWORKS["vpn"][1], key_id("ASIA", "rotation"), "maria.santos@orchard.example", ROTATED)
    alice = {
        "user": ALICE.name,
        "user_arn": ALICE.arn,
        "created_key": ALICE.access_key(1),
        "old_key": ALICE.access_key(0),
    }
    actor = actors.session(role(iam_prod, "PlatformAdmin"), "cli")
    dice = Dice("rotation")
    steps = [*admin.opening, Step("iam:CreateAccessKey", actor, alice), Step("iam:UpdateAccessKey", actor, alice)]
    gaps = (0, 2, 4, 31, 95)
    start = ROTATED - timedelta(seconds=31)
    events = [
        happen(step, start + timedelta(seconds=gap), US, session, dice) for step, gap in zip(steps, gaps, strict=True)
    ]
    return Story("hard_negative", "a key rotated properly", ROTATING, events)


def sign_ins() -> list[Story]:
    """Sign-ins that the habits do not have: root's, and failed ones."""
    when = utc("2026-10-12T10:05:33")
    session = Session("203.0.113.24", key_id("ASIA", "root"), "", when)
    dice = Dice("root")
    steps = [Step("signin:ConsoleLogin@mfa", actors.root(PROD))]
    steps += [Step(s, actors.root_in_console(PROD)) for s in ("iam:GetAccountSummary", "budgets:DescribeBudgets")]
    rooted = [happen(s, when + timedelta(seconds=50 * i), US, session, dice) for i, s in enumerate(steps)]
    failing = Step("signin:ConsoleLogin@failed!password", actors.signing_in(ERIN))
    mistyped = [
        happen(failing, utc(t), US, Session("203.0.113.31", "", "", utc(t)), dice)
        for t in ("2026-10-14T08:58:12", "2026-10-14T08:58:40")
    ]
    unknown = Step("signin:ConsoleLogin@failed!no_such_name", actors.nobody(PROD))
    guessed = [
        happen(unknown, utc("2026-10-25T21:19:05"), US, Session("198.18.130.77", "", "", utc("2026-10-25")), dice)
    ]
    return [
        Story(
            "sign_in", "root signs in with MFA", "The root user of production signs in and looks at two pages.", rooted
        ),
        Story("sign_in", "failed sign-ins", "erin.nakamura mistypes her password twice.", mistyped),
        Story("sign_in", "a name that does not exist", "Somebody tries a user name that AWS hides.", guessed),
    ]


def promotion(day: str) -> Story:
    """A release is promoted: a pipeline of dev becomes a role of prod, and that role another one.

    The call that crosses accounts is in both logs, with two ids and one sharedEventID.
    """
    start = utc(f"{day}T12:{Dice('promotion', day).integer(5, 40):02d}:00")
    dice = Dice("promotion", day, "calls")
    run = f"{17_600_000_000 + dice.integer(0, 99_999_999)}"
    promoter, publisher = role(iam_prod, "release-promoter"), role(iam_prod, "artifact-publisher")
    integration = habit("integration tests")
    pipeline = Session(
        dice.pick(NETWORKS["runners"]),
        key_id("ASIA", run, 1),
        f"GitHubActions-{run}",
        start,
        {"subject": "repo:orchard/orders-api:pull_request", "caller_session": f"GitHubActions-{run}"},
    )
    crossing = assumes(integration.actor, promoter)
    names = {"new_session": f"promote-{run}", "session_arn": arn_of(promoter, run), "newkey": key_id("ASIA", run, 2)}
    crossing = opened(crossing, names)
    theirs = replace(crossing.actor, members={"sharedEventID": "<<uuid.shared>>"})
    caller = role(iam_dev, "ci-integration")
    ours = actors.outsider(PROD, DEV, caller.name, caller.id)
    shared = {"rid": dice.uuid(), "uuid.shared": dice.uuid(), "token": dice.text(340)}
    when = start + timedelta(seconds=6)
    events = [
        happen(integration.opening[0], start, US, pipeline, dice),
        happen(replace(crossing, actor=theirs), when, US, pipeline, dice, **shared),
        happen(replace(crossing, actor=ours), when, US, pipeline, dice, **shared),
    ]
    promoted = replace(pipeline, key=key_id("ASIA", run, 2), name=f"promote-{run}", created=when)
    onward = {"newkey": key_id("ASIA", run, 3), "session_arn": arn_of(publisher, run), "new_session": f"promote-{run}"}
    chain = opened(assumes(actors.session(promoter), publisher), onward)
    events.append(happen(chain, when + timedelta(seconds=3), US, promoted, dice))
    published = replace(promoted, key=key_id("ASIA", run, 3), created=when + timedelta(seconds=3))
    for i, spelled in enumerate(("ecr:BatchGetImage", "ecr:PutImage", "s3:PutBucketTagging@artifacts")):
        step = Step(spelled, actors.session(publisher))
        events.append(happen(step, when + timedelta(seconds=9 + 4 * i), US, published, dice))
    text = "ci-integration (dev) becomes release-promoter (prod), which becomes artifact-publisher."
    return Story("chain", f"promotion of {day}", text, events)


def arn_of(target: actors.Role, run: str) -> str:
    """The ARN of the run's session of the role."""
    return actors.SESSION_ARN.format(account=target.account, name=target.name).replace("<<session>>", f"promote-{run}")
