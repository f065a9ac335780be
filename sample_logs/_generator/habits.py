"""Who calls what, how often, and at what hours: the ordinary life of the two accounts.

A habit is a way of working of one principal; a *bout* of it opens a session (where there is one to open) and
makes a handful of calls from one address. A call is written `service:EventName[@variant]`, then `<service` if
that service makes it on the caller's behalf, then `!failure` if it fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from . import actors
from .calls import call
from .records import Actor, Failure, template
from .world import GLOBAL_SERVICES, HOME, Role, User

SPELLING = re.compile(r"(?P<key>[^<!]+)(?:<(?P<via>[\w.-]+))?(?:!(?P<failure>\w+))?")
HOURS = {
    "office": tuple((1.0 + (8 <= h < 16) * 3, h) for h in range(6, 18)),
    "night": tuple((1.0, h) for h in (1, 2, 3)),
    "always": tuple((1.0, h) for h in range(24)),
}
US, EU, WEST = "us-east-1", "eu-west-1", "us-west-2"


@dataclass(frozen=True)
class Step:
    """One call of somebody: `fixed` are texts for the call's own slots (a role's ARN …)."""

    spelled: str
    actor: Actor
    fixed: dict[str, str] = field(default_factory=dict)
    region: str | None = None  # when it is not the bout's

    def place(self, region: str) -> str:
        """The region whose log has the event: global services write at home, and so does S3, where its buckets are."""
        service, _, rest = self.spelled.partition(":")
        at_home = service in GLOBAL_SERVICES or service == "s3" or (service == "kms" and "@data" in rest)
        return HOME if at_home else self.region or region

    def compiled(self, region: str) -> str:
        """The record's format string for a bout in `region`."""
        parts = SPELLING.fullmatch(self.spelled)
        assert parts, f"{self.spelled}: not a call"
        one = call(parts["key"])
        actor = actors.through(self.actor, parts["via"]) if parts["via"] else self.actor
        text = template(one, actor, self.place(region), failure(parts["failure"], one, actor))
        for name, value in self.fixed.items():
            text = text.replace(f"%({name})s", value.replace("<<", "%(").replace(">>", ")s"))
        return text


def failure(kind: str | None, one: Any, actor: Actor) -> Failure | None:
    """The error AWS writes for `kind`, in the words of the service that was called."""
    if kind is None:
        return None
    who = f"User: {actor.arn} is not authorized to perform: {one.action} on resource: {one.on}"
    because = f"because no identity-based policy allows the {one.action} action"
    if kind == "denied" and actor.is_service and "AWSService" in actor.identity.values():
        return Failure("AccessDenied", "Access Denied")
    if kind == "denied" and one.service == "ec2":
        encoded = "Encoded authorization failure message: <<encoded>>"
        text = f"You are not authorized to perform this operation. {who} {because}. {encoded}"
        return Failure("Client.UnauthorizedOperation", text)
    if kind == "denied":
        return Failure("AccessDenied", f"{who} {because}")
    if kind == "scp":
        return Failure("AccessDeniedException", f"{who} with an explicit deny in a service control policy")
    if kind == "boundary":
        text = f"{who} because no permissions boundary allows the {one.action} action"
        if one.service == "ec2":
            text = f"You are not authorized to perform this operation. {text}."
            return Failure("Client.UnauthorizedOperation", text)
        return Failure("AccessDenied", text)
    return Failure(*OTHER_FAILURES[kind])


OTHER_FAILURES: dict[str, tuple[str | None, str]] = {
    "throttled": ("ThrottlingException", "Rate exceeded"),
    "limited": ("Client.RequestLimitExceeded", "Request limit exceeded."),
    "no_bucket": ("NoSuchBucket", "The specified bucket does not exist"),
    "no_key": ("NoSuchKey", "The specified key does not exist."),
    "no_user": ("NoSuchEntityException", "The user with name former.colleague cannot be found."),
    "no_function": ("ResourceNotFoundException", "Function not found: orders-api"),
    "no_parameter": ("ParameterNotFound", "Parameter /flags/rollout not found."),
    "no_stack": ("ValidationException", "Stack with id orders-api does not exist"),
    "password": (None, "Failed authentication"),
    "no_such_name": (None, "No username found in supplied account"),
}


@dataclass(frozen=True, eq=False)  # one habit is one object
class Habit:
    """A way of working: how often on a weekday and at weekends, how long a bout, and the calls by weight."""

    name: str
    actor: Actor
    calls: tuple[tuple[float, str], ...]
    network: str
    weekday: float
    weekend: float = 0.0
    size: tuple[int, int] = (3, 8)
    hours: str = "office"
    regions: tuple[tuple[float, str], ...] = ((1.0, US),)
    opening: tuple[Step, ...] = ()
    sessions: str = "boto"

    def session_name(self, dice: Any) -> str:
        """The role session's name: an instance's id, a function's or a person's name, a pipeline's run …"""
        if self.sessions == "instance":
            return f"i-0{dice.pick(INSTANCES)}"
        if self.sessions == "run":
            return f"GitHubActions-{dice.integer(17_000_000_000, 18_999_999_999)}"
        if self.sessions == "boto":
            return f"botocore-session-{dice.integer(1_759_000_000, 1_762_000_000)}"
        return self.sessions


INSTANCES = ("3f5a7b9c1d2e4f60", "8b6d4f2a0c1e3a57", "c0ffee12ab34cd56", "5e4d3c2b1a09f8e7")


def calls(text: str) -> tuple[tuple[float, str], ...]:
    """`weight call` pairs from a readable list."""
    words = text.split()
    return tuple((float(w), c) for w, c in zip(words[::2], words[1::2], strict=True))


def user(module: Any, name: str) -> User:
    """The user of that name in an account's IAM."""
    found: User = next(u for u in module.USERS if u.name == name)
    return found


def role(module: Any, name: str) -> Role:
    """The role whose name is, or (Identity Center) has as its middle, `name`."""
    found: Role = next(r for r in module.ROLES if r.name == name or f"_{name}_" in r.name)
    return found


def assumes(caller: Actor, target: Role, variant: str = "", agent: str | None = None) -> Step:
    """The AssumeRole… call by which `caller` opens the bout's session of `target`."""
    name = {"web": "WithWebIdentity", "saml": "WithSAML"}.get(variant, "")
    spelled = f"sts:AssumeRole{name}" + ("@external" if variant == "external" else "")
    fixed = {
        "role_arn": target.arn,
        "role_id": target.id,
        "role_account": target.account,
        "session_arn": actors.SESSION_ARN.format(account=target.account, name=target.name),
        "new_session": "<<session>>",
        "newkey": "<<key>>",
        "provider": f"arn:aws:iam::{target.account}:oidc-provider/{actors.OIDC}",
    }
    return Step(spelled, caller, fixed)


def opened(step: Step, fixed: dict[str, str]) -> Step:
    """The step with more of its slots given."""
    return Step(step.spelled, step.actor, step.fixed | fixed, step.region)


def from_service(target: Role, name: str) -> tuple[Step, ...]:
    """A service opening a session of the role it was given."""
    return (assumes(actors.service(target.account, name), target),)


def all_habits() -> tuple[Habit, ...]:
    """Everybody's habits, in both accounts."""
    from . import habits_machines, habits_people, habits_services

    return (*habits_people.habits(), *habits_machines.habits(), *habits_services.habits())
