"""A receiver of webhooks, and an empty lake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.lake.tables import Lake
from tests.detect.sinks import receiver as server


@pytest.fixture
def receiver() -> Iterator[server.Receiver]:
    """A webhook's server on loopback."""
    with server.serve() as found:
        yield found


@pytest.fixture
def lake(empty_lake: Lake) -> Lake:
    """A lake without events."""
    return empty_lake
