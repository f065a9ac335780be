"""What tests of sources share."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pipeline.sources.lookup_events import LookupSource
from tests.aws.cloudtrail import CloudTrail
from tests.sources.history import RATE


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
