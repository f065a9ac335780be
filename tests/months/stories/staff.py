"""Stories of people: they come, leave, travel, move, are called at night and try things."""

from __future__ import annotations

from datetime import date, timedelta

from .. import identity, people
from ..activities import ACTIVITIES, EXPLORED, TRADES
from ..dice import Dice
from ..world import NAMES, Stay
from .telling import Telling, story

ACTIVITIES.update(EXPLORED)


@story("new hire", 2.5)
def new_hire(t: Telling, d: Dice, day: date) -> None:
    """Somebody new: set up by an administrator, then ever so busy."""
    someone = people.person(t.world, d, f"{d.choice(NAMES.split())}.{d.hex(2)}", d.weighted(people.SHARES))
    someone.joined = day
    number = t.new("new hire", someone.arn, t.hour(someone, day, d), 14)
    peers = [each for each in t.world.people if each.trade == someone.trade and each.sets]
    if peers and d.chance(0.5):
        someone.sets = peers[0].sets
    else:
        admin = t.somebody(d, day, "operations", "security")
        when = t.hour(admin, day - timedelta(days=d.randint(0, 3)), d)
        user = {"user": someone.name}
        calls = [("iam:CreateUser", user), ("iam:CreateLoginProfile", user), ("iam:AddUserToGroup", user)]
        calls += [("iam:CreateAccessKey", user | {"made": someone.key})] if d.chance(0.6) else []
        calls += [("iam:AttachUserPolicy", user)] if d.chance(0.3) else []
        t.do(when, t.acting(admin, when, d, number, account=someone.account), d, calls)
        first = t.hour(someone, day, d)
        own = t.acting(someone, first, d, number, tool=False)
        t.do(
            first,
            own,
            d,
            [("iam:ChangePassword", {}), ("iam:CreateVirtualMFADevice", user), ("iam:EnableMFADevice", user)],
        )
    someone.marks.append((day, day + timedelta(days=14), number))
    t.world.people.append(someone)


@story("leaver", 1.5)
def leaver(t: Telling, d: Dice, day: date) -> None:
    """Somebody leaves, and an administrator cleans up."""
    someone = t.somebody(d, day, user=True)
    if someone.left != date.max:
        return
    someone.left = day
    admin = t.somebody(d, day, "operations", "security")
    when = t.hour(admin, day, d)
    number = t.new("leaver", someone.arn, when, 8)
    user, key = {"user": someone.name}, someone.had("key", day)
    caller = t.acting(admin, when, d, number, account=someone.account)
    calls = [("iam:ListAccessKeys", user), ("iam:UpdateAccessKey", user | {"key": key, "status": "Inactive"})]
    calls += [("iam:DeleteLoginProfile", user), ("iam:DeactivateMFADevice", user), ("iam:RemoveUserFromGroup", user)]
    t.do(when, caller, d, calls)
    later = t.hour(admin, day + timedelta(days=d.randint(0, 7)), d)
    end = t.acting(admin, later, d, number, account=someone.account)
    t.do(later, end, d, [("iam:DeleteAccessKey", user | {"key": key}), ("iam:DeleteUser", user)])


@story("holiday", 9)
def holiday(t: Telling, d: Dice, day: date) -> None:
    """Somebody is away, and then is back."""
    someone = t.somebody(d, day)
    end = day + timedelta(days=d.choice([3, 7, 7, 14, 14, 21]))
    number = t.new("holiday", someone.arn, t.hour(someone, day, d), (end - day).days + 3)
    someone.stays.append(Stay(day, end, None))
    someone.marks.append((end, end + timedelta(days=2), number))


@story("journey", 4.5)
def journey(t: Telling, d: Dice, day: date) -> None:
    """Somebody works from another country for some days."""
    someone = t.somebody(d, day)
    network, length = t.world.networks.take(), d.randint(2, 12)
    number = t.new("journey", someone.arn, t.hour(someone, day, d), length)
    ahead = someone.site.ahead + d.choice([-9, -6, -3, 1, 2, 5, 8])
    someone.stays.append(Stay(day, day + timedelta(days=length), network, ahead))
    t.world.strange[network] = day + timedelta(days=length), number


@story("new home network", 3)
def new_home(t: Telling, d: Dice, day: date) -> None:
    """Somebody moves, or their provider gives them other addresses."""
    someone, network = t.somebody(d, day), t.world.networks.take()
    number = t.new("new home network", someone.arn, t.hour(someone, day, d), 10)
    someone.change(day, home=network)
    t.world.strange[network] = day + timedelta(days=10), number


@story("new office network", 0.35)
def new_office(t: Telling, d: Dice, day: date) -> None:
    """An office, or the VPN, gets other addresses: many people change at once."""
    site, network = d.choice([*t.world.sites, None]), t.world.networks.take()
    number = t.new("new office network", "many", t.hour(t.world.people[0], day, d), 7)
    t.world.moves.append((day, site, network))
    t.world.strange[network] = day + timedelta(days=7), number


@story("new laptop", 3)
def new_laptop(t: Telling, d: Dice, day: date) -> None:
    """Somebody's tools have another version and system."""
    someone = t.somebody(d, day)
    t.new("new laptop", someone.arn, t.hour(someone, day, d), 5)
    someone.change(day, agent=identity.command_line(d), browser=d.choice(identity.BROWSERS))


@story("on call", 9)
def on_call(t: Telling, d: Dice, day: date) -> None:
    """A page at night or at a weekend, and an hour of looking and mending."""
    someone = t.somebody(d, day, "operations", "developer")
    when = t.hour(someone, day, d).replace(hour=d.randrange(24)) + timedelta(hours=d.uniform(9, 15))
    what = [d.weighted(TRADES["operations"]) for _ in range(d.randint(3, 9))]
    number = t.new("on call", someone.arn, when, 0.5)
    someone.called.append((when, d.uniform(0.3, 2), what, number))


@story("tries a service", 7)
def tries(t: Telling, d: Dice, day: date) -> None:
    """Somebody does for the first time what they never did."""
    someone = t.somebody(d, day, "developer", "data", "operations")
    when = t.hour(someone, day, d)
    number = t.new("tries a service", someone.arn, when, 1)
    what = d.some(list(EXPLORED), 1, 2) * d.randint(1, 3)
    someone.tries[when.date()] = what, number


@story("new trade", 1)
def new_trade(t: Telling, d: Dice, day: date) -> None:
    """Somebody gets another job in the company."""
    someone = t.somebody(d, day, "developer", "data", "operations")
    likes = dict(TRADES[d.choice(["developer", "data", "operations", "security"])])
    number = t.new("new trade", someone.arn, t.hour(someone, day, d), 14)
    someone.change(day, likes=likes)
    someone.marks.append((day, day + timedelta(days=14), number))


@story("comes back", 0.5)
def comes_back(t: Telling, d: Dice, day: date) -> None:
    """Somebody away since before the first day, on leave, is back."""
    someone = t.somebody(d, day)
    if day < t.world.judged.date() or someone.joined > t.world.first:
        return
    number = t.new("comes back", someone.arn, t.hour(someone, day, d), 5)
    someone.stays.insert(0, Stay(t.world.first + timedelta(days=2), day, None))
    someone.marks.append((day, day + timedelta(days=5), number))
