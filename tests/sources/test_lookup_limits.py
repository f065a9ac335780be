"""`lookup` when things go wrong: throttling, failing calls, regions that give nothing, a process that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest

from pipeline.config import Settings, SourceSettings
from pipeline.errors import SourceError
from pipeline.ingest import Selection, ingest
from pipeline.lake.failpoints import NAMES
from pipeline.sources import lookup_calls
from tests.aws.cloudtrail import CloudTrail
from tests.lake.contents import contents, table
from tests.sources.history import QUICK, ROOT, at, command, ids, past, run, spread

BOTH = "lookup:eu-west-1,us-east-1"
UNDISTURBED: dict[str, list[Any]] = {}  # what a run that nobody kills gives


@pytest.mark.parametrize("trouble", [{"storm": 12}, {"broken": 5}])
def test_a_storm_passes(history: CloudTrail, tmp_path: Path, trouble: dict[str, int]) -> None:
    history.add(spread(300, past(4), past(1)))
    history.configure(**trouble)
    assert run(tmp_path / "lake").problems == []
    assert len(ids(tmp_path / "lake")) == 300
    assert history.stats()["calls"] >= 300 / 50 + next(iter(trouble.values()))


def test_a_limit_below_the_pace_is_lived_with(history: CloudTrail, tmp_path: Path) -> None:
    # Somebody else uses up the account's calls.
    history.add(spread(1500, past(4), past(1)))
    history.configure(rate=20)
    assert run(tmp_path / "lake").problems == []
    assert len(ids(tmp_path / "lake")) == 1500
    assert history.stats()["throttled"] > 0


def test_a_storm_without_end_is_left_to_the_next_run(
    history: CloudTrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(lookup_calls._PATIENCE, "throttled", 5)
    history.add(spread(60, past(4), past(1)))
    history.configure(storm=10_000)
    with pytest.raises(SourceError, match=r"lookup:eu-west-1: LookupEvents failed 5 times in a row .*Rate exceeded"):
        run(tmp_path / "lake")
    history.configure(storm=0)
    run(tmp_path / "lake")
    assert len(ids(tmp_path / "lake")) == 60


def test_two_processes_keep_one_pace(history: CloudTrail, tmp_path: Path) -> None:
    history.configure(rate=40)
    history.add(spread(1500, past(4), past(1)))
    code = f"{QUICK}L.per_second = 40; from pipeline.cli import main; main()"
    environment = os.environ | {"TRAILSIFT_JOBS": "2"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, "ingest", "lookup:eu-west-1", "--lake", str(tmp_path / name), "-o", "json"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
        )
        for name in ("one", "two")
    ]
    summaries = [json.loads(each.communicate(timeout=240)[0]) for each in running]
    assert [each["events_new"] for each in summaries] == [1500, 1500]
    stats = history.stats()
    # Without a pace of their own kind they would be throttled at nearly every other call.
    assert stats["calls"] >= 60
    assert stats["throttled"] * 4 <= stats["calls"]


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_each_step_and_run_again(history: CloudTrail, tmp_path: Path, name: str) -> None:
    history.add(spread(400, past(6), past(0.05)))
    history.add(spread(100, past(6), past(0.05), "us"), region="us-east-1")
    words = ["ingest", BOTH, "--lake", tmp_path / "lake", "--no-progress"]
    killed = command(history, words, f"{QUICK}L.probes = 3; ", TRAILSIFT_FAILPOINT=name)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert run(tmp_path / "lake", BOTH).problems == []
    assert len(ids(tmp_path / "lake")) == 500
    found = contents(tmp_path / "lake")
    if not UNDISTURBED:
        run(tmp_path / "whole", BOTH)
        UNDISTURBED.update(contents(tmp_path / "whole"))
    assert found == UNDISTURBED


def test_regions_are_read_at_once_and_each_by_itself(history: CloudTrail, tmp_path: Path) -> None:
    history.add([at(past(1), "here")])
    history.add([at(past(1), "there", awsRegion="us-east-1")], region="us-east-1")
    run(tmp_path / "lake", "lookup:all")
    assert ids(tmp_path / "lake") == ["here", "there"]
    uris = table(tmp_path / "lake", "events", "select source_object from rows order by 1")["source_object"].to_pylist()
    assert [each.split("/")[3] for each in uris] == ["eu-west-1", "us-east-1"]


def test_all_is_narrowed_by_the_run_and_by_the_settings(history: CloudTrail, tmp_path: Path) -> None:
    history.add([at(past(1), "here")])
    history.add([at(past(1), "there")], region="us-east-1")
    run(tmp_path / "one", "lookup:all", Selection(regions=frozenset({"us-east-1"})))
    assert ids(tmp_path / "one") == ["there"]
    mine = SourceSettings("lookup:all", name="mine", regions=("eu-west-1",), endpoint_url=history.url)
    ingest(tmp_path / "two", [], Settings(jobs=1, sources=(mine,)))
    assert ids(tmp_path / "two") == ["here"]
    other = Selection(accounts=frozenset({"444455556666"}))
    assert run(tmp_path / "three", "lookup:all", other).objects_seen == 0
    assert set(history.stats()["by_region"]) == {"111122223333/us-east-1", "111122223333/eu-west-1"}


def test_a_region_that_is_off_is_told_and_the_others_go_on(history: CloudTrail, tmp_path: Path) -> None:
    history.add([at(past(1), "here")])
    history.configure(denied=["us-east-1"])
    summary = run(tmp_path / "lake", "lookup:eu-west-1,me-south-1,us-east-1")
    assert ids(tmp_path / "lake") == ["here"]
    denied, off = sorted(summary.problems, reverse=True)
    assert off == (
        "lookup:me-south-1: is not enabled for account 111122223333 (UnrecognizedClientException); "
        "nothing was read there"
    )
    assert denied.startswith("lookup:us-east-1: needs the permission cloudtrail:LookupEvents (")
    assert summary.partial


FATAL = {
    "denied": ({"denied": ["eu-west-1"]}, "lookup:eu-west-1: needs the permission cloudtrail:LookupEvents ("),
    "not enabled": ({"regions": []}, "lookup:eu-west-1: is not enabled for account 111122223333"),
    "expired": ({"expired": True}, "lookup:eu-west-1: the credentials have expired (ExpiredTokenException); renew"),
    "nobody": (
        {"no_identity": True},
        "lookup:eu-west-1: AWS does not say whose account this is (sts:GetCallerIdentity: ",
    ),
}


@pytest.mark.parametrize("what", FATAL)
def test_what_ends_the_run_is_one_clear_line(history: CloudTrail, tmp_path: Path, what: str) -> None:
    changes, line = FATAL[what]
    history.configure(**changes)
    done = command(history, ["ingest", "lookup:eu-west-1", "--lake", tmp_path / "lake", "--no-progress"])
    assert done.returncode == 1
    (told,) = done.stderr.splitlines()
    assert told.startswith(f"trailsift: {line}")


def test_no_credentials(history: CloudTrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SourceError) as caught:
        run(tmp_path / "lake")
    assert "Unable to locate credentials" in str(caught.value)
    assert str(caught.value).endswith("or name a profile in trailsift.toml")


def test_nothing_is_left_in_the_temporary_folder(history: CloudTrail, tmp_path: Path) -> None:
    history.add(spread(300, past(4), past(1)))
    run(tmp_path / "lake")
    assert [each.name for each in (tmp_path / "tmp").iterdir()] == [f"trailsift-{os.getuid()}"]


def test_a_stopped_run_waits_for_no_storm_to_end(history: CloudTrail, tmp_path: Path) -> None:
    history.add(spread(300, past(4), past(1)))
    history.configure(storm=1_000_000)
    stop = Event()
    Timer(1.5, stop.set).start()
    summary = ingest(tmp_path / "lake", ["lookup:eu-west-1"], Settings(jobs=1), stop=stop)
    assert (summary.events_new, summary.problems) == (0, [])
