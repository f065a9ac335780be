"""The requirements of `tests/conftest.py`: skipped with a reason, failed where required, soak only when asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import pytest

@pytest.mark.real_logs
def test_reads(real_logs):
    assert real_logs.is_dir()

@pytest.mark.browser
def test_browses(chromium):
    assert chromium.exists()

@pytest.mark.soak
def test_soaks():
    pass

def test_plain():
    import os
    assert not [each for each in os.environ if each.startswith("TRAILSIFT_")]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with nothing beside it, holding our conftest and four tests."""
    folder = tmp_path / "clone"
    (folder / "tests").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "tests" / "test_it.py").write_text(TESTS)
    return folder


def run(folder: Path, *arguments: str, **environment: str) -> str:
    bare = {"PATH": str(folder / "nothing"), "HOME": os.environ.get("HOME", "/")} | environment
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    return subprocess.run(command, cwd=folder, env=bare, capture_output=True, text=True, check=False).stdout


def test_missing_things_are_skipped_with_the_reason(project: Path) -> None:
    output = run(project)
    assert "1 passed, 2 skipped, 1 deselected" in output
    assert "no chromium on this machine" in output
    assert "no real logs in ../shared/data/logs" in output


def test_required_things_fail(project: Path) -> None:
    output = run(project, TRAILSIFT_REQUIRE="browser, real_logs")
    assert "1 passed, 1 deselected, 2 errors" in output
    assert "TRAILSIFT_REQUIRE asks for browser" in output


def test_an_unknown_requirement_is_refused(project: Path) -> None:
    bare = {"PATH": "", "TRAILSIFT_REQUIRE": "browsers"}
    command = [sys.executable, "-m", "pytest"]
    done = subprocess.run(command, cwd=project, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "['browsers'] not known" in done.stderr


def test_named_logs_are_used(project: Path) -> None:
    (project / "logs").mkdir()
    assert "2 passed, 1 skipped" in run(project, TRAILSIFT_REAL_LOGS=str(project / "logs"))


def test_soak_runs_when_asked_for(project: Path) -> None:
    assert "1 passed, 3 deselected" in run(project, "-m", "soak")
