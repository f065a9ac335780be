"""`generate(seed, …)`: writes the months and their truth. Also `python -m tests.months SEED FOLDER`."""

from __future__ import annotations

import argparse
import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from . import machines, people, pipelines, services, stories
from .dice import Dice
from .incidents import commit
from .log import Log
from .records import iso
from .world import Person, Role, World, company

# Kind of principal -> its share of the principals of a company.
SHARES = {"lambda": 0.23, "ecs": 0.12, "ec2": 0.11, "scaler": 0.015, "batch": 0.06, "backup": 0.015, "vendor": 0.025}
SHARES |= {"key": 0.03, "ci": 0.06}
USERS = 0.22
NOT_OURS = re.compile(":oidc-provider/|:role/aws-service-role/")


def generate(
    seed: int,
    out: Path,
    principals: int = 200,
    days: int = 60,
    quiet: float = 1.0,
    kinds: list[str] | None = None,
) -> dict[str, Any]:
    """Writes `out`/AWSLogs and `out`/truth.json; returns the truth.

    The first half of the days warms a detector up and holds no incident; the second half is to be judged. The log
    names `principals` IAM users and roles of the company, give or take a few that come and go. `quiet` multiplies
    what each does: 0.2 makes a fifth of the events. `kinds` are those of the incidents, else three or four drawn.
    """
    world = company(seed, days, quiet)
    populate(world, principals)
    log = Log(seed, world.begin, world.end, world.things)
    told = stories.tell(world, log, principals)
    incidents = commit(world, log, kinds)
    for number in range(days):
        day = world.first + timedelta(days=number)
        for someone in world.people:
            people.live(world, log, someone, day)
        for one in world.machines:
            (pipelines if one.kind == "ci" else machines).live(world, log, one, day)
        services.live(world, log, day)
        log.write(out, day - timedelta(days=2))  # a day's people and machines also act in the days beside it
    log.write(out, date.max)
    truth = {
        "seed": seed,
        "begin": iso(world.begin),
        "judged_from": iso(world.judged),
        "judged_to": iso(world.end),
        "events": log.events,
        "accounts": world.accounts,
        "regions": world.regions,
        "principals": census(world, log),
        "incidents": [each.as_json() for each in incidents],
        "stories": [each.as_json(log.by_story[number]) for number, each in enumerate(told)],
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "truth.json").write_text(json.dumps(truth), "utf-8")
    return truth


def populate(world: World, principals: int) -> None:
    """People and machines, so that about that many users and roles of the company act."""
    d = Dice(f"{world.seed}/population")
    for kind, share in SHARES.items():
        for _ in range(max(1, round(share * principals))):
            made = pipelines.pipeline_role(world, d) if kind == "ci" else machines.machine(world, d, kind)
            world.machines.append(made)
            held = world.things[made.role.account].held
            held["user" if kind == "key" else "role"].append(made.role.arn.rpartition("/")[2])
    names = ["org-operator"] * 4 + ["org-reader", "data-access", "deploy-target"]
    for number, word in enumerate(names):
        account, name = list(world.accounts.values())[number % 4], f"{word}-{d.hex(2)}"
        world.cross.append(Role(f"arn:aws:iam::{account}:role/{name}", d.unique("AROA")))
    for account in list(world.accounts.values())[:2]:
        world.glass.append(Role(f"arn:aws:iam::{account}:role/break-glass-{d.hex(2)}", d.unique("AROA")))
    people.hire(world, round(USERS * principals), round(0.25 * principals))


def census(world: World, log: Log) -> list[dict[str, Any]]:
    """Every user and role of the company that acted in the judged half: what it is, and how many events it has."""
    kinds = {one.role.arn: one.kind for one in world.machines}
    kinds |= {role.arn: "cross-account role" for role in world.cross} | {
        role.arn: "break-glass" for role in world.glass
    }
    for someone in world.people:
        kinds |= dict.fromkeys(arns(someone), someone.trade)
    ours = [arn for arn in log.callers if arn.startswith("arn:aws:iam:") and not NOT_OURS.search(arn)]
    return [
        {"arn": arn, "kind": kinds.get(arn, "other"), "events": count}
        for arn, count in [(arn, log.callers[arn]) for arn in sorted(ours)]
    ]


def arns(someone: Person) -> list[str]:
    """The principals somebody acts as."""
    return [role.arn for role in someone.sets] or [someone.arn]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.months", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--principals", type=int, default=200)
    parser.add_argument("--days", type=int, default=60)
    given = parser.parse_args()
    truth = generate(given.seed, given.folder, given.principals, given.days)
    kinds = ", ".join(each["kind"] for each in truth["incidents"])
    print(
        f"{truth['events']:,} events, {len(truth['principals'])} principals, {len(truth['stories'])} stories; {kinds}"
    )
