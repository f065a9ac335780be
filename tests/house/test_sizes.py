"""Files and functions stay small enough to hold in the head; where a longer one is clearer, it says why here."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE, FILE_AIM = 400, 300
FUNCTION, FUNCTION_AIM = 60, 40

# path, or path::function -> why it is clearer in one piece
LONGER: dict[str, str] = {}

CODE = sorted(p for top in ("pipeline", "dashboards", "tests", "sample_logs") for p in (ROOT / top).rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def functions(path: Path) -> list[tuple[str, int]]:
    """Each function of a file with its length in lines, signature and docstring included."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    return [
        (f"{place(path)}::{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@pytest.mark.parametrize("path", CODE, ids=place)
def test_size(path: Path) -> None:
    long = [f"{place(path)}: {lines(path)} lines"] if lines(path) > FILE and place(path) not in LONGER else []
    long += [f"{name}: {size} lines" for name, size in functions(path) if size > FUNCTION and name not in LONGER]
    assert not long, "split it, or give the reason in LONGER"


def test_what_is_over_the_aim_is_shown() -> None:
    over = [f"{place(path)} ({lines(path)})" for path in CODE if lines(path) > FILE_AIM]
    over += [f"{name} ({size})" for path in CODE for name, size in functions(path) if size > FUNCTION_AIM]
    if over:
        warnings.warn(f"longer than the aim of {FILE_AIM}/{FUNCTION_AIM} lines: {', '.join(over)}", stacklevel=1)


def test_the_exceptions_are_needed_and_say_why() -> None:
    sizes = {place(path): lines(path) > FILE for path in CODE}
    sizes |= {name: size > FUNCTION for path in CODE for name, size in functions(path)}
    for name, reason in LONGER.items():
        assert sizes.get(name), f"{name} is no longer long: drop it from LONGER"
        assert len(reason.split()) >= 4, f"{name}: say why"
