"""Right-sizing on the sample logs, beside the policy that a good engineer would write for each planted principal.

What such a person knows and no log can tell is named here, case by case: key prefixes within a bucket (the roll-up
holds no object keys), names of queues, topics and parameters (no member of the roll-up), and which of the actions
that leave no event are of no use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.access.ground import Ground, survey
from pipeline.access.rightsize.judging import Options
from pipeline.access.rightsize.propose import Proposal, propose
from pipeline.access.rightsize.wildcards import within
from pipeline.access.rightsize.worklist import worklist
from pipeline.access.snapshots import import_files
from pipeline.config import Settings
from pipeline.engines.duckdb import connect
from pipeline.iam import grammar
from pipeline.iam.globs import overlap
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake
from tests.access.rightsized import ASSUME, BOTH, DEFAULT, RESOURCES, actions, granted

SAMPLE = Path(__file__).resolve().parents[2] / "sample_logs"
PLANTED = json.loads((SAMPLE / "planted.json").read_text("utf-8"))["over_permissioned"]
# What the stranger called is use like any other; no log can tell whose it was (sample_logs/README.md).
STRANGER = "report-exporter"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The sample, judged over 26 days: as long as its log is whole."""
    path = tmp_path_factory.mktemp("sample") / "lake"
    ingest(path, [str(SAMPLE / "cloudtrail")], Settings(jobs=2))
    lake = Lake.open(path)
    import_files(lake, sorted((SAMPLE / "iam").glob("*.json")))
    with connect(lake) as engine:
        end = engine.as_of()
        assert end is not None
        yield survey(engine, end - timedelta(days=26), end)


def right(row: dict[str, Any]) -> list[dict[str, Any]]:
    given = json.loads((SAMPLE / row["rightsized"]).read_text("utf-8"))
    return [each["document"] for each in given["policies"]]


def services(names: set[str]) -> set[str]:
    return {each.partition(":")[0] for each in names}


def kept_for_want_of_proof(made: Proposal) -> set[str]:
    return {row["action"] for row in (*made.blind, *made.doubt)}


@pytest.mark.parametrize("options", [DEFAULT, RESOURCES, ASSUME, BOTH], ids=["default", "resources", "assume", "both"])
@pytest.mark.parametrize("row", PLANTED, ids=lambda row: row["name"])
def test_nothing_that_is_right_is_lost(ground: Ground, row: dict[str, Any], options: Options) -> None:
    """Each action stays on what the right policy names, or, narrowed by --resources, on some of it."""
    made = propose(ground, row["principal_arn"], options)
    for document in made.documents:
        grammar.check(document, grammar.IDENTITY, "proposed")
    mine = granted(made.documents)
    covers = overlap if options.resources else within
    # What --assume-unused gives up is told, and is of no service in use.
    assert not services({each["action"] for each in made.assumed}) & services(set(row["used"]))
    lost = {
        (action, scope)
        for action, scope in granted(right(row))
        if not any(action == other and covers(scope, where) for other, where in mine)
    }
    assert not lost


@pytest.mark.parametrize("row", PLANTED, ids=lambda row: row["name"])
def test_what_is_more_than_right_is_what_the_log_cannot_show(ground: Ground, row: dict[str, Any]) -> None:
    expected = actions(right(row))
    made = propose(ground, row["principal_arn"], DEFAULT)
    extra = actions(made.documents) - expected - kept_for_want_of_proof(made)
    assert extra == (set(row["used"]) - expected if row["name"] == STRANGER else set())
    assert {each["action"] for each in made.dropped} >= set(row["unused"]) | set(row.get("blocked", []))
    assert actions(made.documents) >= set(row["used"]) | set(row.get("not_observable", []))
    # By assumption, only services that were seen keep what cannot be shown; doubts are no matter of services.
    lean = propose(ground, row["principal_arn"], ASSUME)
    more = actions(lean.documents) - expected - {each["action"] for each in lean.doubt}
    assert services(more) <= services(set(row["used"]) | {each["action"] for each in lean.doubt})


@pytest.mark.parametrize("name", ["ml-experiments", "noor.haddad"])
def test_where_all_is_known_the_proposal_is_the_right_one(ground: Ground, name: str) -> None:
    (row,) = (each for each in PLANTED if each["name"] == name)
    for options in (DEFAULT, ASSUME, BOTH):
        assert granted(propose(ground, row["principal_arn"], options).documents) == granted(right(row))


def test_the_passed_role_is_named(ground: Ground) -> None:
    made = propose(ground, "arn:aws:iam::111122223333:role/ci/ci-deploy", RESOURCES)
    passed = "arn:aws:iam::111122223333:role/service-role/orders-api"
    assert {scope for action, scope in granted(made.documents) if action == "iam:PassRole"} == {passed}
    where = {scope for action, scope in granted(made.documents) if action == "lambda:CreateFunction"}
    assert where and all(":function:orders-api" in each for each in where)


def test_policies_fit_and_can_be_attached(ground: Ground) -> None:
    """6,144 characters a managed policy, ten of them on a role or user ("IAM and AWS STS quotas")."""
    for row in PLANTED:
        made = propose(ground, row["principal_arn"], DEFAULT)
        managed = [each for each in made.policies if each["kind"] != "inline"]
        assert all(each["size"] <= 6144 for each in managed) and len(managed) <= 10
        inline = sum(each["size"] for each in made.policies if each["kind"] == "inline" and not each["group"])
        assert inline <= (10240 if ":role/" in row["principal_arn"] else 2048)


def test_the_planted_come_first_in_the_ranked_list(ground: Ground) -> None:
    """Those who could do most that nobody does. PlatformAdmin is an administrator who administers: as much to lose by
    the log, more work to change. Where a few harmless permissions are unused, or all are blocked, there is no hurry."""
    rows = worklist(ground).to_pylist()
    names = [row["principal_arn"].split("/")[-1] for row in rows]
    unused = {"datacentre-migration"}
    assert set(names[:4]) == {"payments-worker", "dmitri.volkov", "report-exporter"} | unused
    planted = {row["name"] for row in PLANTED} | unused
    assert [name for name in names[:8] if name not in planted] == ["AWSReservedSSO_PlatformAdmin_7a1e5c3b9d2f4068"]
    clean = {"warehouse-reader", "artifact-publisher"}
    assert max(names.index(name) for name in planted) < min(names.index(name) for name in clean)
    by = dict(zip(names, rows, strict=True))
    for row in rows:
        parts = row["risk_escalation"] + row["risk_access"] + row["risk_breadth"]
        assert row["risk"] == pytest.approx(parts, abs=0.11)
        assert row["score"] == pytest.approx(
            row["risk"] * row["confidence"] / (1 + row["effort"] / 20), rel=0.1, abs=0.2
        )
    assert any("iam:CreatePolicyVersion" in way for way in by["dmitri.volkov"]["escalations"])
    assert by["ml-experiments"]["blocked"] == 235 and by["ml-experiments"]["risk"] == 0
    assert all(by[name]["score"] == 0 and by[name]["unused"] == 0 for name in clean)
