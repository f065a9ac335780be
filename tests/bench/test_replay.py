"""The measured replays find what they are meant to find; how long they take is no test."""

from __future__ import annotations

from datetime import timedelta

from pipeline.access.ground import survey
from pipeline.access.replay import replay
from tests.access.replays import engine
from tests.bench import replay as bench
from tests.logs import ROLE


def test_the_cases_are_what_they_say() -> None:
    inline = [{"PolicyName": "all", "PolicyDocument": bench.policy(bench.EVERYTHING)}]
    item = {"RoleName": "worker", "Arn": ROLE, "RoleId": "AROAEXAMPLE", "Path": "/app/", "RolePolicyList": inline}
    role = {"kind": "role", "arn": ROLE, "name": "worker", "item": item, "account_id": bench.ACCOUNT}
    with engine([role], list(bench.events(600))) as made:
        held = survey(made, bench.BEGIN, bench.BEGIN + timedelta(days=90))
        (who,) = held.library.principals()
        found = {name: replay(held, who, [("p", document)]) for name, document in bench.cases().items()}
    told = {name: (each.events, len(each.denials), bool(each.detailed)) for name, each in found.items()}
    assert told == {
        "roll-up, nothing denied": (600, 0, False),
        "one action denied, all its event ids": (600, 1, True),
        "events, objects named": (600, 0, True),
        "events, addresses": (600, 0, True),
    }
    (denial,) = found["one action denied, all its event ids"].denials
    # Of ten calls after each other two are kms:Decrypt.
    assert denial.action == "kms:Decrypt" and denial.count == len(denial.event_ids) == 120
