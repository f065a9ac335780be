"""Following sources without end: news is taken as it comes, troubles that pass do not end it, a signal does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import pipeline.ingest
from pipeline.config import Settings
from pipeline.errors import CrewError, SourceError, UnreachableError
from pipeline.ingest import Selection, follow, following
from pipeline.ingest.summary import Summary
from pipeline.sources.base import Round, Source, SourceObject
from tests.aws import notices
from tests.aws.moto import Aws
from tests.aws.queue import Queue, make_queue
from tests.lake.contents import check_sums
from tests.logs import event, write

ROOT = Path(__file__).resolve().parents[2]


class Journal:
    """What a run told as it went; `then[n]` is done once n batches are in, and the run ends with the last of them."""

    def __init__(self, *then: Callable[[], Any]) -> None:
        self.batches: list[Summary] = []
        self.troubles: list[tuple[Exception, float]] = []
        self.stop = threading.Event()
        self.then = list(then)

    def committed(self, batch: Summary) -> None:
        self.batches.append(batch)
        if self.then:
            self.then.pop(0)()
        else:
            self.stop.set()

    def trouble(self, error: Exception, seconds: float) -> None:
        self.troubles.append((error, seconds))


def run(lake: Path, location: str, journal: Journal, **settings: Any) -> Summary:
    chosen = Settings(jobs=1, **{"batch_seconds": 1} | settings)
    return follow(lake, [location], chosen, Selection(), journal.stop, journal.committed, journal.trouble)


class Scripted(Source):
    """A source that does in turn what it is told: raise an error, or list objects that are read by `bytes_of`."""

    name = "scripted"
    waits = True

    def __init__(self, *steps: Exception | list[str]) -> None:
        self.steps = list(steps)

    @classmethod
    def claims(cls, text: str) -> bool:
        return False

    def objects(self, this: Round) -> Iterator[SourceObject]:
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        yield from (SourceObject(f"scripted:{name}", "", 1, name) for name in step)

    def read(self, item: SourceObject) -> bytes:
        if item.address == "deadly":
            os._exit(1)
        if item.address == "unreachable":
            raise UnreachableError("scripted", "cannot be reached", "wait")
        return b'{"Records": []}'


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has the source do what the steps say, and pauses be short."""
    monkeypatch.setattr(following, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(following, "DEATHS", 2)
    return lambda *steps: monkeypatch.setattr(pipeline.ingest, "opened", lambda *_: [Scripted(*steps)])


def test_a_folder_is_looked_at_again_and_again(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    threading.Timer(0.5, lambda: write(folder / "a.json", [event(), {"no": "time"}])).start()
    journal = Journal(lambda: write(folder / "b.json", [event()]))
    total = run(tmp_path / "lake", str(folder), journal)
    assert [each.events_new for each in journal.batches] == [1, 1]
    assert (total.events_new, total.objects_loaded, total.objects_skipped, total.partial) == (2, 2, 1, True)
    check_sums(tmp_path / "lake", events_new=2)


def test_a_worker_that_dies_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "FIRST_PAUSE", 0.01)

    def kill() -> None:
        (worker,) = multiprocessing.active_children()
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join()
        write(tmp_path / "logs/b.json", [event()])

    write(tmp_path / "logs/a.json", [event()])
    journal = Journal(kill, lambda: write(tmp_path / "logs/c.json", [event()]))
    assert run(tmp_path / "lake", str(tmp_path / "logs"), journal).events_new == 3
    ((error, _),) = journal.troubles
    assert isinstance(error, CrewError)


def test_what_kills_every_worker_ends_the_run(tmp_path: Path, scripted: Callable[..., None]) -> None:
    scripted(["deadly"], ["deadly"])
    journal = Journal()
    with pytest.raises(CrewError, match="a worker process died"):
        run(tmp_path / "lake", "scripted", journal)
    assert len(journal.troubles) == 1


def test_a_place_that_cannot_be_reached_is_tried_again(tmp_path: Path, scripted: Callable[..., None]) -> None:
    away = UnreachableError("scripted", "cannot be reached")
    scripted(away, away, away, ["a"], away, ["b"])
    journal = Journal(lambda: None)
    assert run(tmp_path / "lake", "scripted", journal).objects_loaded == 2
    assert [seconds for _, seconds in journal.troubles] == [0.01, 0.02, 0.04, 0.01]


def test_a_place_that_workers_cannot_reach_is_tried_again(tmp_path: Path, scripted: Callable[..., None]) -> None:
    scripted(["unreachable"], ["a"])
    journal = Journal()
    assert run(tmp_path / "lake", "scripted", journal).objects_loaded == 1
    assert [str(error) for error, _ in journal.troubles] == ["scripted: cannot be reached; wait"]


def test_a_place_that_is_gone_ends_the_run(tmp_path: Path, scripted: Callable[..., None]) -> None:
    scripted(["a"], SourceError("scripted", "does not exist"))
    with pytest.raises(SourceError, match="does not exist"):
        run(tmp_path / "lake", "scripted", Journal(lambda: None))


def test_one_that_waits_does_not_keep_the_others_from_their_turn(tmp_path: Path) -> None:
    """Whoever answers at once goes first when it is due; those that wait take turns."""
    polled, first, second = Scripted(), Scripted(), Scripted()
    polled.waits = False  # type: ignore[misc]
    turns: list[list[Source]] = []

    class Rounds:
        sources: ClassVar = [first, polled, second]
        settings = Settings(batch_seconds=3600)
        stop = threading.Event()

        def take(self, turn: list[Source]) -> tuple[Summary, list[Source]]:
            turns.append(turn)
            if len(turns) == 6:
                self.stop.set()
            return Summary(), turn if len(turns) == 1 else []

    following.Follower(Rounds()).go()  # type: ignore[arg-type]
    assert turns == [[polled], [polled], [first], [second], [first], [second]]


@pytest.fixture
def queue(aws: Aws) -> Queue:
    return make_queue(aws)


def test_batches_end_by_size_and_what_is_not_begun_is_given_back(tmp_path: Path, queue: Queue) -> None:
    queue.send(*(notices.s3(queue.put(f"{n:02}")) for n in range(25)))
    journal = Journal(lambda: None)
    total = run(tmp_path / "lake", queue.location, journal, batch_objects=10, batch_seconds=3600)
    assert [each.events_new for each in journal.batches] == [10, 10]
    assert (total.events_new, queue.left()) == (20, 5)
    check_sums(tmp_path / "lake", events_new=20)


def test_batches_end_by_age(tmp_path: Path, queue: Queue) -> None:
    queue.send(notices.s3(queue.put("a")), notices.test_event("trail-logs"))
    journal = Journal(lambda: queue.send(notices.s3(queue.put("b")), notices.s3(queue.put("c"))))
    assert run(tmp_path / "lake", queue.location, journal).events_new == 3
    assert (len(journal.batches), queue.left()) == (2, 0)


def start(tmp_path: Path, *words: str, failpoint: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "ingest", *words, "--follow"]
    variables = os.environ | {"TRAILSIFT_BATCH_SECONDS": "1", "TRAILSIFT_FAILPOINT": failpoint}
    return subprocess.Popen(
        [*command, "--lake", str(tmp_path / "lake"), "--jobs", "1"],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_peace(tmp_path: Path, queue: Queue, number: signal.Signals) -> None:
    queue.send(notices.s3(queue.put("a")))
    process = start(tmp_path, queue.location)
    assert process.stderr
    line = process.stderr.readline()
    assert line.endswith(" 1 new events from 1 objects, 0 duplicates\n")
    process.send_signal(number)
    out, talk = process.communicate(timeout=60)
    assert (process.returncode, talk) == (0, "")
    assert out.startswith("1 new events from 1 objects")
    assert queue.left() == 0


@pytest.mark.parametrize("signals", [1, 2])
def test_the_batch_in_hand_is_finished_unless_told_twice(tmp_path: Path, queue: Queue, signals: int) -> None:
    queue.send(notices.s3(queue.put("a")), "no JSON")
    gate = tmp_path / "gate"
    process = start(tmp_path, queue.location, failpoint=f"before-commit@{gate}")
    deadline = time.monotonic() + 60
    while not gate.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    for _ in range(signals):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)  # two at once are one
    if signals == 1:
        Path(f"{gate}.go").touch()
    _, talk = process.communicate(timeout=60)
    assert process.returncode == (0 if signals == 1 else -signal.SIGTERM), talk
    assert queue.left() == (1 if signals == 1 else 2)


def test_troubles_and_problems_are_said_as_they_are_met(tmp_path: Path, queue: Queue) -> None:
    """An unreadable message put aside is a line, and the run was not whole: exit code 4."""
    settings = tmp_path / "trailsift.toml"
    settings.write_text(f'[[sources]]\nname = "q"\nlocation = "{queue.location}"\nmax_receives = 1\n')
    queue.send("\x1b no JSON")
    process = start(tmp_path, "q", "--config", str(settings), "--quiet")
    assert process.stderr
    line = process.stderr.readline()
    assert line.startswith(f"trailsift: {queue.location}#")
    assert line.endswith(": the message is no JSON (received 1 times)\n")
    process.terminate()
    assert process.wait(60) == 4
