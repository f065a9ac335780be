"""The policy that `doctor --print-policy` prints: enough for every call of collecting, and no statement more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from pipeline.access.collect import Plan, collect
from pipeline.access.collect.permissions import COLLECT, INGEST, policy
from pipeline.cli import main
from pipeline.iam.actions import mapper
from pipeline.iam.decisions import request
from pipeline.iam.evaluate import Evaluator
from pipeline.lake.tables import Lake
from tests.access.asked import MASTER
from tests.aws.iam import World


@pytest.fixture
def calls(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Service and operation of every call that a whole collection makes of the account it is in."""
    made: set[tuple[str, str]] = set()
    before = BaseClient._make_api_call  # type: ignore[attr-defined]

    def recorded(self: Any, operation: str, given: Any) -> Any:
        made.add((self.meta.service_model.signing_name, operation))
        return before(self, operation, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", recorded)
    collect(Lake.open(tmp_path / "lake", create=True), Plan())
    return made


def actions(calls: set[tuple[str, str]]) -> set[str]:
    """What the calls need, by the mapping from events to actions: an event is named as its call."""
    needed = set()
    for service, operation in calls:
        found = mapper().map_call(f"{service}.amazonaws.com", operation)
        assert found.state == "mapped" or operation == "GetCallerIdentity", f"{service} {operation}: {found.state}"
        needed |= {each.action for each in found.actions}
    return needed


def refused(document: dict[str, Any], needed: set[str]) -> set[str]:
    evaluator = Evaluator({"identity": [document]})
    asked = {"principal": f"arn:aws:iam::{MASTER}:user/auditor", "resource": "*", "context": {}}
    return {each for each in needed if evaluator.decide(request(asked | {"action": each})).decision != "allowed"}


def test_every_call_is_allowed_and_every_statement_needed(calls: set[tuple[str, str]]) -> None:
    needed = actions(calls)
    assert len(needed) >= 20 and not refused(policy("collect"), needed)
    for number, statement in enumerate(policy("collect")["Statement"]):
        less = policy("collect")
        del less["Statement"][number]
        assert refused(less, needed), f"{statement['Sid']} is not needed"
    assert {each for some in COLLECT.values() for each in some} == needed, "no action more than is needed"


def test_each_statement_is_printed_as_iam_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    for words, sids in (([], set(COLLECT)), (["--for", "ingest"], set(INGEST))):
        with pytest.raises(SystemExit) as caught:
            main(["doctor", "--print-policy", *words])
        document = json.loads(capsys.readouterr().out)
        assert not caught.value.code and {each["Sid"] for each in document["Statement"]} == sids
        Evaluator({"identity": [document]})
        assert all(each["Sid"].isalnum() for each in document["Statement"]), "IAM allows no more in a Sid"
