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
def test_small_months(tmp_path: Path) -> None:
    verdicts = []
    for seed in range(3):
        found = examine(seed, tmp_path / str(seed), principals=40, days=60, quiet=0.5)
        verdicts.append(judged(found)["both"])
        rows = trailsift(tmp_path / str(seed) / "lake", "query", "select count(*) as events from events")
        assert rows == [{"events": found["truth"]["events"]}]
    assert sum(each.found for each in verdicts) >= sum(len(each.incidents) for each in verdicts) / 2
    assert sum(len(each.benign) for each in verdicts) < 3 * sum(each.principals for each in verdicts)
