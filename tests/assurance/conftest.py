"""Verification as the tests run it, over the two places trails are kept in: a bucket, and a folder copied from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.assurance.keys import KeyFiles
from pipeline.assurance.outcome import Outcome
from pipeline.assurance.verify import Task, verify
from pipeline.sources.base import open_source
from tests.assurance.chains import Trail, key_file, to_bucket, to_folder

Verify = Callable[..., Outcome]


@pytest.fixture(params=["folder", "bucket"])
def where(request: pytest.FixtureRequest) -> str:
    """Which of the two places."""
    return str(request.param)


@pytest.fixture
def check(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> Verify:
    """Puts trails into the place and verifies them with keys of these names."""
    aws = request.getfixturevalue("aws") if where == "bucket" else None

    def run(*trails: Trail, keys: tuple[str, ...] = ("first",), key_path: Path | None = None, **task: Any) -> Outcome:
        location = to_bucket(aws.client("s3"), *trails) if aws else str(to_folder(tmp_path / "trail", *trails))
        files = KeyFiles([key_path or key_file(tmp_path / "keys.json", *keys)])
        return verify(Task(open_source(location), location, files, **task))

    return run


@pytest.fixture
def check_folder(tmp_path: Path) -> Verify:
    """The same over a folder that is there already."""

    def run(folder: Path, keys: tuple[str, ...] = ("first",), **task: Any) -> Outcome:
        files = KeyFiles([key_file(tmp_path / "keys.json", *keys)])
        return verify(Task(open_source(str(folder)), str(folder), files, **task))

    return run


def kinds(outcome: Outcome) -> list[str]:
    """The kinds of what was found, in order of their names."""
    return sorted(each.kind for each in outcome.problems)
