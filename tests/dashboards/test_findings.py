"""The page of findings over a lake with a store: statuses, what is hidden, and what became of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.detect.store import now, record, states
from pipeline.detect.store.verbs import mark, mute
from tests.dashboards.conftest import Open
from tests.lakes import make_lake
from tests.logs import ACCOUNT, ROLE, event

FIRST = datetime(2026, 10, 1, 10, tzinfo=UTC)
TITLES = ["left open", "looked after", "kept quiet", "dealt with"]


def finding(number: int) -> dict[str, Any]:
    """A finding of one event."""
    texts = {"id": f"{number:016x}", "rule": f"mine/{number}", "title": TITLES[number], "severity": "high"}
    where = {"principal_arn": ROLE, "account": ACCOUNT, "region": "eu-west-1"}
    when = {"first_seen": FIRST, "last_seen": FIRST, "count": 1, "event_ids": [f"e{number}"]}
    return texts | where | when | {"evidence": ["it"], "controls": [], "mitre": [], "action": "Look.", "status": "open"}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one finding of each status."""
    path = tmp_path_factory.mktemp("world") / "lake"
    lake = make_lake(path, [event(eventID=f"e{number}") for number in range(4)])
    record(lake, [finding(number) for number in range(4)])
    ids = [each for each, _ in sorted(states(lake)[0].items())]
    mark(lake, [ids[1]], "acknowledged", "ann", "asked the team")
    mute(lake, [ids[2]], "ann", "planned", "ops", now() + timedelta(days=30))
    mark(lake, [ids[3]], "resolved", "bob", "rotated")
    return path


def titles(at: Any) -> list[str]:
    return list(at.dataframe[0].value["title"])


def test_what_is_muted_or_resolved_is_hidden_and_counted(stored: Path, open_page: Open) -> None:
    at = open_page(stored, "anomalies")
    assert titles(at) == ["left open", "looked after"]
    assert "Not shown: 1 muted · 1 resolved" in [each.value for each in at.caption]
    assert {each.label: each.value for each in open_page(stored).metric}["Open findings"] == "2"


def test_statuses_filter_findings(stored: Path, open_page: Open) -> None:
    at = open_page(stored, "anomalies")
    at.pills(key="status").set_value(["muted"]).run()
    assert titles(at) == ["kept quiet"]
    at.pills(key="status").set_value(["resolved", "acknowledged"]).run()
    assert titles(at) == ["looked after", "dealt with"]


def test_a_finding_tells_its_status_and_what_became_of_it(stored: Path, open_page: Open) -> None:
    at = open_page(stored, "anomalies", finding=f"{2:016x}")
    texts = [each.value for each in at.text]
    assert any(each.startswith("muted until ") and each.endswith("owner ops: planned") for each in texts)
    changes = next(each.value for each in at.dataframe if "change" in each.value.columns)
    assert list(changes["change"]) == ["found", "muted"] and list(changes["actor"]) == ["trailsift", "ann"]
