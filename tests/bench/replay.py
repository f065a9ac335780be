"""How long a replay takes for one role with a million events: from the roll-up, and from the events themselves.

    python -m tests.bench.replay [--events 1000000] [--out FOLDER]

The role reads and writes objects of 20 buckets under ever new keys, decrypts, and asks EC2 and SQS from many addresses
over 90 days. Each case is a run of the command as a user starts it, the fastest of three, in seconds and in
processor seconds, which hardly feel what else the machine does; a FOLDER that is kept serves the next run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.logs import ACCOUNT, ROLE, event

OBJECT = 20_000
ROUNDS = 3
BEGIN = datetime(2026, 7, 3, tzinfo=UTC)
_TRAILSIFT = [str(Path(sys.executable).with_name("trailsift"))]
EVERYTHING = {"Effect": "Allow", "Action": ["s3:*", "kms:*", "ec2:*", "sqs:*"], "Resource": "*"}


def events(count: int) -> Iterator[dict[str, Any]]:
    """The role's events, in order of time."""
    step = timedelta(days=90) / count
    for i in range(count):
        key, bucket = f"in/{i % 97:02}/part-{i:08}.parquet", f"team-{i % 20:02}"
        calls: list[tuple[str, str, Any]] = [
            ("s3", "GetObject", {"bucketName": bucket, "key": key}),
            ("s3", "PutObject", {"bucketName": bucket, "key": key.replace("in/", "out/")}),
            ("s3", "ListObjects", {"bucketName": bucket, "prefix": f"in/{i % 97:02}/"}),
            ("kms", "Decrypt", {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}),
            ("ec2", "DescribeInstances", {"instancesSet": {"items": [{"instanceId": f"i-{i % 500:017x}"}]}}),
            ("sqs", "SendMessage", {"queueUrl": f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q-{i % 9}"}),
        ]
        source, name, request = calls[(i * 7) % 10 % 6]
        yield event(
            eventTime=(BEGIN + i * step).strftime("%Y-%m-%dT%H:%M:%SZ"),
            eventSource=f"{source}.amazonaws.com",
            eventName=name,
            requestParameters=request,
            sourceIPAddress=f"203.0.113.{i % 200}",
            readOnly=name not in ("PutObject", "SendMessage"),
            eventCategory="Management" if source in ("ec2", "kms") else "Data",
        )


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    """A document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def cases() -> dict[str, dict[str, Any]]:
    """Proposals by what it takes to judge them."""
    inside = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    objects = {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::*/in/*", "arn:aws:s3:::*/out/*"]}
    lists = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::*"}
    rest = {"Effect": "Allow", "Action": ["kms:*", "ec2:*", "sqs:*"], "Resource": "*"}
    return {
        "roll-up, nothing denied": policy(EVERYTHING),
        "one action denied, all its event ids": policy(EVERYTHING | {"Action": ["s3:*", "ec2:*", "sqs:*"]}),
        "events, objects named": policy(objects, lists, rest),
        "events, addresses": policy(EVERYTHING | {"Condition": inside}),
    }


def prepare(folder: Path, count: int) -> Path:
    """A lake of the role's events and a snapshot that holds it; made once a folder."""
    lake = folder / "lake"
    if not lake.exists():
        logs = folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        held: list[dict[str, Any]] = []
        for number, each in enumerate(events(count), 1):
            held.append(each)
            if len(held) == OBJECT or number == count:
                data = gzip.compress(json.dumps({"Records": held}).encode(), 1)
                (logs / f"{number:09}.json.gz").write_bytes(data)
                held = []
        inline = [{"PolicyName": "all", "PolicyDocument": policy(EVERYTHING)}]
        role = {"RoleName": "worker", "Arn": ROLE, "RoleId": "AROAEXAMPLE", "Path": "/app/", "RolePolicyList": inline}
        (folder / "iam.json").write_text(json.dumps({"RoleDetailList": [role]}))
        for words in (["ingest", str(logs)], ["iam", "import", str(folder / "iam.json")]):
            subprocess.run([*_TRAILSIFT, *words, "--lake", str(lake), "-q"], check=True, stdout=subprocess.DEVNULL)
    return lake


def run(folder: Path, count: int) -> dict[str, Any]:
    """Seconds of the whole process and what it found, by case."""
    lake = prepare(folder, count)
    found: dict[str, Any] = {}
    for name, document in cases().items():
        path = folder / "proposal.json"
        path.write_text(json.dumps(document))
        words = [*_TRAILSIFT, "replay", str(path), "--principal", ROLE, "--lake", str(lake), "-o", "json", "-q"]
        wall, cpu = [], []
        for _ in range(ROUNDS):
            start, before = time.perf_counter(), _cpu()
            done = subprocess.run(words, capture_output=True, text=True)
            wall.append(time.perf_counter() - start)
            cpu.append(_cpu() - before)
        told = json.loads(done.stdout)
        counts = {each: told[each] for each in ("events", "tuples", "allowed", "denied", "conditional")}
        ids = sum(len(each["event_ids"]) for each in told["denials"])
        seconds = {"seconds": round(min(wall), 2), "cpu": round(min(cpu), 2)}
        found[name] = {**seconds, **counts, "event_ids": ids, "exit": done.returncode}
    return found


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(prog="replay", description="How long does a replay take?")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, help="Folder of logs and lake; kept.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trailsift-bench-") as scratch:
        print(json.dumps(run(asked.out or Path(scratch), asked.events), indent=1))


if __name__ == "__main__":
    main()
