"""What people install is the wheel: it is built, installed and run from an empty folder, with nothing of the clone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTENT = ("pipeline", "queries", "dashboards", "sample_logs")
Run = Callable[..., subprocess.CompletedProcess[str]]


def run(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    words = [str(each) for each in command]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | environment
    return subprocess.run(words, cwd=cwd, env=variables, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that nothing left in the clone's build folder gets in."""
    source = tmp_path_factory.mktemp("source")
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in CONTENT:
        shutil.copytree(ROOT / name, source / name, ignore=unwanted)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    done = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", source / "dist", cwd=source)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (source / "dist").glob("trailsift-*.whl")
    return built


@pytest.fixture(scope="module")
def trailsift(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs the installed command, in an environment that has the wheel and borrows our dependencies."""
    home = tmp_path_factory.mktemp("environment")
    made = run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home)
    assert made.returncode == 0, made.stderr
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install"]
    done = run(*pip, "--no-deps", "--no-index", "--quiet", wheel, cwd=home)
    assert done.returncode == 0, done.stderr
    ours = Path(sysconfig.get_paths()["purelib"])
    theirs = run(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])", cwd=home).stdout.strip()
    # Behind the wheel on the path, and as a plain folder: its own .pth files (an editable install of this clone
    # among them) are not read.
    (Path(theirs) / "dependencies.pth").write_text(f"{ours}\n")
    empty = tmp_path_factory.mktemp("empty")
    return lambda *words, cwd=empty: run(home / "bin" / "trailsift", *words, cwd=cwd)


def test_the_wheel_holds_every_file_of_the_project(wheel: Path) -> None:
    listed = run("git", "ls-files", *CONTENT, cwd=ROOT).stdout.split("\n")
    tracked = {each for each in listed if each and (ROOT / each).exists()}
    if not tracked:
        pytest.skip("no git here to say which files belong to the project")
    assert tracked - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_wheel_brings_nothing_else(wheel: Path) -> None:
    tops = {each.split("/")[0] for each in zipfile.ZipFile(wheel).namelist()}
    assert {each for each in tops if not each.endswith(".dist-info")} == set(CONTENT)


def test_version(trailsift: Run, wheel: Path) -> None:
    assert trailsift("--version").stdout == f"trailsift {wheel.name.split('-')[1]}\n"


def test_it_runs_from_the_wheel_and_not_from_the_clone(trailsift: Run) -> None:
    done = trailsift("query", "nosuch/question", "--debug")
    assert done.returncode != 0
    assert "site-packages/pipeline/cli/__init__.py" in done.stderr
    assert f"{ROOT}/pipeline" not in done.stderr


def test_questions_are_found(trailsift: Run) -> None:
    done = trailsift("list", "-o", "json")
    assert done.returncode == 0, done.stderr
    files = {p.relative_to(ROOT / "queries").with_suffix("").as_posix() for p in (ROOT / "queries").rglob("*.sql")}
    assert {each["id"] for each in json.loads(done.stdout)} == files


def test_demo_runs_from_an_empty_folder(trailsift: Run, tmp_path: Path) -> None:
    done = trailsift("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["trailsift-demo"]
