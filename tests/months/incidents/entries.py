"""How an attacker gets credentials: each way returns the caller they are from then on."""

from __future__ import annotations

from dataclasses import replace

from .. import identity, machines, pipelines
from ..networks import host
from ..records import Caller
from ..world import Machine, Person
from .attack import Attack, day_of


def leaked_key(a: Attack) -> Caller:
    """The long-lived key of a person or of a program, used from elsewhere."""
    d, day = a.d, day_of(a)
    programs = [each for each in a.world.machines if each.kind == "key"]
    if d.chance(0.3) and programs:
        one = d.choice(programs)
        keys = [
            one.key,
            *(values["key"] for since, values in sorted(one.changes.items()) if since <= day and "key" in values),
        ]
        name, key, unique, account = one.role.arn.rpartition("/")[2], keys[-1], one.role.unique, one.role.account
    else:
        someone = victim(a)
        name, key, unique, account = someone.name, someone.had("key", day), someone.unique, someone.account
    a.entry = "leaked key"
    return identity.user(account, name, unique, key, a.address, a.tool)


def victim(a: Attack) -> Person:
    """A person with an IAM user who is there that day."""
    fit = [each for each in a.world.people if not each.sets and each.works_on(day_of(a))]
    return a.d.choice(fit)


def program(a: Attack, *kinds: str) -> Machine:
    """A program that runs that day."""
    day = day_of(a)
    fit = [each for each in a.world.machines if each.kind in kinds and each.born <= day < each.dies]
    return a.d.choice(fit)


def stolen_session(a: Attack) -> Caller:
    """The temporary credentials of an instance, function or container, used from elsewhere."""
    a.entry = "stolen session"
    return _session(a, program(a, "ec2", "ec2", "lambda", "ecs"), a.address, a.tool)


def inside(a: Attack) -> Caller:
    """The same, used where they belong: by somebody who is on the instance or in the container."""
    one = program(a, "ec2", "ecs", "lambda")
    a.entry = "inside a program"
    return _session(a, one, host(one.networks[0], a.d), a.tool if a.d.chance(0.7) else one.agent)


def _session(a: Attack, one: Machine, address: str, agent: str) -> Caller:
    a.region = one.region
    return machines.handed_out(a.log, one, a.d, a.clock, a.d.choice(one.sessions), address, agent)


def hijacked(a: Attack) -> Caller:
    """The Identity Center session of a person, taken with its token or cookie and used from elsewhere."""
    d = a.d
    someone = d.choice([each for each in a.world.people if each.sets and each.works_on(day_of(a))])
    role, browser = d.choice(someone.sets), d.chance(0.4)
    a.entry = "hijacked person's session"
    agent = d.choice(identity.BROWSERS) if browser else a.tool
    name = f"{someone.name}@corp.example"
    made = identity.session(role.arn, role.unique, name, d.key("ASIA"), a.clock, a.address, agent)
    return made.but(console=browser)


def pipeline(a: Attack) -> Caller:
    """A pipeline's role, by a commit nobody reviewed: the runners are the usual ones."""
    one = replace(program(a, "ci"))
    if a.d.chance(0.4):
        one.subject = one.subject.replace("ref:refs/heads/main", "pull_request")
    a.entry = "poisoned pipeline"
    return pipelines.start(a.world, a.log, one, a.d, a.clock).but(agent=a.tool if a.d.chance(0.7) else one.agent)


def any_way(a: Attack) -> Caller:
    """One of the ways."""
    ways = {leaked_key: 4, stolen_session: 3, hijacked: 3, inside: 1, pipeline: 1}
    return a.d.weighted(ways)(a)
