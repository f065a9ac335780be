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
def lake(sample_logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    path = tmp_path_factory.mktemp("sample") / "lake"
    ingest(path, [str(sample_logs / "cloudtrail")], Settings(jobs=2))
    return Lake.open(path)


@pytest.fixture(scope="module")
def on_behalf(lake: Lake) -> set[str]:
    """Calls that a service made on somebody's behalf, as KMS for S3: no behaviour of the principal's own."""
    with connect(lake) as engine:
        return set(engine.query("select eventID from lake.events where via_service is not null")["eventID"].to_pylist())


@pytest.fixture(scope="module")
def findings(lake: Lake) -> list[dict[str, Any]]:
    catalog = Catalog.load()
    with connect(lake) as engine:
        catalog.install_views(engine)
        newest = engine.as_of()
        assert newest is not None
        return examine(engine, catalog, None, newest).findings


def ids(planted: dict[str, Any], kind: str, name: str) -> set[str]:
    (found,) = (each for each in planted[kind] if each["name"] == name)
    return set(found["event_ids"])


def behaviour(findings: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = (each for each in findings if each["rule"] == "anomalies/behaviour")
    return found


def test_the_incident_is_one_finding_and_the_gravest(findings: list[dict[str, Any]], planted: dict[str, Any]) -> None:
    found = behaviour(findings)
    assert found is findings[0] and found["severity"] == "critical"
    assert found["principal_arn"].endswith(":user/service/report-exporter")
    assert {part["rule"].removeprefix("anomalies/") for part in found["parts"]} >= {
        "access_key_from_new_network",
        "access_denied_burst",
        "self_granted_permissions",
        "first_sensitive_call",
        "allowed_after_own_change",
    }


@pytest.mark.parametrize(
    "name",
    [
        "first use from a new network",
        "reconnaissance with denials",
        "policy attached to itself",
        "new access key",
        "data read",
        "second visit",
    ],
)
def test_all_of_the_incident_is_in_it(
    findings: list[dict[str, Any]], planted: dict[str, Any], on_behalf: set[str], name: str
) -> None:
    assert ids(planted, "incident", name) - on_behalf <= set(behaviour(findings)["event_ids"])


def test_nothing_but_the_incident_is_in_it(findings: list[dict[str, Any]], planted: dict[str, Any]) -> None:
    incident = {each for part in planted["incident"] for each in part["event_ids"]}
    assert set(behaviour(findings)["event_ids"]) <= incident


def test_what_only_looks_bad_is_not_told(findings: list[dict[str, Any]], planted: dict[str, Any]) -> None:
    told = {each for finding in findings for each in finding["event_ids"]}
    for kind in ("hard_negative", "sign_in", "chain"):
        for each in planted[kind]:
            assert told.isdisjoint(each["event_ids"]), each["name"]


def test_a_months_findings_can_be_read(findings: list[dict[str, Any]]) -> None:
    assert len(findings) <= 5
