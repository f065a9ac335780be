"""What every test shares: the real logs, Debian's Chromium, the sample logs, and when to skip for want of them.

A test that needs something the machine may lack carries a marker (`browser`, `real_logs`, `spark`) and is skipped
with the reason where it is missing. `TRAILSIFT_REQUIRE=browser,spark` turns these skips into failures, so that a
gate cannot pass by lacking something. Tests marked `soak` run for minutes and only when asked for (`-m soak`).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake
    from tests.aws.cloudtrail import CloudTrail
    from tests.aws.moto import Aws


# Tests start some hundred processes, and two workers read every test: what one has compiled serves the next.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).resolve().parent.parent
# Read before `plain_environment` takes every TRAILSIFT_ variable away from the tests themselves.
_REAL_LOGS = os.environ.get("TRAILSIFT_REAL_LOGS")
_REQUIRED = {each.strip() for each in os.environ.get("TRAILSIFT_REQUIRE", "").split(",") if each.strip()}


def find_chromium() -> Path | None:
    """Debian's Chromium; the browser that playwright would download is never used."""
    found = shutil.which("chromium")
    return Path(found) if found else None


def find_real_logs() -> Path | None:
    """The folder of real CloudTrail logs beside the project, which are never part of it."""
    folder = Path(_REAL_LOGS) if _REAL_LOGS else ROOT.parent / "shared" / "data" / "logs"
    return folder if folder.is_dir() else None


def find_spark() -> Path | None:
    """The Java that pyspark would run on, where both are installed."""
    java = shutil.which("java")
    return Path(java) if java and importlib.util.find_spec("pyspark") else None


NEEDS: dict[str, tuple[Callable[[], Path | None], str]] = {
    "browser": (find_chromium, "no chromium on this machine; install Debian's chromium and chromium-driver"),
    "real_logs": (find_real_logs, "no real logs in ../shared/data/logs, and TRAILSIFT_REAL_LOGS names none"),
    "spark": (find_spark, "no pyspark with a Java to run it on"),
}


def pytest_configure() -> None:
    unknown = _REQUIRED - NEEDS.keys()
    if unknown:
        raise pytest.UsageError(f"TRAILSIFT_REQUIRE: {sorted(unknown)} not known; choose from {sorted(NEEDS)}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "soak" in (config.getoption("markexpr") or ""):
        return
    soak = [each for each in items if each.get_closest_marker("soak")]
    if soak:
        config.hook.pytest_deselected(items=soak)
        items[:] = [each for each in items if each not in soak]


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name, (find, reason) in NEEDS.items():
        if item.get_closest_marker(name) and find() is None:
            if name in _REQUIRED:
                pytest.fail(f"{reason} (TRAILSIFT_REQUIRE asks for {name})", pytrace=False)
            pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def plain_environment() -> None:
    """No setting and no credential of whoever runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(("TRAILSIFT_", "AWS_")):
            del os.environ[name]
    # Without these boto3 would ask the instance metadata service, and rich and typer the terminal.
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "120"}


@pytest.fixture(scope="session")
def real_logs() -> Path:
    """The folder of real logs; mark the test `real_logs` too."""
    folder = find_real_logs()
    if folder is None:
        pytest.skip(NEEDS["real_logs"][1])
    return folder


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Chromium's executable; mark the test `browser` too."""
    executable = find_chromium()
    if executable is None:
        pytest.skip(NEEDS["browser"][1])
    return executable


@pytest.fixture(scope="session")
def sample_logs() -> Path:
    """The sample trail and IAM snapshot that are part of the project."""
    return ROOT / "sample_logs"


@pytest.fixture(scope="session")
def sample_lake(tmp_path_factory: pytest.TempPathFactory, sample_logs: Path) -> Path:
    """A lake of the sample logs and their IAM snapshot, to be read only."""
    from pipeline.access.snapshots import import_files
    from pipeline.config import Settings
    from pipeline.ingest import ingest
    from pipeline.lake.tables import Lake

    path = tmp_path_factory.mktemp("sample") / "lake"
    ingest(path, [str(sample_logs / "cloudtrail")], Settings(jobs=1))
    import_files(Lake.open(path), sorted(each for each in (sample_logs / "iam").iterdir() if each.is_file()))
    return path


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what outlives a test, such as lakes that are put back (`tests.lakes.put_back`)."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture
def empty_lake(place: Path) -> Lake:
    """A lake without events, of a test's own until it ends."""
    from pipeline.lake.tables import Lake
    from tests.lakes import put_back

    return put_back(place / "empty", lambda path: Lake.open(path, create=True))


@pytest.fixture(scope="session")
def aws_server() -> Iterator[Aws]:
    """One moto server for all tests of a process; take `aws`, which empties it."""
    from tests.aws import moto

    with moto.serve() as server:
        yield server


@pytest.fixture
def aws(aws_server: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """Empty AWS on loopback, which boto3 reaches by the environment."""
    aws_server.reset()
    for name, value in aws_server.environment.items():
        monkeypatch.setenv(name, value)
    return aws_server


@pytest.fixture(scope="session")
def cloudtrail_server() -> Iterator[CloudTrail]:
    """One fake CloudTrail for all tests of a process; take `cloudtrail`, which empties it."""
    from tests.aws import cloudtrail

    with cloudtrail.serve() as server:
        yield server


@pytest.fixture
def cloudtrail(cloudtrail_server: CloudTrail) -> CloudTrail:
    """An empty CloudTrail on loopback; a test sets its `environment` where boto3 is to reach it by itself."""
    cloudtrail_server.reset()
    return cloudtrail_server
