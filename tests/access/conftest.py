"""What tests of collecting share: AWS on loopback with two accounts, and no waiting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.access import asked
from tests.aws.iam import World
from tests.aws.wire import serve


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two accounts of an organization, which boto3 reaches by the environment with the management account's key."""
    from pipeline.access.collect import asking, families, jobs

    monkeypatch.setattr(asking, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(asking, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(families, "REPORT_PAUSE", 0.001)
    monkeypatch.setattr(jobs, "FIRST_POLL", 0.001)
    made = World()
    asked.fill(made)
    with serve(made):
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made
