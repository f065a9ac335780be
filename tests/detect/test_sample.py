"""The anomalies on the sample logs: what was planted is found, and what only looks bad is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.catalog import Catalog
from pipeline.config import Settings
from pipeline.detect.anomalies import examine
from pipeline.engines.duckdb import connect
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake


@pytest.fixture(scope="module")
def planted(sample_logs: Path) -> dict[str, Any]:
    given: dict[str, Any] = json.loads((sample_logs / "planted.json").read_text())
    return given


@pytest.fixture(scope="module")
def findings(sample_logs: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path = tmp_path_factory.mktemp("sample") / "lake"
    ingest(path, [str(sample_logs / "cloudtrail")], Settings(jobs=2))
    catalog = Catalog.load()
    with connect(Lake.open(path)) as engine:
        catalog.install_views(engine)
        newest = engine.as_of()
        assert newest is not None
        return examine(engine, catalog, None, newest).findings


def ids(planted: dict[str, Any], kind: str, name: str) -> set[str]:
    (found,) = (each for each in planted[kind] if each["name"] == name)
    return set(found["event_ids"])


def told(findings: list[dict[str, Any]], rule: str) -> set[str]:
    return {each for finding in findings if finding["rule"] == f"anomalies/{rule}" for each in finding["event_ids"]}


@pytest.mark.parametrize(
    ("kind", "name", "rule"),
    [
        ("incident", "first use from a new network", "access_key_from_new_network"),
        ("incident", "reconnaissance with denials", "access_denied_burst"),
        ("incident", "policy attached to itself", "self_granted_permissions"),
        ("incident", "policy attached to itself", "first_sensitive_call"),
        ("incident", "new access key", "first_sensitive_call"),
        ("sign_in", "root signs in with MFA", "root_use"),
    ],
)
def test_what_was_planted_is_found(
    findings: list[dict[str, Any]], planted: dict[str, Any], kind: str, name: str, rule: str
) -> None:
    assert ids(planted, kind, name) & told(findings, rule)


def test_the_burst_is_one_finding_of_its_refused_calls_alone(
    findings: list[dict[str, Any]], planted: dict[str, Any]
) -> None:
    (burst,) = (each for each in findings if each["rule"] == "anomalies/access_denied_burst")
    assert set(burst["event_ids"]) <= ids(planted, "incident", "reconnaissance with denials")
    assert burst["count"] >= 21


@pytest.mark.parametrize(
    ("kind", "name", "rules"),
    [
        ("hard_negative", "one API denied many times", ["access_denied_burst"]),
        ("hard_negative", "an AWS service denied", ["access_denied_burst"]),
        ("hard_negative", "a key rotated properly", ["access_key_from_new_network", "self_granted_permissions"]),
        ("hard_negative", "a burst of deployments", ["access_denied_burst"]),
        ("sign_in", "root signs in with MFA", ["console_sign_in_without_mfa"]),
        ("sign_in", "failed sign-ins", ["console_sign_in_without_mfa"]),
        ("sign_in", "a name that does not exist", ["console_sign_in_without_mfa"]),
    ],
)
def test_what_only_looks_bad_is_not(
    findings: list[dict[str, Any]], planted: dict[str, Any], kind: str, name: str, rules: list[str]
) -> None:
    for rule in rules:
        assert not ids(planted, kind, name) & told(findings, rule)


def test_a_journey_is_graded_below_the_leak(findings: list[dict[str, Any]], planted: dict[str, Any]) -> None:
    graded = {each["principal_arn"].split("/")[-1]: each["severity"] for each in findings if "network" in each["rule"]}
    assert graded == {"alice.moreau": "low", "report-exporter": "high"}
    assert ids(planted, "hard_negative", "a known person on a new network") & told(
        findings, "access_key_from_new_network"
    )


def test_a_months_findings_can_be_read(findings: list[dict[str, Any]]) -> None:
    assert len(findings) <= 15
