"""Write the sample logs again, or logs of any size.

    python sample_logs/generate.py                                  the committed sample, byte for byte
    python sample_logs/generate.py --events 400000 --out /tmp/logs  logs for measuring

Both are drawn from seeds: the same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # so that it runs as a script from any folder

from _generator import bulk, write  # noqa: E402


def arguments(given: list[str] | None) -> argparse.Namespace:
    """The command line's arguments."""
    parser = argparse.ArgumentParser(
        prog="generate.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--events", type=int, help="how many events; without it, the committed sample is written")
    parser.add_argument("--out", type=Path, help="the folder to write to (AWSLogs/… under it)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other logs of the same kind (default 1)")
    parser.add_argument("--days", type=int, default=28, help="over how many days, the last 2026-10-31 (default 28)")
    parser.add_argument("--one-day", action="store_true", help="all events on one day")
    parser.add_argument("--object-events", type=int, default=3_000, help="mean events an object (default 3000)")
    parser.add_argument("--unknown-share", type=float, default=0.0, help="share of events with members no schema names")
    asked = parser.parse_args(given)
    if (asked.events is None) != (asked.out is None):
        parser.error("--events and --out go together")
    if asked.events is None and asked != parser.parse_args([]):
        parser.error("the sample has one size and one seed; give --events and --out for other logs")
    if asked.events is not None and min(asked.events, asked.days, asked.object_events) < 1:
        parser.error("--events, --days and --object-events are at least 1")
    return asked


def committed() -> int:
    """Write the committed sample and say what changed."""
    changed = write.write(HERE)
    print(f"{HERE}: {len(changed)} files changed" if changed else f"{HERE}: as it was")
    return 0


def main(given: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    asked = arguments(given)
    if asked.events is None:
        return committed()
    size = bulk.Size(
        events=asked.events,
        days=1 if asked.one_day else asked.days,
        seed=asked.seed,
        unknown_share=asked.unknown_share,
        object_events=asked.object_events,
    )
    began = time.perf_counter()
    done = bulk.write(asked.out, size)
    seconds = time.perf_counter() - began
    print(
        f"{done.events:,} events in {done.objects:,} objects under {asked.out}: {done.packed / 1e6:,.1f} MB gzip, "
        f"{done.plain / max(done.events, 1):,.0f} bytes an event before it, {done.events / seconds:,.0f} events/s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
