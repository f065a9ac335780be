"""The logs that are measured: generated once and kept, or a folder that is given; and others made from them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "sample_logs" / "generate.py"


@dataclass(frozen=True)
class Logs:
    """A folder of gzip objects; `gzip` is their bytes."""

    folder: Path
    objects: int
    gzip: int

    @classmethod
    def at(cls, folder: Path) -> Logs:
        """The logs of a folder, read once, so that every run finds them in the page cache."""
        sizes = [len(path.read_bytes()) for path in folder.rglob("*.json.gz")]
        return cls(folder.resolve(), len(sizes), sum(sizes))


def generated(cache: Path, events: int, one_day: bool = False) -> Logs:
    """Logs of so many events, from the cache if this very generator wrote them."""
    digest = hashlib.sha256()
    for path in (GENERATOR, *sorted((GENERATOR.parent / "_generator").rglob("*.py"))):
        digest.update(path.read_bytes())
    folder = cache / f"{events}{'-one-day' if one_day else ''}-{digest.hexdigest()[:12]}"
    if not folder.exists():
        scratch = folder.with_name(f".{folder.name}")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        command = [sys.executable, str(GENERATOR), "--events", str(events), "--out", str(scratch)]
        subprocess.run([*command, *(["--one-day"] if one_day else [])], check=True, stdout=subprocess.DEVNULL)
        scratch.rename(folder)
    return Logs.at(folder)


def tenth(logs: Logs, folder: Path) -> Logs:
    """Every tenth object of the logs, in a folder of their own."""
    for path in sorted(logs.folder.rglob("*.json.gz"))[::10]:
        _copy(path, folder / path.relative_to(logs.folder))
    return Logs.at(folder)


def copies(logs: Logs, folder: Path) -> Logs:
    """The same events in objects of other names."""
    for path in logs.folder.rglob("*.json.gz"):
        name = path.name.replace(".json.gz", "-again.json.gz")
        _copy(path, folder / path.relative_to(logs.folder).with_name(name))
    return Logs.at(folder)


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)
