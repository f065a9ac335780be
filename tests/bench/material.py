"""The logs that are measured: generated once and kept, or a folder that is given; and others made from them."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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


def many(cache: Path, objects: int) -> Logs:
    """So many objects of one event each, in CloudTrail's layout, a thousand a day; from the cache once made."""
    folder = cache / f"{objects}-objects"
    if not folder.exists():
        scratch = folder.with_name(f".{folder.name}")
        shutil.rmtree(scratch, ignore_errors=True)
        for number in range(objects):
            moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number // 1000, seconds=number % 1000)
            name = f"111122223333_CloudTrail_us-east-1_{moment:%Y%m%dT%H%MZ}_{number:016}.json.gz"
            path = scratch / f"AWSLogs/111122223333/CloudTrail/us-east-1/{moment:%Y/%m/%d}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"Records": [_event(number, moment)]}, separators=(",", ":"))
            path.write_bytes(gzip.compress(text.encode(), 1, mtime=0))
        scratch.rename(folder)
    return Logs.at(folder)


def _event(number: int, moment: datetime) -> dict[str, object]:
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
        "eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "ec2.amazonaws.com",
        "userAgent": "ec2.amazonaws.com",
        "requestParameters": {"roleArn": "arn:aws:iam::111122223333:role/worker"},
        "responseElements": None,
        "requestID": str(uuid.UUID(int=number)),
        "eventID": str(uuid.UUID(int=number + (1 << 100))),
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    }


def tenth(logs: Logs, folder: Path) -> Logs:
    """Every tenth object of the logs, in a folder of their own."""
    for path in sorted(logs.folder.rglob("*.json.gz"))[::10]:
        _copy(path, folder / path.relative_to(logs.folder))
    return Logs.at(folder)


def one(logs: Logs, folder: Path) -> Logs:
    """The first object of the logs, in a folder of its own."""
    path = min(logs.folder.rglob("*.json.gz"))
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
