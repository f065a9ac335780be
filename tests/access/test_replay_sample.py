"""Replays over the sample logs, whose planted answers say what each over-permissioned principal needs."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.access.ground import Ground, survey
from pipeline.access.replay import Proposal, Replay, read, replay
from pipeline.access.snapshots import import_files
from pipeline.config import Settings
from pipeline.engines.duckdb import connect
from pipeline.iam.globs import matches
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake

SAMPLE = Path(__file__).resolve().parents[2] / "sample_logs"
PLANTED: dict[str, Any] = json.loads((SAMPLE / "planted.json").read_text("utf-8"))
OVER = {each["name"]: each for each in PLANTED["over_permissioned"] if each["rightsized"]}
# Whose key was stolen: what the thief did is in the log too, and the right policy stops it.
STOLEN = "report-exporter"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The sample's lake over all of its days."""
    folder = tmp_path_factory.mktemp("sample") / "lake"
    ingest(folder, [str(SAMPLE / "cloudtrail")], Settings(jobs=1))
    lake = Lake.open(folder)
    import_files(lake, sorted((SAMPLE / "iam").glob("*.json")))
    with connect(lake) as engine:
        end = engine.as_of()
        assert end is not None
        yield survey(engine, end - timedelta(days=30), end)


def run(ground: Ground, arn: str, documents: list[tuple[str, Any]]) -> Replay:
    return replay(ground, next(each for each in ground.library.principals() if each.arn == arn), documents)


def right(name: str) -> Proposal:
    return read(SAMPLE / OVER[name]["rightsized"])


def test_todays_policies_deny_nothing(ground: Ground) -> None:
    replayed = 0
    for each in ground.library.principals():
        found = replay(ground, each, [(one.by, one.document) for one in each.attached])
        assert found.denials == [], each.arn
        # Only what hangs on something the log does not tell is open, and it hangs on the very same as today.
        assert all(one.verdict.as_today for one in found.of("conditional")), each.arn
        replayed += found.events
    assert replayed > 7_000


@pytest.mark.parametrize("name", sorted(OVER))
def test_the_right_policy_breaks_nothing(ground: Ground, name: str) -> None:
    proposal = right(name)
    assert proposal.principal_arn == OVER[name]["principal_arn"]
    found = run(ground, OVER[name]["principal_arn"], proposal.documents)
    assert name == STOLEN or {each.action for each in found.of("allowed")} >= {*OVER[name]["used"]}
    denied = {event for each in found.denials for event in each.event_ids}
    theft = {event for each in PLANTED["incident"] for event in each["event_ids"]}
    assert denied <= (theft if name == STOLEN else set())
    assert bool(denied) is (name == STOLEN)


@pytest.mark.parametrize("name", sorted(set(OVER) - {STOLEN}))
def test_a_policy_that_lacks_one_used_action_breaks_just_that(ground: Ground, name: str) -> None:
    proposal = right(name)
    for action in OVER[name]["used"]:
        less = copy.deepcopy(proposal.documents)
        for _, document in less:
            document["Statement"] = [each for one in document["Statement"] if (each := _without(one, action))]
        found = run(ground, OVER[name]["principal_arn"], [each for each in less if each[1]["Statement"]])
        assert {each.action for each in found.denials} == {action}
        assert all(len(each.event_ids) == each.count > 0 for each in found.denials)


def _without(statement: dict[str, Any], action: str) -> dict[str, Any] | None:
    """An Allow statement without the patterns that name the action; None where nothing is left."""
    given = statement["Action"]
    listed = [given] if isinstance(given, str) else given
    left = [each for each in listed if not matches(each.lower(), action.lower())]
    return statement | {"Action": left} if left else None
