"""Measures ingest against its peers, in one run, on the same logs; prints a table and writes JSON.

    python tests/bench/run.py [--events 800000] [--out bench-results/ingest.json] [--only duckdb_read_json,memory]

Every program runs as a fresh process on two cores, rounds interleaved (A B C A B C …), from interpreter start to
the last byte written. Ours does all a real run does; what each peer does and does not do, its file in `peers/` says.
All read the same gzip objects from the page cache and write zstd Parquet at level 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from rich.console import Console  # noqa: E402

from tests.bench import bucket, figures, material, micro_batches, report  # noqa: E402
from tests.bench.measure import FailedRun, Usage, measure  # noqa: E402
from tests.bench.peer import CORES, missing, peers  # noqa: E402

OURS = figures.OURS
SECTIONS = ("again", "known", "s3", "memory", "micro-batches")
LIBRARIES = ("duckdb", "chdb", "pyarrow", "pysimdjson", "isal", "msgspec", "pyiceberg")


def arguments(given: list[str] | None) -> argparse.Namespace:
    """The command line's arguments; `only` as a set of names, empty for everything."""
    names = [*(name for name in peers() if name != OURS), *SECTIONS]
    parser = argparse.ArgumentParser(prog="run.py", description="Measure ingest against its peers.")
    parser.add_argument("--events", type=int, default=800_000, help="events of the generated logs")
    parser.add_argument("--logs", type=Path, help="measure on these logs instead of generated ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-events", type=int, default=1_000_000, help="the larger input of the memory section")
    parser.add_argument("--batches", type=int, default=5000, help="commits of the section micro-batches")
    parser.add_argument("--known-objects", type=int, default=100_000, help="objects of the section known")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results" / "ingest.json")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "bench-logs", help="where logs are kept")
    parser.add_argument("--only", default="", help=f"some of {','.join(names)}; ours is always measured")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a target is missed or not measured")
    asked = parser.parse_args(given)
    asked.only = {name for name in asked.only.split(",") if name}
    if asked.only - set(names):
        parser.error(f"--only: no {', '.join(sorted(asked.only - set(names)))}; choose from {', '.join(names)}")
    if asked.logs and not any(asked.logs.rglob("*.json.gz")):
        parser.error(f"--logs: {asked.logs} holds no .json.gz; name a folder of log objects")
    return asked


def main(given: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    asked = arguments(given)
    say = Console(stderr=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the scratch folder goes and the program ends
    logs = material.Logs.at(asked.logs) if asked.logs else material.generated(asked.cache, asked.events)
    load = os.getloadavg()[0]
    scratch = Path(tempfile.mkdtemp(prefix="trailsift-bench-"))
    try:
        result = Bench(asked, logs, scratch, say).go()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    result["machine"] |= {"load_before": load, "load_after": os.getloadavg()[0]}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(result, indent=1) + "\n")
    report.show(result, Console(width=None if sys.stdout.isatty() else 130))
    say.print(f"written to {asked.out}", highlight=False)
    return 1 if asked.check and not all(each["met"] for each in result["targets"]) else 0


class Bench:
    """One measurement: the rounds, then what else is asked of ours."""

    def __init__(self, asked: argparse.Namespace, logs: material.Logs, scratch: Path, say: Console) -> None:
        self.asked, self.logs, self.scratch, self.say = asked, logs, scratch, say
        self.peers = peers()
        self.status = dict.fromkeys(self.peers, "measured")
        for name, each in self.peers.items():
            if name != OURS and asked.only and name not in asked.only:
                self.status[name] = "not asked for"
            elif lacking := missing(each):
                self.status[name] = f"not installed ({', '.join(lacking)}): pip install 'trailsift[bench]'"
        self.runs: list[figures.Run] = []

    def go(self) -> dict[str, Any]:
        """Measures; gives the result as it is written."""
        self._warm_up()
        for number in range(1, self.asked.rounds + 1):
            for name in self.peers:
                if self.status[name] == "measured":
                    self._round(name, number)
        again = self._again() if self._wants("again") else []
        again += self._known() if self._wants("known") else []
        bucket = self._bucket() if self._wants("s3") else None
        memory = self._memory() if self._wants("memory") else []
        micro = self._micro_batches() if self._wants("micro-batches") else None
        others = [each.peak for each in self.runs if each.peer == OURS] + [each["peak"] for each in again]
        peaks = {(each["one_day"], each["events"]): each["peaks"] for each in memory}
        targets = figures.speed_targets(self.runs, self.logs.gzip) + figures.memory_targets(peaks, others)
        targets.append(figures.commit_target(micro))
        return {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"cores": min(CORES, os.cpu_count() or 1), "python": sys.version.split()[0]}
            | {name: _version(name) for name in LIBRARIES},
            "logs": {"events": self._events(), "objects": self.logs.objects, "gzip": self.logs.gzip},
            "rounds": self.asked.rounds,
            "runs": [asdict(each) for each in self.runs],
            "peers": {name: self._told(name) for name in self.peers},
            "again": again,
            "s3": bucket,
            "memory": memory,
            "micro_batches": micro,
            "targets": [asdict(each) for each in targets],
        }

    def _warm_up(self) -> None:
        """Every program once on one object: the first run reads libraries from disk and writes Python's byte code."""
        one = material.one(self.logs, self.scratch / "warm" / "logs")
        for name in [name for name, status in self.status.items() if status == "measured"]:
            folder = self.scratch / "warm" / name
            folder.mkdir()
            try:
                for step in ("prepare", "run") if hasattr(self.peers[name], "prepare") else ("run",):
                    measure(_command(name, step, one, folder / "out"), ROOT)
            except FailedRun as error:
                self.say.print(f"{name}, one object: {error}", highlight=False)

    def _wants(self, section: str) -> bool:
        return not self.asked.only or section in self.asked.only

    def _events(self) -> int:
        return next((each.events for each in self.runs if each.peer == OURS), 0)

    def _told(self, name: str) -> dict[str, Any]:
        common = {"letter": self.peers[name].LETTER, "title": self.peers[name].TITLE, "status": self.status[name]}
        return common | (figures.summary(self.runs, name) or {})

    def _round(self, name: str, number: int) -> None:
        """One run of a program; what fails is said and not tried again."""
        folder = self.scratch / name
        peer = self.peers[name]
        out = folder / "out"
        try:
            if hasattr(peer, "prepare") and not folder.exists():
                measure(_command(name, "prepare", self.logs, out), ROOT)
            folder.mkdir(exist_ok=True)
            usage = measure(_command(name, "run", self.logs, out), ROOT)
        except FailedRun as error:
            if name == OURS:
                raise SystemExit(f"trailsift ingest: {error}") from None
            self.status[name] = f"failed: {error}"
            self.runs = [each for each in self.runs if each.peer != name]
            return
        files = list(out.glob(peer.GIVES))
        size = sum(path.stat().st_size for path in files)
        run = figures.Run(name, number, usage.wall, usage.cpu, usage.peak, rows(files), size)
        shutil.rmtree(out)
        if self.runs and run.events != self.runs[0].events:
            self.status[name] = f"failed: it gives {run.events:,} events, ours {self.runs[0].events:,}"
            self.runs = [each for each in self.runs if each.peer != name]
            return
        self.runs.append(run)
        self.say.print(f"round {number} {name}: {run.wall:.2f} s, {run.cpu:.2f} cpu s", highlight=False)

    def _again(self) -> list[dict[str, Any]]:
        """Ours once more on a lake that has it all: the same objects, then the same events in others."""
        lake = self.scratch / "again" / "lake"
        lake.parent.mkdir()
        measure(_command(OURS, "run", self.logs, lake), ROOT)
        others = material.copies(self.logs, self.scratch / "again" / "logs")
        named = {"the same objects again": self.logs, "the same events in other objects": others}
        return [_told_by(name, measure(_command(OURS, "run", logs, lake), ROOT)) for name, logs in named.items()]

    def _micro_batches(self) -> dict[str, Any]:
        """Whether the cost of a commit grows with those before it."""
        return micro_batches.run(self.scratch / "micro", self.asked.batches, self.say.print)

    def _known(self) -> list[dict[str, Any]]:
        """Ours on a lake that knows every one of very many objects."""
        logs = material.many(self.asked.cache, self.asked.known_objects)
        lake = self.scratch / "known"
        measure(_command(OURS, "run", logs, lake), ROOT)
        again = measure(_command(OURS, "run", logs, lake), ROOT)
        return [_told_by(f"{logs.objects:,} known objects again", again)]

    def _bucket(self) -> dict[str, Any]:
        """Ours from a bucket beside ours from the folder, in pairs."""
        pairs: list[tuple[Usage, Usage]] = []
        lake = self.scratch / "s3"
        with bucket.served(self.logs.folder) as environment:
            command = [sys.executable, "-m", "tests.bench.peer", OURS, "run_bucket", bucket.NAME, str(lake)]
            for _ in range(self.asked.rounds):
                try:
                    pair = []
                    for each in (_command(OURS, "run", self.logs, lake), command):
                        pair.append(measure(each, ROOT, environment))
                        events = rows(list(lake.glob(self.peers[OURS].GIVES)))
                        shutil.rmtree(lake)
                except FailedRun as error:
                    return {"status": f"failed: {error}"}
                pairs.append((pair[0], pair[1]))
                self.say.print(f"local {pair[0].wall:.2f} s, S3 {pair[1].wall:.2f} s", highlight=False)
        return {"status": "measured"} | figures.beside(pairs, events)

    def _memory(self) -> list[dict[str, Any]]:
        """Peaks of ours for an input and for a tenth of it, over many days and on one."""
        if self.asked.logs:
            inputs = [(False, material.tenth(self.logs, self.scratch / "tenth")), (False, self.logs)]
        else:
            sizes = (self.asked.memory_events // 10, self.asked.memory_events)
            inputs = [(day, material.generated(self.asked.cache, size, day)) for day in (False, True) for size in sizes]
        found: list[dict[str, Any]] = [{"one_day": day, "events": 0, "peaks": []} for day, _ in inputs]
        for _ in range(min(2, self.asked.rounds)):
            for entry, (_, logs) in zip(found, inputs, strict=True):
                lake = self.scratch / "memory"
                usage = measure(_command(OURS, "run", logs, lake), ROOT)
                entry["peaks"].append(usage.peak)
                entry["events"] = rows(list(lake.glob(self.peers[OURS].GIVES)))
                shutil.rmtree(lake)
                self.say.print(f"memory, {entry['events']:,} events: {usage.peak / 1e6:,.0f} MB", highlight=False)
        return found


def rows(files: list[Path]) -> int:
    """Rows of Parquet files, by their footers."""
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in files)


def _command(name: str, step: str, logs: material.Logs, out: Path) -> list[str]:
    return [sys.executable, "-m", "tests.bench.peer", name, step, str(logs.folder), str(out)]


def _told_by(name: str, usage: Usage) -> dict[str, Any]:
    """A run of ours with what its own summary says."""
    said = json.loads(usage.output.strip().splitlines()[-1])
    counts = {"skipped": said["objects_skipped"], **{key: said[key] for key in ("events_new", "duplicates")}}
    return {"name": name, "wall": usage.wall, "cpu": usage.cpu, "peak": usage.peak} | counts


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
