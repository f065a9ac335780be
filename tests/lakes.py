"""Small lakes for tests: records in, a lake ready to be asked out, by the way that users take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.config import Settings
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake


def make_lake(path: Path, records: list[dict[str, Any]]) -> Lake:
    """A lake at `path` that holds these CloudTrail records; a record without eventTime is quarantined as ever."""
    if records:
        source = path.with_name(path.name + "-records.json")
        source.write_text(json.dumps({"Records": records}))
        ingest(path, [str(source)], Settings(jobs=1))
    return Lake.open(path, create=True)
