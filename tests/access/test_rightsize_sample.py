"""Right-sizing on the sample logs, beside the policy that a good engineer would write for each planted principal.

`sample_logs/README.md` names for each the options that come to the same policy, and what the default keeps on top.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from pipeline.access.ground import Ground, survey
from pipeline.access.rightsize.judging import Options
from pipeline.access.rightsize.proof import proof
from pipeline.access.rightsize.propose import Proposal, propose
from pipeline.access.rightsize.worklist import worklist
from pipeline.access.snapshots import import_files
from pipeline.config import Settings
from pipeline.engines.duckdb import connect
from pipeline.iam import grammar
from pipeline.iam.globs import overlap, within
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake
from tests.access.rightsized import ASSUME, BOTH, DEFAULT, RESOURCES, actions, granted

SAMPLE = Path(__file__).resolve().parents[2] / "sample_logs"
KNOWN = json.loads((SAMPLE / "planted.json").read_text("utf-8"))
PLANTED, PROD = KNOWN["over_permissioned"], KNOWN["accounts"][0]
# What the stranger called is use like any other; no log can tell whose it was (sample_logs/README.md).
STRANGER = "report-exporter"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    path = tmp_path_factory.mktemp("sample") / "lake"
    ingest(path, [str(SAMPLE / "cloudtrail")], Settings(jobs=2))
    lake = Lake.open(path)
    import_files(lake, sorted((SAMPLE / "iam").glob("*.json")))
    return lake


@pytest.fixture(scope="module")
def ground(lake: Lake) -> Iterator[Ground]:
    """The sample, judged over 26 days: as long as its log is whole."""
    with connect(lake) as engine:
        end = engine.as_of()
        assert end is not None
        yield survey(engine, end - timedelta(days=26), end)


@pytest.fixture(scope="module")
def before(lake: Lake) -> Iterator[Ground]:
    """The same before the stranger came."""
    with connect(lake) as engine:
        end = datetime(2026, 10, 27, tzinfo=UTC)
        yield survey(engine, end - timedelta(days=26), end)


def asked(row: dict[str, Any]) -> tuple[Options, datetime | None]:
    """The options that README.md names for a principal, and the end of the window where it names one."""
    words = row["by"].split()
    given = {word: words[at + 1] for at, word in enumerate(words) if word in ("--to", "--assume-unused")}
    until = datetime.fromisoformat(given["--to"]) if "--to" in given else None
    return Options("--resources" in words, frozenset(filter(None, given.get("--assume-unused", "").split(",")))), until


def right(row: dict[str, Any]) -> list[dict[str, Any]]:
    given = json.loads((SAMPLE / row["rightsized"]).read_text("utf-8"))
    return [each["document"] for each in given["policies"]]


def wide(row: dict[str, Any]) -> bool:
    """Whether a principal holds nearly all there is, of which the default keeps some 2,800 actions."""
    return row["name"] in ("payments-worker", "dmitri.volkov", "platform-admin", STRANGER)


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
def test_with_the_options_named_it_is_the_right_policy(ground: Ground, before: Ground, row: dict[str, Any]) -> None:
    """Actions and resources both, no more and no less; and the log agrees."""
    options, until = asked(row)
    judged = before if until else ground
    assert until in (None, before.end)
    made = propose(judged, row["principal_arn"], options)
    assert granted(made.documents) == granted(right(row))
    proven = proof(judged, made)
    assert proven["denied"] == 0 and proven["allowed"] > 0


@pytest.mark.parametrize("row", [row for row in PLANTED if not wide(row)], ids=lambda row: row["name"])
def test_the_default_keeps_what_no_log_shows_beside(ground: Ground, row: dict[str, Any]) -> None:
    """README.md lists it, from what AWS documents of each action, for all who hold less than a whole account."""
    made = propose(ground, row["principal_arn"], DEFAULT)
    assert actions(made.documents) == actions(right(row)) | set(row["kept"])
    assert set(row["kept"]) <= kept_for_want_of_proof(made)


def test_what_the_default_keeps_has_no_operation() -> None:
    """By botocore's models; of the three that have one, two are data events, one may be behind DescribeStacks."""
    models = {"s3": ("s3", "s3control"), "dynamodb": ("dynamodb", "dynamodbstreams")}
    session = botocore.session.get_session()
    named = set()
    for action in {each for row in PLANTED for each in row["kept"]}:
        service, name = action.split(":")
        for model in models.get(service, (service,)):
            named |= {action} if name in session.get_service_model(model).operation_names else set()
    assert named == {"lambda:InvokeAsync", "cloudformation:ListStacks"}
    assert session.get_service_model("lambda").operation_model("Invoke").http["requestUri"].endswith("/invocations")


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
    rows = worklist(ground).to_pylist()
    names = [row["principal_arn"] for row in rows]
    planted = {row["principal_arn"] for row in PLANTED}
    never_used = f"arn:aws:iam::{PROD}:role/datacentre-migration"
    assert set(names[: len(planted) + 1]) == planted | {never_used}
    for row in rows:
        parts = row["risk_escalation"] + row["risk_access"] + row["risk_breadth"]
        assert row["risk"] == pytest.approx(parts, abs=0.11)
        assert row["score"] == pytest.approx(
            row["risk"] * row["confidence"] / (1 + row["effort"] / 20), rel=0.1, abs=0.2
        )
    by = {row["principal_arn"].split("/")[-1]: row for row in rows}
    assert any("iam:CreatePolicyVersion" in way for way in by["dmitri.volkov"]["escalations"])
    # What a control policy blocks is no risk of its own; it makes the policy no shorter to read.
    blocked = by["ml-experiments"]
    assert blocked["blocked"] == 235 and blocked["risk"] == blocked["risk_breadth"] > 0
    assert all(
        by[name]["score"] == 0 and by[name]["unused"] == 0 for name in ("warehouse-reader", "artifact-publisher")
    )
