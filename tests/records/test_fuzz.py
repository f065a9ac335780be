"""Any bytes at all: a fixed sample of hostile inputs always, a million drawn anew with `make soak`.

The properties are `fuzzed.py`'s, the inputs `hostile.py`'s.
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import re
import secrets
import subprocess
import sys
import tracemalloc
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.records.decode import ObjectError, inflate
from pipeline.records.normalize import Builder, add_object
from tests.records.fuzzed import LIMIT, Oracle, check, check_all
from tests.records.hostile import family, make

ROOT = Path(__file__).resolve().parents[2]
SAMPLE, SOAK, BATCH = 3_000, 1_000_000, 50
RUNS = 200_000
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
FIXED = settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=CHECKS)
DRAWN = settings(FIXED, max_examples=20_000, derandomize=False)
# Every choice of `make` is hypothesis' own here, so that a failing input is shrunk; slower than a plain Random.
OBJECTS = st.randoms(use_true_random=False).map(make)
BYTES = st.binary(max_size=80) | st.text(alphabet='{}[]",:\\ \n01aRecords', max_size=80).map(str.encode)


def run(start: int, count: int) -> Counter[str]:
    """Checks the four inputs of each of `count` seeds from `start` on; what became of them, counted."""
    oracle = Oracle()
    for first in range(start, start + count, BATCH):
        seeds = range(first, min(first + BATCH, start + count))
        check_all(oracle, [each for seed in seeds for each in family(Random(seed))])
    return oracle.counts


def test_a_sample_of_hostile_objects() -> None:
    counts = run(0, SAMPLE // 4)
    assert counts["inputs"] == SAMPLE
    # The sample is only worth its time if every fate is met often.
    assert min(counts[each] for each in ("events", "fast", "refused", "others", "objects refused")) > 20


@given(OBJECTS | BYTES)
@FIXED
def test_a_sample_that_shrinks(data: bytes) -> None:
    check(data)


@pytest.mark.soak
@given(OBJECTS | BYTES)
@DRAWN
def test_objects_hypothesis_draws(data: bytes) -> None:
    check(data)


@pytest.mark.soak
def test_a_million_hostile_objects(capsys: pytest.CaptureFixture[str]) -> None:
    start, share = secrets.randbits(48), 2_500
    counts: Counter[str] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(run, range(start, start + SOAK // 4, share), [share] * (SOAK // 4 // share)):
            counts += done
            if counts["inputs"] % 100_000 == 0:
                _say(capsys, f"{counts['inputs']:,} inputs from seed {start}: {dict(counts)}")
    assert counts["inputs"] == SOAK


@pytest.mark.soak
@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="needs atheris: make soak, or pip install .[soak]")
def test_objects_libfuzzer_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for seed in range(200):
        (corpus / str(seed)).write_bytes(make(Random(seed)))
    limits = ["-max_len=20000", "-timeout=60", "-rss_limit_mb=2048", f"-artifact_prefix={tmp_path}/"]
    command = [sys.executable, "-m", "tests.records.atheris_target", str(corpus), f"-runs={RUNS}", *limits]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    found = re.search(r"Done (\d+) runs in (\d+) second", done.stderr)
    assert found and int(found[1]) >= RUNS, done.stderr[-2000:]
    _say(capsys, f"libFuzzer: {found[0]}(s), {len(list(corpus.iterdir())):,} inputs kept for the code they reach")


def _say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        print(f"\n{text}", flush=True)


def rows(parts: list[list[bytes]]) -> tuple[list[str], list[str], list[str]]:
    """What the objects come to, read part by part: events, records of other tables, what was refused."""
    events: list[str] = []
    others: list[str] = []
    refused: list[str] = []
    for objects in parts:
        builder = Builder()
        for number, data in enumerate(objects):
            try:
                list(add_object(builder, number, inflate(data, LIMIT)))
            except ObjectError as error:
                refused.append(str(error))
        part = builder.build()
        events += map(repr, part.events.to_pylist())
        others += [repr({**each, "object": 0}) for each in part.others]
        refused += [repr(each) for _, _, each in part.refused]
    return sorted(events), sorted(others), sorted(refused)


def test_order_and_split_of_objects_do_not_matter() -> None:
    objects = [make(Random(seed)) for seed in range(400)]
    mixed = list(objects)
    Random(0).shuffle(mixed)
    assert rows([objects]) == rows([mixed[at : at + 37] for at in range(0, len(mixed), 37)])


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"\0" * (64 << 20), 1),
        gzip.compress(b"\0" * (LIMIT // 4), 1) * 300,
        gzip.compress(b'{"Records":[' + b"[]," * (20 << 20), 1),
    ],
    ids=["one member", "many members", "lists"],
)
def test_a_bomb_takes_little_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ObjectError, match="more than the limit"):
            inflate(data, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 4 * LIMIT
    finally:
        tracemalloc.stop()


def test_the_oracle_sees_a_lost_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """An oracle that never objects would prove nothing: without its last record, a list is objected to."""
    from tests.records import fuzzed

    whole = fuzzed.records

    def forgetful(text: bytes) -> Any:
        return list(whole(text))[:-1]

    monkeypatch.setattr(fuzzed, "records", forgetful)
    with pytest.raises(fuzzed.Broken):
        check(b'{"Records":[{"eventID":"mark-000001","eventTime":"2026-10-01T10:00:00Z"}]}')
