"""The measurement of small batches ingests what it says and judges by processor time."""

from __future__ import annotations

from pathlib import Path

from pipeline.lake.tables import Lake
from tests.bench import micro_batches


def test_small_batches_are_measured(tmp_path: Path) -> None:
    said: list[str] = []
    found = micro_batches.run(tmp_path, 3, said.append)
    events = Lake.open(tmp_path / "lake").load("events").current_snapshot().summary.additional_properties
    assert int(events["total-records"]) == 3 * micro_batches.OBJECTS * micro_batches.EVENTS
    assert found["batches"] == 3 and found["late"]["cpu"] > 0
    assert found["met"] == (found["cpu_ratio"] <= micro_batches.GROWTH)
