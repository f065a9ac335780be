"""The measurement measures what it says: the same events in every program, ratios paired by round, targets judged."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("psutil", reason="the extra [bench] is not installed")

from tests.bench import figures, material, run
from tests.bench.figures import Run
from tests.bench.measure import FailedRun, measure
from tests.bench.peer import missing, peers
from tests.logs import event, write

ROOT = Path(__file__).resolve().parents[2]
PEERS = peers()


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 events in three objects: with and without session, resources, an open member, an error."""
    folder = tmp_path_factory.mktemp("logs")
    for number in range(3):
        plain = [event(eventTime=f"2026-10-0{number + 1}T10:00:{second:02}Z") for second in range(18)]
        denied = event(errorCode="AccessDenied", errorMessage="no", requestParameters=None)
        root = {"type": "Root", "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:root"}
        bucket = {"ARN": "arn:aws:s3:::b", "accountId": "111122223333", "type": "AWS::S3::Bucket"}
        write(folder / f"{number}.json.gz", [*plain, denied, event(userIdentity=root, resources=[bucket])])
    return folder


def what_was_kept(peer: str, out: Path) -> tuple[object, ...]:
    import duckdb

    found = duckdb.execute(
        "select count(*), count(distinct eventID), sum(hash(eventID)), min(epoch(eventTime::timestamptz)), "
        "max(epoch(eventTime::timestamptz)), count(requestParameters), sum(length(json(requestParameters))), "
        "count(userIdentity.sessionContext.sessionIssuer.arn), sum(len(resources)), count(errorCode), "
        "count(case when readOnly then 1 end), count(tlsDetails.tlsVersion) "
        "from read_parquet(?, hive_partitioning = false)",
        [[str(path) for path in out.glob(PEERS[peer].GIVES)]],
    ).fetchone()
    assert found
    return found


@pytest.fixture(scope="module")
def ours(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    out = tmp_path_factory.mktemp("ours") / "lake"
    measure(run._command("trailsift", "run", material.Logs.at(logs), out), ROOT)
    return what_was_kept("trailsift", out)


@pytest.mark.parametrize("name", [name for name in PEERS if name != "trailsift"])
def test_a_peer_gives_the_same_events(name: str, logs: Path, ours: tuple[object, ...], tmp_path: Path) -> None:
    if lacking := missing(PEERS[name]):
        pytest.skip(f"{', '.join(lacking)} not installed")
    assert ours[:2] == (60, 60)
    given = material.Logs.at(logs)
    if hasattr(PEERS[name], "prepare"):
        measure(run._command(name, "prepare", given, tmp_path / "out"), ROOT)
    measure(run._command(name, "run", given, tmp_path / "out"), ROOT)
    assert what_was_kept(name, tmp_path / "out") == ours


def test_the_command_writes_table_and_json(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "results" / "bench.json"
    command = [sys.executable, "tests/bench/run.py", "--logs", str(logs), "--rounds", "1", "--out", str(out)]
    done = subprocess.run([*command, "--only", "duckdb_transform,again"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ClickHouse (chDB), typed: not asked for" in done.stdout
    assert "the same events in other objects" in done.stdout and "not measured" in done.stdout
    result = json.loads(out.read_text())
    assert result["logs"] == {"events": 60, "objects": 3, "gzip": material.Logs.at(logs).gzip}
    assert [each["peer"] for each in result["runs"]] == ["trailsift", "duckdb_transform"]
    assert all(each["events"] == 60 and each["wall"] > 0 and each["peak"] > 1e7 for each in result["runs"])
    known, copies = result["again"]
    assert (known["skipped"], known["events_new"], known["duplicates"]) == (3, 0, 0)
    assert (copies["skipped"], copies["events_new"], copies["duplicates"]) == (0, 0, 60)
    met = {each["wanted"]: each["met"] for each in result["targets"]}
    assert met["at least 3 × (a) DuckDB read_json"] is None and met["whole tree under 1,500 MB"] is True


def test_a_peer_that_is_not_installed_is_said_to_be_missing(
    logs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "chdb" else there(name))
    given = ["--logs", str(logs), "--rounds", "1", "--only", "clickhouse", "--out", str(tmp_path / "bench.json")]
    assert run.main([*given, "--check"]) == 1
    assert "not installed (chdb)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "complaint"), [(["--only", "spark"], "no spark"), (["--logs", "tests"], "holds no .json.gz")]
)
def test_a_wrong_option_is_refused(given: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        run.main(given)
    assert refused.value.code == 2 and complaint in capsys.readouterr().err


def runs(peer: str, walls: list[float], cpus: list[float] | None = None, **changes: int) -> list[Run]:
    common = {"peak": 100, "events": 1000, "parquet": 50} | changes
    pairs = zip(walls, cpus or walls, strict=True)
    return [Run(peer, number, wall, cpu, **common) for number, (wall, cpu) in enumerate(pairs, 1)]


def test_a_ratio_is_the_median_of_pairs_not_the_ratio_of_medians() -> None:
    # Pairs 4/2, 9/3, 20/10: 2, 3, 2. The medians alone would give 9/3.
    given = runs("trailsift", [2, 3, 10]) + runs("floor", [4, 9, 20])
    assert figures.ratio(given, "floor", "wall") == 2
    told = figures.summary(given, "floor")
    assert told and told["wall"] == 9 and told["events_per_second"] == pytest.approx(1000 / 9)


def test_a_round_without_its_pair_counts_for_nothing() -> None:
    assert figures.ratio(runs("trailsift", [2]) + runs("floor", [4, 100]), "floor", "wall") == 2
    assert figures.ratio(runs("trailsift", [2]), "floor", "wall") is None
    assert figures.summary(runs("trailsift", [2]), "floor") is None


@pytest.mark.parametrize(
    ("peer", "wall", "met"),
    [
        *[("duckdb_read_json", 30.0, True), ("duckdb_read_json", 29.9, False)],
        *[("clickhouse", 9.6, True), ("clickhouse", 9.4, False)],
        *[("floor", 1.43, True), ("floor", 1.42, False)],
    ],
)
def test_targets_of_throughput(peer: str, wall: float, met: bool) -> None:
    order = ["duckdb_read_json", "clickhouse", "floor"]
    judged = figures.speed_targets(runs("trailsift", [10.0]) + runs(peer, [wall]), gzip=100)
    assert [each.met for each in judged[:3]] == [met if name == peer else None for name in order]


@pytest.mark.parametrize(("parquet", "met"), [(99, True), (100, False)])
def test_target_of_size(parquet: int, met: bool) -> None:
    assert figures.speed_targets(runs("trailsift", [1.0], parquet=parquet), gzip=100)[-1].met is met


def test_targets_of_memory() -> None:
    peaks = {(False, 10): [100, 110, 120], (False, 100): [130, 132], (True, 10): [100], (True, 100): [121]}
    assert [each.met for each in figures.memory_targets(peaks, [1])] == [True, True, False]
    assert [each.met for each in figures.memory_targets({}, [figures.MEMORY])] == [False, None, None]
    assert [each.met for each in figures.memory_targets({}, [])] == [None, None, None]


def test_memory_counts_the_whole_tree(tmp_path: Path) -> None:
    hold = "import time; held = bytearray(b'x') * 60_000_000; time.sleep(1)"
    tree = f"import subprocess, sys; subprocess.run([sys.executable, '-c', \"{hold}\"], check=True)"
    both = f"held = bytearray(b'x') * 60_000_000\n{tree}"
    assert measure([sys.executable, "-c", both], tmp_path).peak > 120_000_000


def test_processor_time_counts_children(tmp_path: Path) -> None:
    spin = "import time\nwhile time.process_time() < 0.4: pass"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {spin!r}], check=True)"
    assert measure([sys.executable, "-c", code], tmp_path).cpu > 0.4


def test_a_failed_run_says_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(FailedRun, match="exit code 3: last"):
        measure([sys.executable, "-c", "print('first\\nlast'); raise SystemExit(3)"], tmp_path)


def test_copies_hold_the_same_events_under_other_names(logs: Path, tmp_path: Path) -> None:
    given = material.Logs.at(logs)
    copied = material.copies(given, tmp_path / "copies")
    assert (copied.objects, copied.gzip) == (given.objects, given.gzip)
    assert not {path.name for path in copied.folder.iterdir()} & {path.name for path in given.folder.iterdir()}
    assert material.tenth(given, tmp_path / "tenth").objects == 1
