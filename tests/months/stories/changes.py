"""Stories of the whole company: an account is moved, CI runs elsewhere, a project's infrastructure is built."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from .. import identity, pipelines
from ..dice import Dice
from ..world import Role
from .programs import moment, some_machine
from .telling import Telling, story


@story("account migration", 0.25)
def migration(t: Telling, d: Dice, day: date) -> None:
    """Programs move to another account of the company's, over a week."""
    someone = t.somebody(d, day, "operations")
    when = t.hour(someone, day, d)
    number = t.new("account migration", "many", when, 14)
    for _ in range(d.randint(3, 7)):
        old = some_machine(t, d, "lambda", "ecs", "ec2", "batch")
        there = d.choice([each for each in t.world.accounts.values() if each != old.role.account])
        if old.dies != date.max:
            continue
        moved = day + timedelta(days=d.randint(0, 7))
        role = Role(old.role.arn.replace(old.role.account, there), d.unique("AROA"))
        old.dies = moved
        new = replace(old, role=role, born=moved, changes={}, surges=[], failing=[])
        new.marks = [(moved, moved + timedelta(days=7), number)]
        t.world.machines.append(new)
        at = t.hour(someone, moved, d)
        here = t.acting(someone, at, d, number, account=old.role.account)
        t.do(
            at, here, d, [("ec2:ModifySnapshotAttribute", {"to": there})] * d.randint(0, 3) + [("kms:CreateGrant", {})]
        )
        name = {"role": role.arn.rpartition("/")[2]}
        calls = [("iam:CreateRole", name), ("iam:PutRolePolicy", dict(name)), ("iam:AttachRolePolicy", dict(name))]
        later = at + timedelta(minutes=20)
        t.do(later, t.acting(someone, later, d, number, account=there), d, calls)


@story("CI runs elsewhere", 0.7)
def runners(t: Telling, d: Dice, day: date) -> None:
    """A team's pipeline gets runners of its own, in a network nobody knew."""
    fit = [each for each in t.world.machines if each.kind == "ci"]
    one, network = d.choice(fit), t.world.networks.take()
    number = t.new("CI runs elsewhere", one.role.arn, moment(day, d), 7)
    one.change(day, networks=[network])
    one.marks.append((day, day + timedelta(days=7), number))


@story("infrastructure of a project", 2)
def project(t: Telling, d: Dice, day: date) -> None:
    """Somebody runs Terraform from their own machine, many times in some days, with much that is new."""
    someone = t.somebody(d, day, "operations", "developer")
    number = t.new("infrastructure of a project", someone.arn, t.hour(someone, day, d), 4)
    for later in range(d.randint(1, 4)):
        when = t.hour(someone, day + timedelta(days=later), d)
        caller = t.acting(someone, when, d, number, tool=True).but(agent=identity.TERRAFORM)
        for _ in range(d.randint(1, 6)):
            when = pipelines.terraform(t.world, t.log, caller, d, when, t.world.regions[0], d.chance(0.3))
            when += timedelta(minutes=d.uniform(2, 40))


@story("a pipeline's first run", 1.5)
def first_run(t: Telling, d: Dice, day: date) -> None:
    """A repository gets a pipeline and a role for it."""
    one = pipelines.pipeline_role(t.world, d)
    one.born, when = day, moment(day, d, 8, 16)
    number = t.new("a pipeline's first run", one.role.arn, when, 10)
    one.marks.append((day, day + timedelta(days=10), number))
    admin = t.somebody(d, day, "operations")
    when = t.hour(admin, day, d)
    name = {"role": one.role.arn.rpartition("/")[2]}
    calls = [("iam:CreateRole", dict(name)), ("iam:AttachRolePolicy", dict(name)), ("iam:PutRolePolicy", dict(name))]
    t.do(when, t.acting(admin, when, d, number, account=one.role.account), d, calls)
    t.world.machines.append(one)
