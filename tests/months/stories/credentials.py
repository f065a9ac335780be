"""Stories of passwords, keys and second factors."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from .. import identity
from ..dice import Dice
from ..networks import egress
from ..records import Caller
from ..world import Person
from .telling import Calls, Telling, story


@story("key rotation", 9)
def key_rotation(t: Telling, d: Dice, day: date) -> None:
    """A new key, the old one off some days later, then gone; by the owner or by an administrator."""
    someone = t.somebody(d, day, user=True)
    actor = someone if d.chance(0.7) else t.somebody(d, day, "operations", "security")
    when, old, new = t.hour(actor, day, d), someone.had("key", day), d.key()
    if someone.changes or someone.sets:
        return
    number = t.new("key rotation", someone.arn, when, 5)
    user = {"user": someone.name}
    first = t.acting(actor, when, d, number, account=someone.account)
    t.do(when, first, d, [("iam:ListAccessKeys", user), ("iam:CreateAccessKey", user | {"made": new})])
    someone.change(when.date() + timedelta(days=1), key=new)
    later = t.hour(actor, when.date() + timedelta(days=d.randint(1, 4)), d)
    calls = [("iam:UpdateAccessKey", user | {"key": old, "status": "Inactive"})]
    calls += [("iam:DeleteAccessKey", user | {"key": old})]
    t.do(later, t.acting(actor, later, d, number, account=someone.account), d, calls)


@story("rotation of a program's key", 1)
def program_key(t: Telling, d: Dice, day: date) -> None:
    """An administrator gives a program a new key."""
    programs = [each for each in t.world.machines if each.kind == "key" and not each.changes]
    if not programs:
        return
    one, admin = d.choice(programs), t.somebody(d, day, "operations")
    when, new = t.hour(admin, day, d), d.key()
    number = t.new("rotation of a program's key", one.role.arn, when, 3)
    user = {"user": one.role.arn.rpartition("/")[2]}
    caller = t.acting(admin, when, d, number, account=one.role.account)
    t.do(when, caller, d, [("iam:CreateAccessKey", user | {"made": new})])
    one.change(when.date() + timedelta(days=1), key=new)
    later = when + timedelta(days=2)
    calls = [("iam:UpdateAccessKey", user | {"key": one.key, "status": "Inactive"})]
    calls += [("iam:DeleteAccessKey", user | {"key": one.key})]
    t.do(later, t.acting(admin, later, d, number, account=one.role.account), d, calls)


@story("password reset", 3)
def password_reset(t: Telling, d: Dice, day: date) -> None:
    """Forgotten: an administrator sets another, the owner changes it."""
    someone, admin = t.somebody(d, day, user=True), t.somebody(d, day, "operations", "security")
    when = t.hour(admin, day, d)
    number = t.new("password reset", someone.arn, when)
    _mistypes(t, someone, d, when - timedelta(minutes=40), number, d.randint(2, 6))
    user = {"user": someone.name}
    t.do(when, t.acting(admin, when, d, number, account=someone.account), d, [("iam:UpdateLoginProfile", user)])
    later = when + timedelta(minutes=d.randint(4, 90))
    t.do(later, t.acting(someone, later, d, number, tool=False), d, [("iam:ChangePassword", {})])


@story("mistyped password", 6)
def mistyped(t: Telling, d: Dice, day: date) -> None:
    """Wrong some times, then right."""
    someone = t.somebody(d, day, user=True)
    when = t.hour(someone, day, d)
    number = t.new("mistyped password", someone.arn, when)
    _mistypes(t, someone, d, when, number, d.choice([2, 2, 3, 3, 4, 6, 9]))
    t.acting(someone, when + timedelta(minutes=4), d, number, tool=False)


def _mistypes(t: Telling, someone: Person, d: Dice, when: datetime, number: int, times: int) -> None:
    network = t.world.office(someone.site, when.date())
    address = egress(network, when.date(), d)
    plain = identity.user(someone.account, someone.name, someone.unique, "", address, someone.browser, number)
    wrong = ("", "Failed authentication")
    for _ in range(times):
        when += timedelta(seconds=d.randint(6, 25))
        caller = identity.signing_in(plain)
        t.log.emit(when, caller, "signin:ConsoleLogin", t.world.regions[0], wrong, mfa="No", result="Failure")


@story("new second factor", 2.5)
def second_factor(t: Telling, d: Dice, day: date) -> None:
    """A new phone: the old device off, a new one on."""
    someone = t.somebody(d, day, user=True)
    actor = someone if d.chance(0.6) else t.somebody(d, day, "operations", "security")
    when, user = t.hour(actor, day, d), {"user": someone.name}
    number = t.new("new second factor", someone.arn, when)
    caller = t.acting(actor, when, d, number, tool=False, account=someone.account)
    calls = [("iam:ListMFADevices", user), ("iam:DeactivateMFADevice", user), ("iam:DeleteVirtualMFADevice", user)]
    calls += [("iam:CreateVirtualMFADevice", user), ("iam:EnableMFADevice", user)]
    t.do(when, caller, d, calls)


@story("root for a bill", 0.3)
def root(t: Telling, d: Dice, day: date) -> None:
    """The root user, with its second factor, for what only it may."""
    account = d.choice(list(t.world.accounts.values()))
    someone = t.somebody(d, day, "finance", "manager")
    when = t.hour(someone, day, d)
    arn = f"arn:aws:iam::{account}:root"
    number = t.new("root for a bill", arn, when)
    told = {"type": "Root", "principalId": account, "arn": arn, "accountId": account}
    address = egress(t.world.office(someone.site, when.date()), when.date(), d)
    caller = Caller(account, told, arn, arn, address, someone.browser, True, story=number)
    t.log.emit(when, caller, "signin:ConsoleLogin", "us-east-1", mfa="Yes", mfa_arn=f"{arn}-account-mfa-device")
    session = caller.but(identity=told | {"accessKeyId": d.key("ASIA")})
    calls: Calls = [("ce:GetCostAndUsage", {}), ("account:GetContactInformation", {}), ("support:CreateCase", {})]
    t.do(when, session, d, calls)
