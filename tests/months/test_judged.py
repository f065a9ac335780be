"""The detectors, judged on small months at loose bounds: a broken one fails, a mediocre one does not.

The figures that matter are those of whole months: `python -m tests.months.judge`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.months.judge import examine, judged, trailsift

PLAIN = ["log tampering", "persistence", "leaked key"]  # what any detector should have something on


def test_a_small_month(tmp_path: Path) -> None:
    """A tenth of `test_small_months`."""
    found = examine(5, tmp_path, principals=24, days=30, quiet=0.2, kinds=PLAIN)
    verdicts = judged(found)
    assert found["ingested"]["quarantined"] == 0 and found["ingested"]["events_new"] == found["truth"]["events"]
    assert verdicts["both"].found >= 2
    assert verdicts["both"].rate < 4
    assert verdicts["detect --level low"].found >= verdicts["detect --level high"].found


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_small_months(seed: int, tmp_path: Path) -> None:
    found = examine(seed, tmp_path, principals=40, days=60, quiet=0.4)
    verdict = judged(found)["both"]
    rows = trailsift(tmp_path / "lake", "query", "select count(*) as events from events")
    assert rows == [{"events": found["truth"]["events"]}]
    assert verdict.found >= 1
    assert verdict.rate < 3
