"""The measurement of a snapshot imports the account it says."""

from __future__ import annotations

from pathlib import Path

from tests.bench import snapshot


def test_a_snapshot_is_measured(tmp_path: Path) -> None:
    found = snapshot.run(tmp_path, 10)
    expected = 10 + snapshot.USERS + snapshot.GROUPS + snapshot.CUSTOMER + snapshot.MANAGED
    assert found["items"] == expected and found["wall"] > 0 and found["met"] == (found["wall"] < snapshot.LIMIT)
