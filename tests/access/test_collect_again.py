"""A collection that was stopped goes on; the command says what happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from pipeline.access.collect import Plan, Stopped, collect
from pipeline.access.collect.folder import HOURS
from pipeline.access.collect.jobs import AT_ONCE
from pipeline.cli import main
from pipeline.errors import UsageError
from pipeline.lake.tables import Lake
from tests.access.asked import MASTER, MEMBER, ROLE, role
from tests.access.test_collect import BOTH, OWN, newest, stored
from tests.aws.iam import World

ROOT = Path(__file__).resolve().parents[2]
# What is asked once and no more for each account, however often the run is stopped in last-accessed data.
ONCE = ("GetAccountAuthorizationDetails", "GetCredentialReport", "GetAccountPasswordPolicy", "GetAccountSummary",
        "ListVirtualMFADevices", "GetTrailStatus", "GetEventSelectors")  # fmt: skip


@pytest.fixture
def lake(empty_lake: Lake) -> Lake:
    return empty_lake


def many(world: World, count: int) -> None:
    world.accounts[MASTER].roles += [role(MASTER, f"r{n}") for n in range(count)]


def jobs(world: World) -> dict[str, int]:
    made: dict[str, int] = {}
    for _, _, operation, given in world.asked:
        if operation == "GenerateServiceLastAccessedDetails":
            made[given["Arn"]] = made.get(given["Arn"], 0) + 1
    return made


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_goes_on(world: World, lake: Lake, tmp_path: Path, how: signal.Signals) -> None:
    many(world, 80)
    world.delay = 0.02
    command = [
        sys.executable,
        "-c",
        "from pipeline.cli import main; main()",
        "iam",
        "collect",
        "--lake",
        str(lake.path),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    while len(jobs(world)) < 40:
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.01)
    process.send_signal(how)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == (-how if how == signal.SIGKILL else 130), said
    assert how == signal.SIGKILL or "run the same command again to go on" in said
    assert not lake.load("iam_snapshots").snapshots() and len(jobs(world)) < 84
    done = collect(lake, Plan())
    assert not done.lacking and done.imported.kinds["last_accessed"] == 84
    assert {each: world.calls[MASTER, each] for each in ONCE} == dict.fromkeys(ONCE, 1)
    twice = [arn for arn, count in jobs(world).items() if count > 1]
    assert len(jobs(world)) == 84 and len(twice) <= AT_ONCE, "only those that were at work are asked again"


def test_a_run_that_is_killed_between_accounts_goes_on(world: World, lake: Lake) -> None:
    stop = Event()
    world.hook = lambda account, operation: (
        stop.set() if (account, operation) == (MEMBER, "GetAccountSummary") else None
    )
    with pytest.raises(Stopped):
        collect(lake, BOTH, stop=stop)
    world.hook = None
    before = dict(world.calls)
    collect(lake, BOTH)
    assert (
        before[MEMBER, "GetAccountAuthorizationDetails"] == world.calls[MEMBER, "GetAccountAuthorizationDetails"] == 1
    )
    assert world.calls[MEMBER, "GetAccountSummary"] == 2, "a family that was at work is asked anew"
    assert newest(lake).asked("settings", MEMBER) == "complete"


def test_the_time_is_that_of_the_first_start(world: World, lake: Lake) -> None:
    stop = Event()
    world.hook = lambda account, operation: stop.set() if operation == "ListUsers" else None
    with pytest.raises(Stopped):
        collect(lake, OWN, stop=stop)
    world.hook = None
    begun = json.loads((lake.path / "collect" / "run.json").read_text())["begun"]
    done = collect(lake, OWN)
    assert f"{done.imported.taken_at:%Y-%m-%dT%H:%M:%SZ}" == begun
    assert not list((lake.path / "collect").glob("*/*")), "answers are not kept beside the lake"


@pytest.mark.parametrize("change", ["fresh", "old", "unreadable", "torn"])
def test_what_cannot_be_gone_on_with_is_asked_anew(world: World, lake: Lake, change: str) -> None:
    stop = Event()
    world.hook = lambda account, operation: stop.set() if operation == "ListUsers" else None
    with pytest.raises(Stopped):
        collect(lake, OWN, stop=stop)
    world.hook = None
    run = lake.path / "collect" / "run.json"
    details = lake.path / "collect" / MASTER / "details.jsonl"
    if change == "old":
        run.write_text(json.dumps({"begun": "2026-11-01T00:00:00Z", "committed": False}))
    if change == "unreadable":
        run.write_text("[]")
    if change == "torn":
        details.write_bytes(details.read_bytes()[:-20])
    done = collect(lake, Plan(last_accessed=False, fresh=change == "fresh"))
    assert world.calls[MASTER, "GetAccountAuthorizationDetails"] == 2 and not done.lacking
    assert done.imported.kinds["role"] == 2 and done.imported.taken_at.year >= 2026 and HOURS > 0


def test_a_principal_whose_last_page_is_missing_is_asked_anew(world: World, lake: Lake) -> None:
    world.page, stop = 1, Event()
    many(world, 40)
    world.hook = lambda account, operation: stop.set() if operation == "GetServiceLastAccessedDetails" else None
    with pytest.raises(Stopped):
        collect(lake, Plan(), stop=stop)
    file = lake.path / "collect" / MASTER / "last_accessed.jsonl"
    lines = file.read_text().splitlines()
    page = {"operation": "GetServiceLastAccessedDetails", "given": {"Arn": f"arn:aws:iam::{MASTER}:role/ci"},
            "answer": {"JobStatus": "COMPLETED", "ServicesLastAccessed": [], "IsTruncated": True}}  # fmt: skip
    kept = [each for each in lines if "role/ci" not in each]
    file.write_text("\n".join([*kept, json.dumps(page), '{"operation": "GetServ']))
    world.hook = None
    collect(lake, Plan())
    ci = next(each for each in newest(lake).of("last_accessed") if each["Arn"].endswith("role/ci"))
    assert [each["ServiceNamespace"] for each in ci["ServicesLastAccessed"]] == ["s3", "lambda"]


def test_other_regions_are_asked_anew(world: World, lake: Lake) -> None:
    stop = Event()
    world.hook = lambda account, operation: stop.set() if operation == "GenerateServiceLastAccessedDetails" else None
    with pytest.raises(Stopped):
        collect(lake, Plan(), stop=stop)
    world.hook = None
    collect(lake, Plan(regions=("us-east-1",)))
    assert newest(lake).asked("trails", MASTER) == "partial"


def test_two_runs_in_one_folder_are_one_too_many(world: World, lake: Lake) -> None:
    caught: list[Exception] = []

    def hook(account: str, operation: str) -> None:
        if operation == "GetAccountSummary":
            try:
                from pipeline.access.collect.folder import held

                with held(lake.path / "collect", False, _now()):
                    pass
            except UsageError as error:
                caught.append(error)

    world.hook = hook
    collect(lake, OWN)
    assert len(caught) == 1 and "another iam collect is at work" in str(caught[0])


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def run(words: list[str]) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["iam", "collect", *words])
    return int(caught.value.code or 0)


def test_the_command(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake, saved = str(tmp_path / "new"), tmp_path / "saved"
    words = ["--lake", lake, "--account", MASTER, "--account", MEMBER, "--role", ROLE, "-d", str(saved), "-o", "json"]
    assert run(words) == 0
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert answer["accounts"] == [MASTER, MEMBER] and answer["new"] and answer["role"] == 4 and not answer["lacking"]
    assert {each["state"] for each in answer["families"]} == {"complete"} and not said.err
    with pytest.raises(SystemExit) as caught:
        main(["iam", "import", *map(str, saved.glob("*/*.jsonl")), "--lake", str(tmp_path / "other")])
    assert not caught.value.code
    assert stored(Lake.open(tmp_path / "other")) == stored(Lake.open(lake))


def test_the_command_says_what_is_lacking(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = str(tmp_path / "new")
    world.denied = {(MASTER, "DescribeTrails"), (MASTER, "GenerateServiceLastAccessedDetails")}
    assert run(["--lake", lake]) == 4
    said = capsys.readouterr()
    assert said.err.count("\n") == 2 and said.err.count("--print-policy") == 2 and "snapshot" in said.out
    for words in (["--account", "x"], ["-o", "csv"], ["--account", MEMBER]):
        assert run([*words, "--lake", lake]) == 2
        assert capsys.readouterr().err.count("\n") == 1
