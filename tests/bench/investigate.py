"""How long one suspicious fact takes to become a story.

    python -m tests.bench.investigate [--lake DIR] [--events 1000000] [--clones 0] [SEED…]

Each case is a process of its own, from start to end, as somebody has it who types the command. Without --lake one is
made of so many generated events with the sample's planted incident among them, and thrown away; with --clones 9 its
days are there ten times, so that --events 2000000 --clones 9 is a lake of 20 million events over 280 days. The first
case after the ingest is told apart; that of a clone also finds out who was seen in the files that it added.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.clones import clone
from tests.bench.measure import measure

ROOT = Path(__file__).resolve().parents[2]
PLANTED = ROOT / "sample_logs" / "planted.json"
LIMIT = 3.0  # seconds


# Of the sample's habits, which the generated events follow: one role's sessions are named after its instance.
ROLE, SESSION = "arn:aws:iam::111122223333:role/etl-batch", "i-08b6d4f2a0c1e3a57"
PROGRAM = "aws-cli/2.15.30 Python/3.11.8 Linux/6.6.15-amd64 exe/x86_64.kali.2024 prompt/off"
BUCKET = "arn:aws:s3:::orchard-audit-trail"


def seeds() -> list[str]:
    """One of each kind: the planted incident's new key, a stranger's address, an event of it, the leaked key (in all
    days), a person, a busy role, a session, a program, a resource."""
    planted = json.loads(PLANTED.read_text())
    event = planted["incident"][0]["event_ids"][0]
    rare = [planted["new_key"], "192.0.2.61", event]
    return [*rare, planted["leaked_key"], "jonas.lind", ROLE, SESSION, PROGRAM, BUCKET]


def run(lake: Path, asked: list[str]) -> dict[str, Any]:
    """Seconds and peak bytes of a case a seed; `first` is the case that found the lake as it was."""
    cases = [_case(lake, asked[0])] + [_case(lake, seed) for seed in asked]
    return {"first": cases[0], "cases": cases[1:], "met": all(each["met"] for each in cases[1:])}


def _case(lake: Path, seed: str) -> dict[str, Any]:
    usage = _trailsift(["investigate", seed, "--lake", str(lake), "-o", "json"])
    counts = json.loads(usage.output[usage.output.index("\n{") if not usage.output.startswith("{") else 0 :])["counts"]
    return {"seed": seed, "events": counts["events"], "wall": usage.wall, "cpu": usage.cpu, "peak": usage.peak,
            "met": usage.wall < LIMIT}  # fmt: skip


def make(folder: Path, events: int, clones: int) -> Path:
    """A lake of generated events and the sample, and of their days so many times again."""
    logs, lake = folder / "logs", folder / "lake"
    generate = [sys.executable, str(ROOT / "sample_logs" / "generate.py"), "--events", str(events), "--out", str(logs)]
    measure(generate, ROOT)
    for source in (logs, ROOT / "sample_logs" / "cloudtrail"):
        _trailsift(["ingest", str(source), "--lake", str(lake)])
    clone(lake, clones)
    return lake


def _trailsift(words: list[str]) -> Any:
    return measure([sys.executable, "-c", "from pipeline.cli import main; main()", *words], ROOT)


def main() -> int:
    """Prints the result as JSON; exit code 1 where a case took too long."""
    parser = argparse.ArgumentParser(prog="investigate", description="How long does an investigation take?")
    parser.add_argument("--lake", type=Path, help="a lake there is")
    parser.add_argument("--events", type=int, default=1_000_000, help="of a lake that is made")
    parser.add_argument("--clones", type=int, default=0, help="how many times its days are there again")
    parser.add_argument("seeds", nargs="*", metavar="SEED")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trailsift-bench-") as folder:
        lake = given.lake or make(Path(folder), given.events, given.clones)
        result = run(lake, given.seeds or seeds())
    print(json.dumps(result, indent=1))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
