"""Stories of the internet, which knocks at every account's doors: nobody gets in, and nobody of the company did it."""

from __future__ import annotations

from datetime import date, timedelta

from .. import identity
from ..dice import Dice
from ..networks import host
from ..records import Caller
from .programs import moment
from .telling import Telling, story

WRONG = ("", "Failed authentication")
NOBODY = ("", "No username found in supplied account")


@story("stranger at the door", 2)
def stranger(t: Telling, d: Dice, day: date) -> None:
    """Passwords tried for users that are not, now and then for the root user."""
    account, when, address = d.choice(list(t.world.accounts.values())), moment(day, d), host(t.world.networks.take(), d)
    number = t.new("stranger at the door", "strangers", when)
    hidden = {"type": "IAMUser", "accountId": account, "accessKeyId": "", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    root = {"type": "Root", "principalId": account, "arn": f"arn:aws:iam::{account}:root", "accountId": account}
    told, wrong = (root, WRONG) if d.chance(0.25) else (hidden, NOBODY)
    arn = str(told.get("arn", ""))
    caller = Caller(account, told, arn, arn, address, d.choice(identity.BROWSERS), True, story=number)
    for _ in range(d.choice([1, 2, 5, 20])):
        t.log.emit(when, caller, "signin:ConsoleLogin", "us-east-1", wrong, mfa="No", result="Failure")
        when += timedelta(seconds=d.uniform(2, 40))


@story("roles tried from outside", 1)
def tried(t: Telling, d: Dice, day: date) -> None:
    """Another account, somebody's research, asks for roles by names that are common."""
    account, when = d.choice(list(t.world.accounts.values())), moment(day, d)
    number = t.new("roles tried from outside", "strangers", when)
    other = f"{d.randint(1, 9)}{d.randint(0, 10**11 - 1):011d}"
    address = host(t.world.networks.take(), d)
    caller = identity.outside(account, other, d.unique("AROA") + ":scan", address, identity.library(d)).but(
        story=number
    )
    for name in d.some(
        ["Admin", "admin", "OrganizationAccountAccessRole", "datadog", "terraform", "ci", "readonly"], 1, 7
    ):
        role = f"arn:aws:iam::{account}:role/{name}"
        t.log.emit(when, caller, "sts:AssumeRole", "us-east-1", "denied", role_arn=role, session="scan")
        when += timedelta(seconds=d.uniform(0, 3))


@story("readers of a public bucket", 2)
def public(t: Telling, d: Dice, day: date) -> None:
    """Nobody in particular reads what is meant for all, or asks in vain for what is not."""
    account, when = t.world.accounts["prod"], moment(day, d)
    number = t.new("readers of a public bucket", "strangers", when)
    bucket = t.world.things[account].held["bucket"][0]
    told = {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}
    for _ in range(d.randint(5, 120)):
        address = host(d.choice(t.world.runners), d)
        caller = Caller(account, told, "anonymous", "", address, d.choice(identity.BROWSERS), story=number)
        error = "denied" if d.chance(0.3) else None
        t.log.emit(when, caller, "s3:GetObject", t.world.regions[0], error, bucket=bucket)
        when += timedelta(seconds=d.uniform(1, 400))
