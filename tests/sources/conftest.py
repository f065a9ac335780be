"""What tests of sources share: a misbehaving S3, and an event history to look up."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sources.lookup_events import LookupSource
from tests.aws import fake_s3
from tests.aws.cloudtrail import CloudTrail
from tests.sources.history import RATE


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


@pytest.fixture
def history(cloudtrail: CloudTrail, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CloudTrail:
    """An empty event history that `lookup` reaches by the environment, at a pace for tests and of their own."""
    for name, value in cloudtrail.environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(LookupSource, "per_second", float(RATE))
    cloudtrail.configure(rate=RATE)
    return cloudtrail
