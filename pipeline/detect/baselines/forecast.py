"""How many alerts each threshold would have raised on the lake's own history, before anybody is woken by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from pipeline.detect.baselines.scoring import Episode, Stretch

SCHEMA = pa.schema([("threshold", pa.int64()), ("by", pa.string()), ("value", pa.string()), ("alerts", pa.int64())])
# Of the threshold in force: what lies well below it to well above.
_STEPS = (0.5, 0.75, 1, 1.25, 1.5, 2, 3)


def forecast(stretches: Sequence[Stretch], threshold: int) -> pa.Table:
    """Rows `threshold, by, value, alerts`: in all, by week, by the question that leads, by principal."""
    rows = []
    for step in _STEPS:
        points = max(1, round(step * threshold))
        episodes = [each for stretch in stretches for each in stretch.episodes(points)]
        rows.append({"threshold": points, "by": "all", "value": "", "alerts": len(episodes)})
        for by, values in _counted(episodes).items():
            rows += [{"threshold": points, "by": by, "value": value, "alerts": n} for value, n in values]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _counted(episodes: Sequence[Episode]) -> dict[str, list[tuple[str, int]]]:
    def week(episode: Episode) -> str:
        year, number, _ = episode.parts[0].begin.isocalendar()
        return f"{year}-W{number:02d}"

    weeks = Counter(week(each) for each in episodes)
    return {
        "week": sorted(weeks.items()),
        "question": _most(Counter(each.by_points()[0].rule for each in episodes)),
        "principal": _most(Counter(each.parts[0].principal_arn for each in episodes)),
    }


def _most(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda each: (-each[1], each[0]))
