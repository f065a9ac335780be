"""A queue as a source: each object once whatever the messages do, and no message lost before its objects are in."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Settings, SourceSettings
from pipeline.errors import SourceError, UsageError
from pipeline.ingest import Selection, ingest, plan
from pipeline.ingest.retry import retry
from pipeline.ingest.summary import Summary
from pipeline.lake.failpoints import NAMES
from pipeline.lake.quarantine import entries
from pipeline.lake.tables import Lake
from pipeline.sources.base import Round, SourceObject, open_source
from pipeline.sources.inbox import Inbox
from pipeline.sources.sqs import SqsSource
from tests.aws import notices
from tests.aws.moto import REGION, Aws
from tests.lake.contents import check_sums, table
from tests.logs import event

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "trail-logs"
FOLDER = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/10/01/111122223333_CloudTrail_eu-west-1_20261001T1005Z_"


@dataclass
class Queue:
    """A bucket and a queue that is told of what is put into it, with the short patience that tests have."""

    aws: Aws
    url: str

    @property
    def location(self) -> str:
        return f"sqs:{self.url}"

    def put(self, name: str, *records: dict[str, Any], folder: str = FOLDER) -> tuple[str, str, str, int]:
        """Stores a log; gives what a message would tell of it: bucket, key, etag and size."""
        records = records or (event(eventID=name),)
        body, key = gzip.compress(json.dumps({"Records": records}).encode(), mtime=0), f"{folder}{name}.json.gz"
        etag = self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)["ETag"].strip('"')
        return BUCKET, key, etag, len(body)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.aws.client("sqs").send_message(QueueUrl=self.url, MessageBody=body)

    def left(self) -> int:
        """Messages in the queue, those in hand too."""
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws.client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=wanted)["Attributes"]
        return sum(int(found[name]) for name in wanted)

    def wait(self, hidden: int = 0) -> None:
        """Returns when no more messages than this are hidden from consumers."""
        wanted, deadline = "ApproximateNumberOfMessagesNotVisible", time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.aws.client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=[wanted])
            if int(found["Attributes"][wanted]) <= hidden:
                return
            time.sleep(0.1)
        raise AssertionError("messages stay hidden")


@pytest.fixture
def queue(aws: Aws) -> Queue:
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    attributes = {"VisibilityTimeout": "3"}  # seconds that a test waits for a message to come again
    return Queue(aws, aws.client("sqs").create_queue(QueueName="trail", Attributes=attributes)["QueueUrl"])


def take(lake: Path, *sources: str, **settings: Any) -> Summary:
    return ingest(lake, sources, Settings(jobs=1, **settings))


def uris(lake: Path) -> list[str]:
    return sorted(Path(each).name.split(".")[0][-1] for each in table(lake, "ledger")["uri"].to_pylist())


def test_each_kind_of_message_brings_its_objects_and_is_deleted(tmp_path: Path, queue: Queue) -> None:
    a, b, c, d, e, f = (queue.put(name) for name in "abcdef")
    queue.send(
        notices.s3(a, b),
        notices.topic(notices.s3(c)),
        notices.bus(*d),
        notices.topic(notices.trail(BUCKET, e[1], f[1])),
        notices.test_event(BUCKET),
        notices.topic(notices.VALIDATION),
        notices.s3(queue.put("gone"), event="ObjectRemoved:Delete"),
        notices.s3(queue.put("config", folder="AWSLogs/111122223333/Config/eu-west-1/2026/10/1/ConfigHistory/")),
    )
    summary = take(tmp_path / "lake", queue.location)
    assert (summary.objects_loaded, summary.events_new, summary.partial) == (6, 6, False)
    assert uris(tmp_path / "lake") == list("abcdef")
    assert queue.left() == 0
    # Listing the bucket gives the same identities, those whose message told neither etag nor size too.
    again = take(tmp_path / "lake", f"s3://{BUCKET}/{FOLDER.rpartition('/')[0]}/")
    assert (again.objects_skipped, again.objects_loaded) == (6, 1)  # "gone" was not taken by its deletion


def test_twice_and_out_of_order_is_once(tmp_path: Path, queue: Queue) -> None:
    told = [notices.s3(queue.put(name)) for name in "abc"]
    queue.send(told[2], told[0], notices.topic(told[0]), told[1], told[1])
    assert take(tmp_path / "lake", queue.location).events_new == 3
    queue.send(*told)
    later = take(tmp_path / "lake", queue.location)
    assert (later.objects_skipped, later.objects_loaded, queue.left()) == (3, 0, 0)
    check_sums(tmp_path / "lake", events_new=3, duplicates=0)


def test_rounds_are_bounded_and_each_is_committed(tmp_path: Path, queue: Queue) -> None:
    queue.send(*(notices.s3(queue.put(f"{n:02}")) for n in range(25)))
    assert take(tmp_path / "lake", queue.location, batch_objects=10).events_new == 25
    batches = table(tmp_path / "lake", "ledger", "select count(*) n from rows group by batch_id order by n")
    assert batches["n"].to_pylist() == [5, 10, 10]  # SQS hands out ten at once
    assert queue.left() == 0


def test_a_bucket_and_its_queue_fill_one_lake(tmp_path: Path, queue: Queue) -> None:
    queue.send(notices.s3(queue.put("a")), notices.trail(BUCKET, queue.put("b")[1]))
    queue.put("c")
    summary = take(tmp_path / "lake", f"s3://{BUCKET}", queue.location)
    assert (summary.objects_seen, summary.events_new, queue.left()) == (3, 3, 0)


def test_a_message_whose_object_is_not_there_comes_again(tmp_path: Path, queue: Queue) -> None:
    here, missing = queue.put("a"), queue.put("b")
    queue.aws.client("s3").delete_object(Bucket=BUCKET, Key=missing[1])
    queue.send(notices.s3(here, missing), notices.trail(BUCKET, missing[1]))
    first = take(tmp_path / "lake", queue.location)
    assert (first.events_new, first.objects_failed, queue.left()) == (1, 1, 2)
    assert first.problems == [f"s3://{BUCKET}/{missing[1]}: is not there, or no longer (NoSuchKey)"]
    queue.put("b")
    queue.wait()
    second = take(tmp_path / "lake", queue.location)
    assert (second.events_new, second.objects_failed, queue.left()) == (1, 0, 0)
    check_sums(tmp_path / "lake", events_new=2)


def impatient(queue: Queue, max_receives: int) -> Settings:
    return Settings(jobs=1, sources=(SourceSettings(queue.location, name="trail", max_receives=max_receives),))


def test_a_poison_message_is_put_aside_and_tried_again_from_there(tmp_path: Path, queue: Queue) -> None:
    lake, settings = tmp_path / "lake", impatient(queue, 1)
    here, missing, unheard = queue.put("a"), queue.put("b"), queue.put("c")
    for each in (missing, unheard):
        queue.aws.client("s3").delete_object(Bucket=BUCKET, Key=each[1])
    told = notices.s3(here, missing)
    queue.send(told, notices.trail(BUCKET, unheard[1]), "hello \x1b")
    first = ingest(lake, ["trail"], settings)
    assert (first.events_new, queue.left()) == (1, 0)
    found = {each.reason: each for each in entries(Lake.open(lake))}
    assert sorted(found) == [
        f"s3://{BUCKET}/{missing[1]} is not there, or no longer (NoSuchKey) (received 1 times)",
        f"s3://{BUCKET}/{unheard[1]} is not there, or no longer (404) (received 1 times)",
        "the message is no JSON (received 1 times)",
    ]
    assert all(each.kind == "object" and each.uri.startswith(f"{queue.location}#") for each in found.values())
    kept = table(lake, "quarantine")["raw"].to_pylist()
    assert set(kept) == {told.encode(), notices.trail(BUCKET, unheard[1]).encode(), b"hello \x1b"}
    check_sums(lake, events_new=1)

    assert retry(lake, settings).events_new == 0
    queue.put("b")
    assert retry(lake, settings).events_new == 1
    queue.put("c")
    take(lake, f"s3://{BUCKET}")  # what the lake got by another way needs no second reading
    assert retry(lake, settings).objects_loaded == 0
    assert [each.reason for each in entries(Lake.open(lake))] == ["the message is no JSON (received 1 times)"]
    check_sums(lake, events_new=3)


def test_a_message_is_given_as_many_chances_as_the_settings_say(tmp_path: Path, queue: Queue) -> None:
    settings = impatient(queue, 2)
    queue.send("hello")
    source = SqsSource(settings.sources[0])
    assert list(source.objects(Round())) == []
    source.close()
    assert queue.left() == 1
    queue.wait()
    summary = ingest(tmp_path / "lake", ["trail"], settings)
    assert (summary.objects_failed, queue.left()) == (1, 0)
    assert "received 2 times" in summary.problems[0]


def begun(queue: Queue) -> tuple[SqsSource, list[SourceObject]]:
    source = SqsSource(SourceSettings(queue.location))
    return source, list(source.objects(Round()))


def test_a_message_is_hidden_from_others_as_long_as_it_is_worked_on(queue: Queue) -> None:
    queue.send(notices.s3(queue.put("a")))
    source, objects = begun(queue)
    time.sleep(4)  # the queue itself would hide it for three seconds
    assert begun(queue)[1] == []
    source.committed(objects)
    assert queue.left() == 0


def test_what_is_not_committed_is_given_back_at_once(queue: Queue) -> None:
    queue.send(notices.s3(queue.put("a")), notices.s3(queue.put("b")))
    source, objects = begun(queue)
    source.committed(objects[:1])
    source.close()
    other, left = begun(queue)
    assert left == objects[1:]
    other.committed(left)
    assert queue.left() == 0


def test_a_message_that_came_again_meanwhile_does_no_harm(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inbox, "_keep", lambda self: None)
    queue.send(notices.s3(queue.put("a")))
    (source, objects), _ = begun(queue), queue.wait()
    other, again = begun(queue)
    assert again == objects
    other.committed(again)
    source.committed(objects)
    assert queue.left() == 0


def test_settings_narrow_what_is_taken_of_a_queue(queue: Queue) -> None:
    queue.send(notices.s3(queue.put("a")))
    settings = impatient(queue, 5)
    source = open_source(replace(settings.sources[0], regions=("us-east-1",)))
    assert list(source.objects(Round())) == []
    assert queue.left() == 0


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_each_step_and_run_again(tmp_path: Path, queue: Queue, name: str) -> None:
    same = event(eventID="same")
    told = [queue.put("a", same, event(eventID="1"), {"no": "time"}), queue.put("b", same), queue.put("c")]
    queue.send(*(notices.s3(each) for each in told), notices.trail(BUCKET, told[0][1]))
    code = "import sys; from pipeline.ingest import *; from pipeline.config import Settings as S; "
    code += "ingest(sys.argv[1], [sys.argv[2]], S(jobs=1))"
    command = [sys.executable, "-c", code, str(tmp_path / "lake"), queue.location]
    killed = subprocess.run(command, cwd=ROOT, env=os.environ | {"TRAILSIFT_FAILPOINT": name}, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    if name in ("data-written", "before-commit", "events-committed", "committed-untold"):
        assert queue.left() == 4
    queue.wait()
    take(tmp_path / "lake", queue.location)
    assert (uris(tmp_path / "lake"), queue.left()) == (list("abc"), 0)
    check_sums(tmp_path / "lake", records_read=5, events_new=3, duplicates=1, quarantined=1)


def test_two_consumers_of_one_queue(tmp_path: Path, queue: Queue) -> None:
    told = [notices.s3(queue.put(f"{n:02}")) for n in range(24)]
    queue.send(*told, *told[:6])
    lake = tmp_path / "lake"
    words = ("ingest", queue.location, "--lake", str(lake), "--jobs", "1", "-o", "json", "--no-progress")
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *words]
    variables = os.environ | {"TRAILSIFT_BATCH_OBJECTS": "10"}
    both = [subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    summaries = [json.loads(each.communicate(timeout=120)[0]) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert sum(each["events_new"] for each in summaries) == 24
    assert table(lake, "ledger").num_rows == 24
    check_sums(lake, events_new=24)
    assert queue.left() == 0


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("sqs:trail", "is no URL of a queue; write sqs:https://"),
        ("sqs:", "is no URL of a queue"),
        ("SQS:https://sqs.eu-west-1.amazonaws.com/", "is no URL of a queue"),
    ],
)
def test_a_location_that_is_none(location: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        SqsSource(SourceSettings(location))


def test_the_region_is_the_queues_own() -> None:
    for host in ("sqs.eu-west-1.amazonaws.com", "eu-west-1.queue.amazonaws.com", "sqs-fips.eu-west-1.amazonaws.com"):
        assert SqsSource(SourceSettings(f"sqs:https://{host}/1/q")).settings.region == "eu-west-1"
    other = SourceSettings("sqs:https://sqs.eu-west-1.amazonaws.com/1/q", region="us-gov-west-1")
    assert SqsSource(other).settings.region == "us-gov-west-1"


def test_a_queue_that_does_not_exist(tmp_path: Path, queue: Queue) -> None:
    with pytest.raises(SourceError, match=r"trail2: does not exist .*; check the name and the account"):
        take(tmp_path / "lake", f"{queue.location}2")


def test_a_queue_is_not_looked_at_only(tmp_path: Path, queue: Queue) -> None:
    with pytest.raises(UsageError, match="cannot be looked at without taking its messages"):
        plan(tmp_path / "lake", [queue.location], Settings(jobs=1))
    with pytest.raises(UsageError, match="what is not selected would be lost"):
        ingest(tmp_path / "lake", [queue.location], Settings(jobs=1), Selection(regions=frozenset({"eu-west-1"})))
