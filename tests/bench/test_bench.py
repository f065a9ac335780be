"""The measurement measures what it says: the same events in every program, ratios paired by round, targets judged."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("psutil", reason="the extra [bench] is not installed")

from tests.bench import bucket, figures, material, run
from tests.bench.figures import Run
from tests.bench.measure import FailedRun, Usage, measure
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
    assert met["at least 5 × (a) DuckDB read_json"] is None and met["whole tree under 1,500 MB"] is True


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
        *[("duckdb_read_json", 50.0, True), ("duckdb_read_json", 49.9, False)],
        *[("clickhouse", 15.0, True), ("clickhouse", 14.9, False)],
        *[("floor", 2.5, True), ("floor", 2.4, False)],
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


def test_the_target_of_commits_is_told_as_measured_or_not() -> None:
    measured = figures.commit_target({"batches": 5000, "cpu_ratio": 2.5, "met": False})
    assert (measured.got, measured.met) == ("2.50 × after 5,000", False)
    assert figures.commit_target(None).met is None


def test_s3_beside_local_is_judged_in_pairs() -> None:
    # Pairs 2/4, 3/4, 9/10: 0.5, 0.75, 0.9; the medians alone would give 3/4 only by chance of order.
    pairs = [(Usage(2, 1, 0, 1, ""), Usage(4, 3, 1, 1, "")), (Usage(3, 2, 0, 1, ""), Usage(4, 2, 0, 1, ""))]
    told = figures.beside([*pairs, (Usage(9, 9, 0, 1, ""), Usage(10, 9, 1, 1, ""))], 100)
    assert (told["times_as_fast"], told["wall"], told["events_per_second"]) == (0.75, 4, 25)
    assert told["times_as_fast_by_cpu"] == 0.9


def test_the_bucket_lists_and_gives_the_folder(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    with bucket.served(logs) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        found = client.list_objects_v2(Bucket=bucket.NAME)
        assert [each["Key"] for each in found["Contents"]] == ["0.json.gz", "1.json.gz", "2.json.gz"]
        assert (
            client.get_object(Bucket=bucket.NAME, Key="1.json.gz")["Body"].read() == (logs / "1.json.gz").read_bytes()
        )
        with pytest.raises(client.exceptions.NoSuchKey):
            client.get_object(Bucket=bucket.NAME, Key="9.json.gz")


def test_the_bucket_lists_by_folders_and_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("a/1", "a/2", "a0/1", "b/1", "b/c/1", "d"):
        path = tmp_path / f"{key}.json.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(bucket, "_PAGE", 2)
    with bucket.Bucket(tmp_path) as server:
        assert server.page("", "/", "")[:2] == ([], ["a/", "a0/"])
        following = server.page("", "/", "")[2]
        assert server.page("", "/", following) == (["d.json.gz"], ["b/"], "")
        assert server.page("b/", "/", "") == (["b/1.json.gz"], ["b/c/"], "")
        assert server.page("a/", "", "a/1.json.gz") == (["a/2.json.gz"], [], "")


def test_many_objects_hold_an_event_each(tmp_path: Path) -> None:
    made = material.many(tmp_path, 3)
    assert made.objects == 3 and material.many(tmp_path, 3) == made
    (command,) = [run._command("trailsift", "run", made, tmp_path / "lake")]
    assert json.loads(measure(command, ROOT).output.splitlines()[-1])["events_new"] == 3


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
