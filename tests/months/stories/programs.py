"""Stories of programs: new ones, renamed ones, loads, storms of errors, limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from .. import machines, pipelines
from ..dice import Dice
from ..shapes_identity import trust
from ..world import Machine, Role
from .telling import Calls, Telling, story


def moment(day: date, d: Dice, early: float = 0, late: float = 24) -> datetime:
    """A moment of a day (UTC hours)."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=d.uniform(early, late))


def some_machine(t: Telling, d: Dice, *kinds: str) -> Machine:
    """One of those that are there from the first day on, not a pipeline."""
    fit = [each for each in t.world.machines if each.born == date.min and each.kind in (kinds or machines.RATES)]
    return d.choice(fit or [each for each in t.world.machines if each.kind != "ci"])


def deploys(t: Telling, d: Dice, when: datetime, number: int, account: str, calls: Calls) -> datetime:
    """A pipeline of the account, or an administrator, makes calls in the name of a story."""
    fit = [each for each in t.world.machines if each.kind == "ci" and each.role.account == account]
    if fit and d.chance(0.8):
        return t.do(when, pipelines.start(t.world, t.log, d.choice(fit), d, when, number), d, calls, 4)
    admin = t.somebody(d, when.date(), "operations")
    when = t.hour(admin, when.date(), d)
    return t.do(when, t.acting(admin, when, d, number, account=account), d, calls)


@story("new program", 4)
def new_program(t: Telling, d: Dice, day: date) -> None:
    """A role, its policies and a program that starts, often lacking a permission at first."""
    one = machines.machine(t.world, d, d.choice(["lambda", "lambda", "ecs", "ec2", "batch"]))
    one.born, when = day, moment(day, d, 7, 17)
    number = t.new("new program", one.role.arn, when, 10)
    one.marks.append((day, day + timedelta(days=10), number))
    service = {"lambda": "lambda", "ec2": "ec2"}.get(one.kind, "ecs-tasks")
    role: dict[str, Any] = {"role": one.role.arn.rpartition("/")[2]}
    calls: Calls = [("iam:CreateRole", role | {"service": service}), ("iam:PutRolePolicy", dict(role))]
    calls += [("iam:AttachRolePolicy", dict(role))] * d.randint(0, 3)
    if one.kind == "lambda":
        calls += [("lambda:CreateFunction20150331", {"function": one.sessions[0], "role_arn": one.role.arn})]
        calls += [("lambda:AddPermission20150331v2", {"more": {"principal": "events.amazonaws.com"}})]
    if one.kind == "ec2":
        calls += [("iam:CreateInstanceProfile", {}), ("ec2:RunInstances", {"count": len(one.sessions)})]
    if one.kind in {"ecs", "batch"}:
        calls += [("ecs:RegisterTaskDefinition", {}), ("ecs:CreateService", {})]
    begun = deploys(t, d, when, number, one.role.account, calls)
    if d.chance(0.4):
        end = begun + timedelta(hours=d.uniform(0.3, 6))
        one.failing.append((begun, end, d.choice(list(one.calls)), "denied", d.uniform(5, 80), number))
        deploys(t, d, end, number, one.role.account, [("iam:PutRolePolicy", dict(role))])
    t.world.machines.append(one)


@story("new version calls more", 6)
def new_version(t: Telling, d: Dice, day: date) -> None:
    """A program calls from a day on what it never called."""
    one = some_machine(t, d, "lambda", "ecs", "ec2", "batch")
    number = t.new("new version calls more", one.role.arn, moment(day, d), 7)
    added = {api: d.skewed(6, 1) for api in d.some(machines.FLAVOURS[one.kind].split(), 1, 2)}
    one.change(day, calls=added | one.calls, news=dict.fromkeys(added.keys() - one.calls.keys(), number))


@story("load test", 1.5)
def load_test(t: Telling, d: Dice, day: date) -> None:
    """Some hours of many times the calls."""
    one, when = some_machine(t, d, "lambda", "ecs", "ec2"), moment(day, d, 7, 20)
    number = t.new("load test", one.role.arn, when)
    one.surges.append((when, when + timedelta(hours=d.uniform(1, 6)), _factor(one, d.uniform(20, 120)), {}, number))


def _factor(one: Machine, wanted: float) -> float:
    """As much as wanted, but no more than some 15,000 calls a day."""
    return min(wanted, 15_000 / max(sum(one.calls.values()), 1))


@story("backfill", 2)
def backfill(t: Telling, d: Dice, day: date) -> None:
    """A batch job works through years of data."""
    one, when = some_machine(t, d, "batch", "ecs"), moment(day, d)
    number = t.new("backfill", one.role.arn, when, 2)
    more = {"s3:GetObject": d.skewed(20, 0.5), "s3:ListObjects": 4.0, "athena:StartQueryExecution": d.skewed(4, 0.5)}
    one.surges.append((when, when + timedelta(hours=d.uniform(4, 40)), _factor(one, d.uniform(10, 50)), more, number))


@story("storm of retries", 2)
def storm(t: Telling, d: Dice, day: date) -> None:
    """A program is throttled, or asks in vain for what is gone, and asks again without a pause."""
    one, when = some_machine(t, d), moment(day, d)
    number = t.new("storm of retries", one.role.arn, when)
    error = d.choice(
        [
            ("ThrottlingException", "Rate exceeded"),
            ("TooManyRequestsException", "Rate exceeded"),
            ("ResourceNotFoundException", "Requested resource not found"),
            ("NoSuchKey", "The specified key does not exist."),
            ("ServiceUnavailable", "Please reduce your request rate."),
        ]
    )
    end = when + timedelta(hours=d.uniform(0.3, 3))
    one.failing.append((when, end, d.choice(list(one.calls)), error, d.uniform(200, 1500), number))


@story("permission lost", 3)
def permission_lost(t: Telling, d: Dice, day: date) -> None:
    """A change of policy takes away too much; the program is refused until somebody notices."""
    one, when = some_machine(t, d, "lambda", "ecs", "ec2", "batch", "backup"), moment(day, d, 8, 17)
    number = t.new("permission lost", one.role.arn, when)
    role = {"role": one.role.arn.rpartition("/")[2]}
    call = d.choice(["iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:CreatePolicyVersion"])
    begun = deploys(t, d, when, number, one.role.account, [(call, role if "Role" in call else {})])
    end = begun + timedelta(hours=d.skewed(3, 0.9))
    for api in d.some(list(one.calls), 1, 3):
        one.failing.append((begun, end, api, "denied", d.uniform(5, 300), number))
    deploys(t, d, end, number, one.role.account, [("iam:PutRolePolicy", role)])


@story("limit of instances", 1)
def instance_limit(t: Telling, d: Dice, day: date) -> None:
    """Autoscaling asks for instances that the account may not have, or that there are none of."""
    fit = [each for each in t.world.machines if "ec2:RunInstances" in each.calls]
    one, when = d.choice(fit) if fit else some_machine(t, d, "ec2"), moment(day, d)
    number = t.new("limit of instances", one.role.arn, when)
    one.given.setdefault("ec2:RunInstances", [{"type": "m6i.xlarge"}])
    error = d.choice(
        [
            ("Client.InstanceLimitExceeded", "You have requested more instances than your current limit allows."),
            ("Server.InsufficientInstanceCapacity", "There is not enough capacity."),
            ("Client.VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit allows."),
        ]
    )
    end = when + timedelta(hours=d.uniform(0.5, 8))
    one.failing.append((when, end, "ec2:RunInstances", error, d.uniform(20, 300), number))


@story("role renamed", 1)
def renamed(t: Telling, d: Dice, day: date) -> None:
    """A program goes on under another role; the old one is deleted."""
    old, when = some_machine(t, d, "lambda", "ecs", "ec2", "batch"), moment(day, d, 8, 16)
    if old.dies != date.max:
        return
    role = Role(f"{old.role.arn}-v2", d.unique("AROA"))
    new = replace(old, role=role, born=day, changes={}, surges=[], failing=[], marks=[])
    number = t.new("role renamed", role.arn, when, 7)
    new.marks.append((day, day + timedelta(days=7), number))
    old.dies = day
    name, was = {"role": role.arn.rpartition("/")[2]}, {"role": old.role.arn.rpartition("/")[2]}
    calls = [("iam:CreateRole", name), ("iam:PutRolePolicy", dict(name)), ("iam:AttachRolePolicy", dict(name))]
    calls += [("iam:DetachRolePolicy", dict(was)), ("iam:DeleteRolePolicy", dict(was)), ("iam:DeleteRole", dict(was))]
    deploys(t, d, when, number, role.account, calls)
    t.world.machines.append(new)


@story("another region", 0.4)
def another_region(t: Telling, d: Dice, day: date) -> None:
    """A program also runs where nothing of the company ran."""
    old, when = some_machine(t, d, "lambda", "ecs"), moment(day, d, 8, 16)
    region = d.choice([each for each in ("eu-west-3", "us-east-2", "ap-southeast-1") if each not in t.world.regions])
    number = t.new("another region", old.role.arn, when, 7)
    new = replace(old, region=region, born=day, changes={}, surges=[], failing=[], networks=t.world.networks.several(2))
    new.marks = [(day, day + timedelta(days=7), number)]
    t.world.machines.append(new)


@story("vendor comes", 0.4)
def vendor_comes(t: Telling, d: Dice, day: date) -> None:
    """A vendor's scanner gets a role and reads everything every day from then on."""
    one, when = machines.machine(t.world, d, "vendor"), moment(day, d, 8, 16)
    one.born = day
    number = t.new("vendor comes", one.role.arn, when, 10)
    one.marks.append((day, day + timedelta(days=10), number))
    name = {"role": one.role.arn.rpartition("/")[2]}
    policy = name | {"policy": "arn:aws:iam::aws:policy/SecurityAudit"}
    letting = trust({"AWS": f"arn:aws:iam::{one.other}:root"})
    calls = [("iam:CreateRole", name | {"document": letting}), ("iam:AttachRolePolicy", policy)]
    deploys(t, d, when, number, one.role.account, calls)
    t.world.machines.append(one)


@story("other addresses of a program", 2)
def other_addresses(t: Telling, d: Dice, day: date) -> None:
    """A vendor, a server or a NAT gateway gets another address."""
    one, network = some_machine(t, d, "vendor", "key", "lambda", "ec2"), t.world.networks.take()
    if len(one.networks) > 5 or one.networks[0].startswith("10."):
        return
    number = t.new("other addresses of a program", one.role.arn, moment(day, d), 7)
    t.world.strange[network] = day + timedelta(days=7), number
    one.change(day, networks=[network])
