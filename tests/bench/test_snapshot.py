"""The measurement of a snapshot imports the account it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import snapshot


def test_a_snapshot_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "USERS", 20)
    found = snapshot.run(tmp_path, 10)
    expected = 10 + snapshot.USERS + snapshot.GROUPS + snapshot.CUSTOMER + snapshot.MANAGED
    imported, actions = found["import"], found["actions"]
    assert imported["items"] == expected and imported["met"] == (imported["wall"] < snapshot.LIMIT)
    assert actions["principals"] == 10 + snapshot.USERS and actions["met"] == (actions["wall"] < snapshot.ACTIONS_LIMIT)
