"""What `trailsift doctor` looks at: settings and their origin, the lake's state, versions, space on the disk.

It looks and never mends, and what it cannot look at becomes a problem in its answer rather than an error: it is
what people run when something else has failed.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.config import Settings
from pipeline.detect.sinks import described
from pipeline.errors import NoDataError, TrailsiftError
from pipeline.names import Names
from pipeline.times import iso

LIBRARIES = ("boto3", "duckdb", "isal", "msgspec", "pandas", "policy_sentry", "pyarrow", "pyiceberg", "streamlit")
LITTLE_SPACE = 1 << 30


def examine(settings: Settings, now: datetime | None = None) -> dict[str, Any]:
    """The whole answer: `version, python, libraries, settings, sinks, lake, disk, problems`, ready for JSON.

    `problems` is a list of lines, empty when all is well. Sizes are bytes, ages hours, times UTC.
    """
    problems: list[str] = []
    lake = _lake(settings, now or datetime.now(UTC), problems)
    disk = _disk(Path.cwd() if _remote(settings) else Path(settings.lake).expanduser().absolute())
    if disk["free_bytes"] < LITTLE_SPACE:
        problems.append(f"{disk['path']}: less than 1 GiB free; ingest needs room for the data it writes")
    libraries = {name: _installed(name) for name in LIBRARIES}
    problems += [f"{name}: is not installed; run pip install trailsift" for name in LIBRARIES if not libraries[name]]
    problems += _unusable(settings)
    sinks = described(settings)
    problems += [each["problem"] for each in sinks if each["problem"]]
    return {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": libraries,
        "settings": _settings(settings),
        "sinks": sinks,
        "lake": lake,
        "disk": disk,
        "problems": problems,
    }


def _settings(settings: Settings) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name,
            "value": _plain(getattr(settings, each.name)),
            "origin": settings.origin.get(each.name, "default"),
        }
        for each in fields(settings)
        if each.name != "origin"
    ]


def _unusable(settings: Settings) -> list[str]:
    """What is wrong with the table of names, and with the databases of networks."""
    from pipeline.detect.baselines.places import places

    checks: list[Callable[[], object]] = [
        lambda: Names.read(settings.names, settings.origin.get("names", "[names]")),
        lambda: places([], Names(), country=settings.geo_country),
        lambda: places([], Names(), asn=settings.geo_asn),
    ]
    found = []
    for check in checks:
        try:
            check()
        except TrailsiftError as error:
            found.append(str(error))
    return found


def _remote(settings: Settings) -> bool:
    """Whether the lake lies in a bucket, of which no disk need have room."""
    return "://" in settings.lake


def _plain(value: Any) -> Any:
    """A list of sources by their names, of exclusions by their reasons, any other list as its items."""
    if not isinstance(value, tuple):
        return value
    return ", ".join(str(getattr(each, "name", getattr(each, "reason", each))) for each in value)


def _lake(settings: Settings, now: datetime, problems: list[str]) -> dict[str, Any]:
    """`path, exists, version, tables, newest_event, age_hours, coverage, integrity`; what is not known is null."""
    from pipeline.lake.info import tables
    from pipeline.lake.tables import Lake

    path = settings.lake if _remote(settings) else str(Path(settings.lake).expanduser().absolute())
    answer: dict[str, Any] = {"path": path, "exists": False, "version": None, "tables": []}
    answer |= {"newest_event": None, "age_hours": None, "coverage": [], "integrity": []}
    try:
        lake = Lake.open(settings.lake, settings=settings)
        answer |= {"exists": True, "version": lake.birth()[0], "tables": tables(lake).to_pylist()}
        answer |= _contents(lake, now, settings)
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
    if answer["age_hours"] is not None and answer["age_hours"] < -1:
        remedy = "relative times count back from it: name --as-of"
        problems.append(f"{path}: the newest event is {span(-answer['age_hours'])} in the future; {remedy}")
    if answer["exists"] and answer["tables"] and answer["newest_event"] is None:
        problems.append(f"{path}: holds no event; run trailsift ingest")
    for each in answer["coverage"]:
        problems += _faults(each)
    return answer


def _faults(covered: dict[str, Any]) -> list[str]:
    """What the log of an account lacks, a line each."""
    place = f"account {covered['account_id']}"
    found = []
    if days := covered["gaps"]:
        some = ", ".join(days[:3]) + (" …" if len(days) > 3 else "")
        remedy = "ingest what is missing; see trailsift query compliance/coverage"
        found.append(f"{place}: the log has gaps on {len(days):,} days ({some}); {remedy}")
    if regions := covered["absent_regions"]:
        found.append(f"{place}: nothing was ever delivered from {', '.join(regions)}, which are expected")
    if count := covered["altered_objects"]:
        found.append(f"{place}: {count:,} log objects are not what their digests say; run trailsift verify")
    return found


def _contents(lake: Any, now: datetime, settings: Settings) -> dict[str, Any]:
    from pipeline.assurance.coverage import accounts
    from pipeline.assurance.statement import statement
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import connect

    with connect(lake) as engine:
        newest = engine.as_of()
        if newest is None:
            return {}
        Catalog.load(within="views").install_views(engine)
        rows = accounts(engine, settings.expected_regions)
        verified = statement(engine, None, newest)
    for row in rows:
        row["gaps"] = [day.isoformat() for day in row["gaps"] or ()]
        row |= {name: row[name].isoformat() for name in ("first_day", "last_day")}
    age = round((now - newest).total_seconds() / 3600, 1)
    return {"newest_event": iso(newest), "age_hours": age, "coverage": rows, "integrity": verified}


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
