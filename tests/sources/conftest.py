"""The misbehaving S3 that tests of sources share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws import fake_s3


@pytest.fixture(scope="session")
def s3_server() -> Iterator[fake_s3.FakeS3]:
    """One server for all tests of a process; take `s3`, which empties it."""
    with fake_s3.serve() as server:
        yield server


@pytest.fixture
def s3(s3_server: fake_s3.FakeS3, monkeypatch: pytest.MonkeyPatch) -> fake_s3.FakeS3:
    """An empty S3 on loopback that can be told to misbehave, which boto3 reaches by the environment."""
    s3_server.empty()
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server
