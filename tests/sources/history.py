"""An account's event history for tests of `lookup`: quick calls, and what a run over it gave."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.config import Settings
from pipeline.ingest import Selection, ingest
from pipeline.ingest.summary import Summary
from pipeline.times import iso
from tests.aws.cloudtrail import NOW, CloudTrail
from tests.lake.contents import table
from tests.logs import event

ROOT = Path(__file__).resolve().parents[2]
RATE = 400  # calls a second: the real two would make tests wait
# What a process of its own runs before the command itself.
QUICK = f"from pipeline.sources.lookup_events import LookupSource as L; L.per_second = {RATE}; "


def run(lake: Path, location: str = "lookup:eu-west-1", selection: Selection | None = None, **more: Any) -> Summary:
    """One ingestion of that source."""
    return ingest(lake, [location], Settings(jobs=2, **more), selection)


def at(moment: datetime, name: str, **changes: Any) -> dict[str, Any]:
    """An event of that id and time."""
    return event(eventID=name, eventTime=iso(moment), requestID=name, **changes)


def spread(count: int, start: datetime, end: datetime, name: str = "e") -> list[dict[str, Any]]:
    """Events evenly over [start, end)."""
    step = (end - start) / count
    return [at(start + n * step, f"{name}{n}") for n in range(count)]


def past(days: float) -> datetime:
    """So many days before the fake's clock."""
    return NOW - timedelta(days=days)


def ids(lake: Path) -> list[str]:
    """Every row's event id, sorted."""
    return sorted(table(lake, "events", 'select "eventID" from rows')["eventID"].to_pylist())


def windows(lake: Path) -> list[str]:
    """Names of the windows in the ledger, without the account and region, sorted."""
    uris = table(lake, "ledger", "select uri from rows order by uri")["uri"].to_pylist()
    return [each.split("/", 4)[4] for each in uris]


def command(cloudtrail: CloudTrail, words: Sequence[object], prepare: str = QUICK, **environment: str) -> Any:
    """`trailsift` in a process of its own that reaches the fake."""
    line = [sys.executable, "-c", f"{prepare}from pipeline.cli import main; main()", *map(str, words)]
    variables = os.environ | cloudtrail.environment | {"TRAILSIFT_JOBS": "2"} | environment
    return subprocess.run(line, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=240)
