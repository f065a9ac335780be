"""Many small batches, as polling every few minutes makes them: does the cost of a commit grow with history?

    python -m tests.bench.micro_batches [--batches 5000]

Each batch is a run of ingest of its own: 10 objects of 20 events on the same three days, so that dedupe meets ever
more rows. Processor time decides, since it hardly feels what else the machine does; ten batches around each point.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from pipeline.config import Settings
from pipeline.ingest import ingest
from tests.logs import event, write

OBJECTS, EVENTS, DAYS = 10, 20, 3
EARLY, AROUND = 10, 10
GROWTH = 2.0


def run(folder: Path, batches: int, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Ingests so many batches; gives wall and processor seconds of the 10th and of the last, and their ratios."""
    spent: list[tuple[float, float]] = []
    for number in range(1, batches + 1):
        source = _objects(folder / "logs", number)
        wall, cpu = time.perf_counter(), _cpu()
        summary = ingest(folder / "lake", [str(source)], Settings(jobs=1))
        spent.append((time.perf_counter() - wall, _cpu() - cpu))
        shutil.rmtree(source)
        if summary.events_new != OBJECTS * EVENTS:
            raise SystemExit(f"batch {number}: {summary.events_new} new events, not {OBJECTS * EVENTS}")
        if number % 100 == 0:
            say(f"{number:,} batches: {_around(spent, number)['cpu']:.3f} cpu s a batch")
    early, late = _around(spent, min(EARLY, batches)), _around(spent, batches)
    ratios = {f"{name}_ratio": late[name] / early[name] for name in ("wall", "cpu")}
    return {"batches": batches, "early": early, "late": late, **ratios, "met": ratios["cpu_ratio"] <= GROWTH}


def _around(spent: list[tuple[float, float]], number: int) -> dict[str, float]:
    """Medians of the batches that lead up to `number`, without the first two, which load the libraries."""
    some = spent[max(2, number - AROUND) : number] or spent[-1:]
    return {"wall": median(wall for wall, _ in some), "cpu": median(cpu for _, cpu in some)}


def _objects(folder: Path, number: int) -> Path:
    for index in range(OBJECTS):
        times = [f"2026-10-{1 + (index + n) % DAYS:02}T{number % 24:02}:{n:02}:00Z" for n in range(EVENTS)]
        write(folder / f"{number:05}/{index}.json.gz", [event(eventTime=each) for each in times])
    return folder / f"{number:05}"


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> int:
    """Prints the result as JSON; exit code 1 where the cost grew more than it may."""
    parser = argparse.ArgumentParser(prog="micro_batches", description="Does the cost of a commit grow?")
    parser.add_argument("--batches", type=int, default=5000)
    with tempfile.TemporaryDirectory(prefix="trailsift-bench-") as folder:
        result = run(Path(folder), parser.parse_args().batches, lambda text: print(text, file=sys.stderr, flush=True))
    print(json.dumps(result, indent=1))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
