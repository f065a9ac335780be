"""The store under runs at once, runs that are killed, and runs that go on beside ingestion."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli import main
from pipeline.config import Settings
from pipeline.detect.store import states
from pipeline.ingest import ingest
from pipeline.lake.decided import rows
from pipeline.lake.tables import Lake
from tests.conftest import ROOT
from tests.detect.sigma import rule
from tests.logs import event, write

PATIENCE = 120


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder with a lake of two matching calls, hours apart, and a rule that finds them."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "one.yml").write_text(yaml.safe_dump(rule({"s": {"eventName": "StopLogging"}}, title="one")))
    arrive(tmp_path, "10:00:00", "15:00:00")
    return tmp_path


def arrive(world: Path, *times: str) -> None:
    source = write(world / f"{times[0].replace(':', '')}.json", [call(each) for each in times])
    ingest(world / "lake", [str(source)], Settings(jobs=1))


def call(at: str) -> dict[str, Any]:
    """A call against a trail, of which the event's id tells the time."""
    source = "cloudtrail.amazonaws.com"
    return event(eventSource=source, eventName="StopLogging", eventTime=f"2026-10-01T{at}Z", eventID=at)


def started(world: Path, *words: str, failpoint: str = "") -> subprocess.Popen[str]:
    """`trailsift detect` as a process of its own."""
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "detect", "--rules", str(world / "mine")]
    given = {"TRAILSIFT_FAILPOINT": failpoint} if failpoint else {}
    return subprocess.Popen(
        [*command, "--lake", str(world / "lake"), *words],
        cwd=ROOT,
        env=os.environ | given,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def changes(world: Path) -> Counter[tuple[str, str]]:
    """How often each change of each finding is stored; the findings are named by their first event."""
    found, _ = states(Lake.open(world / "lake"))
    return Counter((each.event_ids[0], row["change"]) for each in found.values() for row in each.history)


BOTH = {("10:00:00", "found"): 1, ("15:00:00", "found"): 1}


def test_two_runs_at_once_store_a_finding_once(world: Path) -> None:
    """The first is held when it has decided what to store; the second comes before it."""
    held = world / "held"
    first = started(world, "-o", "json", failpoint=f"findings-decided@{held}")
    wait(held.exists, first)
    second = started(world, "-o", "json")
    assert len(json.loads(second.communicate(timeout=PATIENCE)[0])) == 2
    held.with_name("held.go").touch()
    out, _ = first.communicate(timeout=PATIENCE)
    assert (first.returncode, json.loads(out)) == (0, []), "what the second stored is no news to the first"
    assert changes(world) == BOTH


@pytest.mark.parametrize(
    ("failpoint", "stored", "news"),
    [("findings-decided", {}, 2), ("findings-appended", BOTH, 0), ("examined-decided", BOTH, 0)],
)
def test_a_run_that_is_killed_is_made_good_by_the_next(
    failpoint: str, stored: dict[Any, int], news: int, world: Path
) -> None:
    killed = started(world, failpoint=failpoint)
    killed.communicate(timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL
    assert changes(world) == stored
    assert rows(Lake.open(world / "lake"), "examined").num_rows == 0
    again = started(world, "-o", "json")
    out, err = again.communicate(timeout=PATIENCE)
    assert (again.returncode, len(json.loads(out))) == (0, news) and "examined 1 batch of events" in err
    assert changes(world) == BOTH
    assert rows(Lake.open(world / "lake"), "examined").num_rows == 1


def test_following_tells_findings_as_they_come_and_ends_at_a_signal(world: Path) -> None:
    run = started(world, "--follow", "--every", "1", "-o", "ndjson")
    assert run.stdout is not None
    try:
        assert {json.loads(run.stdout.readline())["event_ids"][0] for _ in range(2)} == {"10:00:00", "15:00:00"}
        arrive(world, "15:30:00")
        grown = json.loads(run.stdout.readline())
        assert grown["event_ids"] == ["15:00:00", "15:30:00"]
        run.send_signal(signal.SIGTERM)
        out, err = run.communicate(timeout=PATIENCE)
    finally:
        run.kill()
    assert (run.returncode, out) == (130, "") and "Traceback" not in err
    assert changes(world) == BOTH | {("15:00:00", "grew"): 1}
    left = started(world)
    assert "nothing to examine" in left.communicate(timeout=PATIENCE)[1], "what was followed counts as examined"


def test_ingestion_detects_what_it_brings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Our own rules find a trail that was stopped; the line is on stderr, and stdout has the summary alone."""
    arguments = ["--lake", str(tmp_path / "lake"), "--detect", "--jobs", "1", "-o", "json"]
    told = []
    for at in ("10:00:00", "10:30:00"):
        source = write(tmp_path / "logs" / f"{at[3:5]}.json", [call(at)])
        with pytest.raises(SystemExit) as stop:
            main(["ingest", str(source), *arguments])
        said = capsys.readouterr()
        assert stop.value.code == 0 and json.loads(said.out)["events_new"] == 1
        told += [each for each in said.err.splitlines() if "2026-10-01T10:00:00Z" in each]
    assert [each.split(":")[0] for each in told] == ["new high", "grown high"]
    assert "2 events" in told[1]
    with pytest.raises(SystemExit):
        main(["detect", "--lake", str(tmp_path / "lake"), "-o", "json"])
    assert json.loads(capsys.readouterr().out) == []


def wait(reached: Any, run: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not reached():
        assert run.poll() is None, run.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.05)
