"""Small lakes for tests: records in, a lake ready to be asked out, by the way that users take."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
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


def put_back(path: Path, make: Callable[[Path], object]) -> Lake:
    """The lake at `path` as `make` made it at first, whatever a test has done to it since.

    For tests that change a lake and would each make the same one, `path` being of a folder that outlives them. Tables
    name their files by absolute paths, which is why a copy has to come back to where the lake was made.
    """
    saved = path.with_name(f"{path.name}-as-made")
    if not saved.exists():
        make(path)
        shutil.copytree(path, saved)
    shutil.rmtree(path)
    shutil.copytree(saved, path)
    return Lake.open(path)
