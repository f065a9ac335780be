"""From runs to figures: medians, paired ratios, and which targets are met. Pure, so that it can be tested.

A ratio pairs a peer's run with ours of the same round and is the median over the rounds: what else the machine did
meanwhile touched both. Wall time decides; processor time is told beside it, because it hardly feels a busy machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

OURS = "trailsift"
MEMORY = 1_500_000_000
GROWTH = 1.2


@dataclass(frozen=True)
class Run:
    """One measured run; seconds and bytes."""

    peer: str
    round: int
    wall: float
    cpu: float
    peak: int
    events: int
    parquet: int


@dataclass(frozen=True)
class Target:
    """What was wanted, what was got, and whether that is good enough; None where it could not be measured."""

    name: str
    wanted: str
    got: str
    met: bool | None


def summary(runs: list[Run], peer: str) -> dict[str, Any] | None:
    """Medians of a peer's runs, and how many times faster ours was (below 1: slower); None without a run."""
    own = [each for each in runs if each.peer == peer]
    if not own:
        return None
    wall = median(each.wall for each in own)
    return {
        "rounds": len(own),
        "wall": wall,
        "cpu": median(each.cpu for each in own),
        "peak": max(each.peak for each in own),
        "events": own[0].events,
        "parquet": own[0].parquet,
        "events_per_second": own[0].events / wall,
        "ours_times_as_fast": ratio(runs, peer, "wall"),
        "ours_times_as_fast_by_cpu": ratio(runs, peer, "cpu"),
    }


def ratio(runs: list[Run], peer: str, what: str) -> float | None:
    """The median over the rounds of the peer's `what` (wall, cpu) divided by ours of the same round."""
    ours = {each.round: getattr(each, what) for each in runs if each.peer == OURS}
    pairs = [getattr(each, what) / ours[each.round] for each in runs if each.peer == peer and each.round in ours]
    return median(pairs) if pairs else None


def beside(pairs: list[tuple[Any, Any]], events: int) -> dict[str, float]:
    """Two ways of one program measured in pairs: medians of the second, and how many times as fast it is."""
    return {
        "wall": median(second.wall for _, second in pairs),
        "cpu": median(second.cpu for _, second in pairs),
        "events_per_second": events / median(second.wall for _, second in pairs),
        "times_as_fast": median(first.wall / second.wall for first, second in pairs),
        "times_as_fast_by_cpu": median(first.cpu / second.cpu for first, second in pairs),
    }


def growth(small: list[int], large: list[int]) -> float | None:
    """How many times the memory ten times the input took: medians of both."""
    return median(large) / median(small) if small and large else None


def speed_targets(runs: list[Run], gzip: int) -> list[Target]:
    """The targets of throughput and size; `gzip` is the bytes of the logs as they were read."""
    found = []
    wanted = {
        "duckdb_read_json": ("at least 5 × (a) DuckDB read_json", 5.0),
        "clickhouse": ("at least 1.5 × (b) ClickHouse", 1.5),
        "floor": ("within 4 × of (c) the floor (≥ 0.25 ×)", 1 / 4),
    }
    for peer, (name, least) in wanted.items():
        got, by_cpu = ratio(runs, peer, "wall"), ratio(runs, peer, "cpu")
        told = f"{got:.2f} × (by cpu {by_cpu:.2f} ×)" if got is not None and by_cpu is not None else "not measured"
        found.append(Target("throughput", name, told, None if got is None else got >= least))
    ours = [each for each in runs if each.peer == OURS]
    size = max((each.parquet for each in ours), default=None)
    told = f"{size / gzip:.2f} ×" if size is not None else "not measured"
    found.append(Target("size", "Parquet smaller than the gzip", told, None if size is None else size < gzip))
    return found


def memory_targets(peaks: dict[tuple[bool, int], list[int]], others: list[int]) -> list[Target]:
    """The targets of memory. `peaks` by (all on one day?, events), smaller and larger; `others`: further peaks."""
    everything = [*others, *(peak for each in peaks.values() for peak in each)]
    most = max(everything, default=None)
    told = f"{most / 1e6:,.0f} MB" if most is not None else "not measured"
    found = [Target("memory", "whole tree under 1,500 MB", told, None if most is None else most < MEMORY)]
    for one_day in (False, True):
        sizes = sorted(events for day, events in peaks if day is one_day)
        grown = growth(peaks[one_day, sizes[0]], peaks[one_day, sizes[-1]]) if len(sizes) > 1 else None
        told = f"{grown:.2f} × for {sizes[-1] / sizes[0]:.1f} × the events" if grown is not None else "not measured"
        name = f"≤ {GROWTH} × for ten times the input{', all on one day' if one_day else ''}"
        found.append(Target("memory", name, told, None if grown is None else grown <= GROWTH))
    return found


def commit_target(micro: dict[str, Any] | None) -> Target:
    """The target of a commit's cost after many others; `micro` is what `micro_batches.run` gives, None: not run."""
    name = "a late commit ≤ 2 × the cpu of the 10th"
    if micro is None:
        return Target("commits", name, "not measured", None)
    return Target("commits", name, f"{micro['cpu_ratio']:.2f} × after {micro['batches']:,}", micro["met"])
