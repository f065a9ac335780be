"""The generator: the committed sample comes out of it byte for byte, and other sizes are what was asked for."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sample_logs._generator import bulk, write
from sample_logs._generator.dice import Dice
from sample_logs._generator.sample import make
from sample_logs._generator.times import utc, written

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_logs"
KEY = re.compile(
    r"AWSLogs/(\d{12})/CloudTrail/([a-z0-9-]+)/(\d{4})/(\d\d)/(\d\d)/"
    r"\1_CloudTrail_\2_\3\4\5T\d{4}Z_[A-Za-z0-9]{16}\.json\.gz"
)


def records(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.rglob("*.json.gz")):
        yield from json.loads(gzip.decompress(path.read_bytes()))["Records"]


def fingerprint(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    return write.files(make())


def test_the_committed_sample_comes_out_again(made: dict[str, bytes]) -> None:
    committed = {p.relative_to(SAMPLE).as_posix() for top in ("cloudtrail", "iam") for p in (SAMPLE / top).rglob("*.*")}
    committed = {each for each in committed if (SAMPLE / each).is_file()} | {"planted.json"}
    assert committed == set(made)
    for name, body in made.items():
        old = (SAMPLE / name).read_bytes()
        if name.endswith(".gz"):
            assert gzip.decompress(old) == gzip.decompress(body), name
            if "ng" in zlib.ZLIB_RUNTIME_VERSION:
                continue  # another deflate: the same content in other bytes
        assert old == body, name


def test_the_script_leaves_what_is_right_and_mends_what_is_not(tmp_path: Path) -> None:
    copy = tmp_path / "sample_logs"
    shutil.copytree(SAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = fingerprint(copy)
    stale, broken = copy / "iam" / "stale.json", copy / "planted.json"
    stale.write_text("{}")
    broken.write_text("{}")
    done = subprocess.run([sys.executable, copy / "generate.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("2 files changed\n")
    shutil.rmtree(copy / "_generator" / "__pycache__", ignore_errors=True)
    assert fingerprint(copy) == before


def generate(out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SAMPLE / "generate.py", "--out", out, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_any_size(tmp_path: Path) -> None:
    done = generate(tmp_path / "a", "--events", "6000", "--days", "3", "--object-events", "500")
    assert done.returncode == 0, done.stderr
    found = list(records(tmp_path / "a"))
    assert len(found) == 6000 == len({each["eventID"] for each in found})
    assert {each["eventTime"][:10] for each in found} == {"2026-10-29", "2026-10-30", "2026-10-31"}
    for path in (tmp_path / "a").rglob("*.json.gz"):
        match = KEY.fullmatch(path.relative_to(tmp_path / "a").as_posix())
        assert match, path
        held = json.loads(gzip.decompress(path.read_bytes()))["Records"]
        assert {(each["recipientAccountId"], each["awsRegion"]) for each in held} == {match.groups()[:2]}
    generate(tmp_path / "b", "--events", "6000", "--days", "3", "--object-events", "500")
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")


def test_one_day_another_seed_and_unknown_members(tmp_path: Path) -> None:
    done = generate(tmp_path, "--events", "3000", "--one-day", "--seed", "9", "--unknown-share", "0.25")
    assert done.returncode == 0, done.stderr
    found = list(records(tmp_path))
    assert {each["eventTime"][:10] for each in found} == {"2026-10-31"}
    unknown = [each for each in found if "eventContext" in each and "delegationContext" in each["userIdentity"]]
    assert 0.2 < len(unknown) / len(found) < 0.3
    assert found[0]["eventID"] not in {each["eventID"] for each in bulk_records(3000)}


def bulk_records(events: int) -> list[dict[str, Any]]:
    return [json.loads(text) for _, texts in bulk.objects(bulk.Size(events, days=1)) for text in texts]


def test_records_have_the_size_of_real_ones() -> None:
    texts = [text for _, held in bulk.objects(bulk.Size(4000, days=1)) for text in held]
    assert 1300 <= sum(map(len, texts)) / len(texts) <= 1800


def test_objects_stay_within_what_cloudtrail_delivers() -> None:
    pool = bulk.Pool(3)
    for events in (1, 199, 4_000, 250_000):
        sizes = list(bulk.object_sizes(events, 9_000, pool))
        assert sum(sizes) == events
        assert max(sizes) <= 20_000


@pytest.mark.parametrize("options", [("--events", "10"), ("--events", "0", "--out", "x"), ("--seed", "3")])
def test_arguments_that_make_no_sense_are_refused(options: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, SAMPLE / "generate.py", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
    assert not list(tmp_path.iterdir())


def test_draws_depend_on_their_names_only() -> None:
    ours, other = Dice("a", 1), Dice("b")
    mixed = [(ours.integer(0, 999), other.integer(0, 999))[0] for _ in range(20)]
    again = Dice("a", 1)
    assert mixed == [again.integer(0, 999) for _ in range(20)]
    assert Dice("a", 1).hex(16) != Dice("a", 2).hex(16)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", Dice("u").uuid())


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("2026-10-04T00:05:09", "Oct 04, 2026, 12:05:09 AM"),
        ("2026-10-04T12:00:00", "Oct 04, 2026, 12:00:00 PM"),
        ("2026-01-31T13:59:59", "Jan 31, 2026, 1:59:59 PM"),
    ],
)
def test_times_as_sts_writes_them(moment: str, text: str) -> None:
    assert written(utc(moment)) == text
