"""Imports run one way: the table of rooms, read from every module's imports, those inside functions too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GROUND = {"errors", "config", "machine", "names", "times"}

# Room -> rooms it may name, besides the ground and itself. What a room may import, its users may too:
# the lake hands out records' schema, so a report over the lake may name a column by it.
ROOMS: dict[str, set[str]] = {
    "records": set(),
    "sources": set(),
    "iam": {"records"},
    "lake": {"records"},
    "engines": {"lake"},
    "catalog": {"engines"},
    "assurance": {"lake", "engines", "sources"},
    "access": {"iam", "lake", "engines", "catalog", "assurance"},
    "detect": {"lake", "engines", "catalog", "sources", "export"},
    "export": {"records"},
    "casework": {"access", "detect", "assurance", "export"},
    "evidence": {"access", "detect", "assurance", "casework", "export"},
    "ingest": {"sources", "lake", "assurance"},
    "doctor": {"catalog", "assurance", "detect"},
    "cli": {"doctor", "ingest", "evidence", "casework"},
}
# Libraries that belong to one room: module -> places that may import it.
OWNED = {
    "streamlit": ("dashboards",),
    "altair": ("dashboards",),
    "typer": ("pipeline.cli",),
    "pyiceberg": ("pipeline.lake", "pipeline.engines"),
}
MODULES = sorted(p for top in ("pipeline", "dashboards") for p in (ROOT / top).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Dotted names of what a module imports; `from a import b` counts as a.b, since b may be a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; write the whole name"
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return found


def reachable(room: str) -> set[str]:
    below = set(ROOMS[room])
    for each in ROOMS[room]:
        below |= reachable(each)
    return below


def test_every_room_has_a_place_in_the_table() -> None:
    there = {name_of(path).split(".")[1] for path in MODULES if name_of(path).startswith("pipeline.")}
    assert there - GROUND - ROOMS.keys() == set(), "a new room: say in ROOMS what it may import"


def test_the_table_has_no_circle() -> None:
    assert all(room not in reachable(room) for room in ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    place = name_of(path).split(".")
    project = {each for each in imports(path) if each.split(".")[0] in ("pipeline", "dashboards", "queries", "tests")}
    if place[0] == "dashboards":
        assert not {each for each in project if each.startswith(("queries", "tests"))}
        return
    room = place[1] if len(place) > 1 else ""
    allowed = GROUND | {"__version__"} | ({room} | reachable(room) if room in ROOMS else set())
    if room in GROUND:
        allowed = {"errors"} - {room}
    stray = {each for each in project if each.split(".")[0] != "pipeline" or each.split(".")[1] not in allowed}
    assert not stray, f"{path.relative_to(ROOT)}: may import {sorted(allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_libraries_stay_in_their_room(path: Path) -> None:
    for library in {each.split(".")[0] for each in imports(path)} & OWNED.keys():
        assert name_of(path).startswith(OWNED[library]), f"{library} belongs to {OWNED[library]}"


def test_only_data_py_of_the_dashboards_asks_for_data() -> None:
    asking = {
        name_of(path)
        for path in MODULES
        if path.is_relative_to(ROOT / "dashboards")
        for each in imports(path)
        if each.startswith("pipeline.") and each.split(".")[1] not in GROUND
    }
    assert asking <= {"dashboards.data"}
