"""What `trailsift doctor` looks at: settings and their origin, the lake's state, versions, space on the disk.

It looks and never mends, and what it cannot look at becomes a problem in its answer rather than an error: it is
what people run when something else has failed.
"""

from __future__ import annotations

import json
import platform
import shutil
from dataclasses import fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.config import Settings
from pipeline.errors import NoDataError, TrailsiftError
from pipeline.times import iso

LIBRARIES = ("boto3", "duckdb", "isal", "msgspec", "pandas", "policy_sentry", "pyarrow", "pyiceberg", "streamlit")
LITTLE_SPACE = 1 << 30


def examine(settings: Settings, now: datetime | None = None) -> dict[str, Any]:
    """The whole answer: `version, python, libraries, settings, lake, disk, problems`, ready for JSON.

    `problems` is a list of lines, empty when all is well. Sizes are bytes, ages hours, times UTC.
    """
    problems: list[str] = []
    lake = _lake(settings.lake, now or datetime.now(UTC), problems)
    disk = _disk(Path(settings.lake).expanduser().absolute())
    if disk["free_bytes"] < LITTLE_SPACE:
        problems.append(f"{disk['path']}: less than 1 GiB free; ingest needs room for the data it writes")
    libraries = {name: _installed(name) for name in LIBRARIES}
    problems += [f"{name}: is not installed; run pip install trailsift" for name in LIBRARIES if not libraries[name]]
    return {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": libraries,
        "settings": _settings(settings),
        "lake": lake,
        "disk": disk,
        "problems": problems,
    }


def _settings(settings: Settings) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "value": getattr(settings, each.name), "origin": settings.origin.get(each.name, "default")}
        for each in fields(settings)
        if each.name != "origin"
    ]


def _lake(location: str, now: datetime, problems: list[str]) -> dict[str, Any]:
    """`path, exists, version, tables, newest_event, age_hours`; what is not known is null."""
    from pipeline.lake.info import tables
    from pipeline.lake.tables import Lake

    path = Path(location).expanduser().absolute()
    answer: dict[str, Any] = {"path": str(path), "exists": False, "version": None, "tables": []}
    answer |= {"newest_event": None, "age_hours": None}
    try:
        lake = Lake.open(location)
        answer |= {"exists": True, "version": _version(path), "tables": tables(lake).to_pylist()}
        answer |= _newest(lake, now)
    except NoDataError as error:
        problems.append(str(error))
    except TrailsiftError as error:
        answer["exists"] = True
        problems.append(str(error))
    except Exception as error:  # whatever a damaged catalogue or file makes the libraries raise
        problems.append(
            f"{path}: cannot be read ({type(error).__name__}: {error}); restore it, or ingest into a new lake"
        )
    if answer["age_hours"] is not None and answer["age_hours"] > 24:
        problems.append(f"{path}: the newest event is {span(answer['age_hours'])} old; ingest newer logs")
    if answer["exists"] and answer["tables"] and answer["newest_event"] is None:
        problems.append(f"{path}: holds no event; run trailsift ingest")
    return answer


def _version(path: Path) -> int:
    from pipeline.lake.tables import MARKER

    return int(json.loads((path / MARKER).read_text())["version"])


def _newest(lake: Any, now: datetime) -> dict[str, Any]:
    from pipeline.engines.duckdb import connect

    with connect(lake) as engine:
        newest = engine.as_of()
    if newest is None:
        return {}
    return {"newest_event": iso(newest), "age_hours": round((now - newest).total_seconds() / 3600, 1)}


def _disk(path: Path) -> dict[str, Any]:
    """Space where the lake is, or would be."""
    while not path.exists():
        path = path.parent
    usage = shutil.disk_usage(path)
    return {"path": str(path), "free_bytes": usage.free, "total_bytes": usage.total}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def span(hours: float) -> str:
    """A span of time as people say it: hours up to two days, then days."""
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours"
