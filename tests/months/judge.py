"""`python -m tests.months.judge --seeds 1-20`: months made, ingested, asked with default settings, and judged.

For each seed: the benign alerts a principal and month, by verb and for both, and what was found of the incidents.
Everything goes through the command line, as a user's would. Exit code 0 however bad the figures are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from . import report
from .incidents.attack import KINDS
from .make import generate
from .verdicts import SEVERITIES, Verdict, causes, judge

FINE = {0, 3, 5}  # done; findings as grave as asked for; a gap in the log
LEVEL = "medium"  # of `detect`; what it would say at the other levels is told beside


def trailsift(lake: Path, *arguments: str) -> Any:
    """Runs the command with -o json; what it printed."""
    program = Path(sys.executable).parent / "trailsift"  # of this very environment
    command = [str(program), "--no-progress", "--lake", str(lake), *arguments, "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in FINE:
        raise SystemExit(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def examine(seed: int, folder: Path, **size: Any) -> dict[str, Any]:
    """Makes one seed's months in `folder` (`size` as `generate` takes it), ingests and asks; what `judged` needs."""
    truth_file, lake, began = folder / "truth.json", folder / "lake", time.monotonic()
    kept = truth_file.exists()
    truth = json.loads(truth_file.read_text("utf-8")) if kept else generate(seed, folder, **size)
    made = time.monotonic()
    ingest = trailsift(lake, "ingest", str(folder / "AWSLogs"))  # reads nothing where it is all there
    ingested = time.monotonic()
    window = ["--from", truth["judged_from"], "--to", truth["judged_to"]]
    anomalies = trailsift(lake, "anomalies", *window)
    asked = time.monotonic()
    detected = trailsift(lake, "detect", *window)
    took = {"generate": made - began, "ingest": ingested - made, "anomalies": asked - ingested}
    took["detect"] = time.monotonic() - asked
    (folder / "findings.json").write_text(json.dumps({"anomalies": anomalies, "detect": detected}), "utf-8")
    made_of = {"truth": truth, "ingested": ingest, "seconds": took}
    return made_of | {"anomalies": anomalies, "detect": detected}


def judged(examined: dict[str, Any]) -> dict[str, Verdict]:
    """The verdict on each verb as it comes by default, on both, and on `detect` at every level."""
    truth, anomalies = examined["truth"], examined["anomalies"]
    made = {"anomalies": judge(truth, anomalies)}
    for least in SEVERITIES[:-1]:
        kept = [each for each in examined["detect"] if SEVERITIES.index(each["severity"]) <= SEVERITIES.index(least)]
        made[f"detect --level {least}"] = judge(truth, kept)
        if least == LEVEL:
            made["both"] = judge(truth, [*anomalies, *kept])
    return made


def summary(examined: dict[str, Any], look: bool) -> dict[str, Any]:
    """One seed's figures as plain values; with `look`, also by rule, cause and principal."""
    truth, verdicts = examined["truth"], judged(examined)
    told: dict[str, Any] = {"seed": truth["seed"], "events": truth["events"], "principals": len(truth["principals"])}
    told["seconds"] = {name: round(value, 1) for name, value in examined["seconds"].items()}
    told["verdicts"] = {
        name: {
            "benign": len(each.benign),
            "hits": len(each.hits),
            "a_principal": round(each.rate, 3),
            "precision": each.precision,
            "found": each.found,
            "incidents": len(each.incidents),
            "severities": dict(each.severities),
        }
        for name, each in verdicts.items()
    }
    both = verdicts["both"]
    told["incidents"] = [vars(each) for each in both.incidents]
    if look:
        told["causes"] = [[*key, count] for key, count in causes(truth, both.benign).most_common()]
        told["worst"] = Counter(each["principal_arn"] or "" for each in both.benign).most_common(8)
    return told


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.months.judge", description=__doc__)
    parser.add_argument("--seeds", default="1-5", help="such as 1-20 or 1,4,9 (default 1-5)")
    parser.add_argument(
        "--keep",
        type=Path,
        help="keep logs, truth, lakes and findings here; logs and lakes that are there are used again",
    )
    parser.add_argument("--principals", type=int, default=200)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--every-kind", action="store_true", help="one incident of each kind in every month")
    parser.add_argument("--totals", action="store_true", help="no detail: for seeds that nobody should look at")
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table")
    given = parser.parse_args()
    told, kinds = [], sorted(KINDS) if given.every_kind else None
    for seed in numbers(given.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(given.keep or scratch) / f"seed-{seed}"
            size = {"principals": given.principals, "days": given.days, "kinds": kinds}
            told.append(summary(examine(seed, folder, **size), not given.totals))
        print(report.line(told[-1]), file=sys.stderr, flush=True)
    print(json.dumps(told, indent=2) if given.output == "json" else report.table(told))


def numbers(text: str) -> list[int]:
    """Seeds as written: 1-3,8."""
    found: list[int] = []
    for part in text.split(","):
        low, _, high = part.partition("-")
        found += range(int(low), int(high or low) + 1)
    return found


if __name__ == "__main__":
    main()
