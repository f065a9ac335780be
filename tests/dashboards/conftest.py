"""The dashboard run by Streamlit's own test runner, over the sample lake or a lake of a few records."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import ROOT

APP = ROOT / "dashboards" / "app.py"
Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def sample_records(sample_logs: Path) -> list[dict[str, Any]]:
    """The sample's records as its files have them, each event once: what pages are held against."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in sorted((sample_logs / "cloudtrail").rglob("*.json.gz")):
        for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]:
            found[record["eventID"], record.get("recipientAccountId", "")] = record
    return list(found.values())


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page (a file of views/) of the dashboard of a lake, with parameters in the URL."""

    def opened(lake: Path, page: str = "overview", **params: str | list[str]) -> AppTest:
        monkeypatch.setenv("TRAILSIFT_LAKE", str(lake))
        at = AppTest.from_file(str(APP), default_timeout=120)
        at.query_params.update({name.rstrip("_"): value for name, value in params.items()})
        at.run()
        if page != "overview":
            at.switch_page(f"views/{page}.py")
            at.query_params.update({name.rstrip("_"): value for name, value in params.items()})
            at.run()
        assert not at.exception, at.exception[0].message
        return at

    return opened


def moment(record: dict[str, Any]) -> datetime:
    """When a record says that its event happened."""
    return datetime.fromisoformat(record["eventTime"])
