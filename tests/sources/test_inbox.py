"""A queue that refuses or is busy: what ends the run, what is tried again, and what does no harm."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.config import SourceSettings
from pipeline.errors import SourceError, UnreachableError
from pipeline.sources import inbox
from pipeline.sources.inbox import DEFAULT_VISIBILITY, Inbox

DENIED, BUSY = ("AccessDenied", 403), ("RequestThrottled", 403)


class Fake:
    """SQS that holds one message, and answers some requests with an error; `calls` are those it got."""

    def __init__(self, **errors: tuple[str, int]) -> None:
        self.errors, self.calls, self.gate = errors, dict[str, list[Any]](), threading.Event()

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        def call(**request: Any) -> dict[str, Any]:
            self.calls.setdefault(name, []).append(request)
            if name in self.errors:
                code, status = self.errors[name]
                answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
                raise ClientError(answer, name)
            if name == "receive_message":
                if request["WaitTimeSeconds"]:
                    self.gate.wait(10)
                return {"Messages": [{"MessageId": "m", "Body": "b", "ReceiptHandle": "r"}]}
            return {"Attributes": {"VisibilityTimeout": "7"}}

        return call


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fake], Inbox]:
    def make(fake: Fake) -> Inbox:
        monkeypatch.setattr(inbox, "client", lambda *_: fake)
        return Inbox(SourceSettings("sqs:https://q/1/q"), "https://q/1/q")

    return make


def test_the_queues_own_time_of_hiding_is_kept_to(opened: Callable[[Fake], Inbox]) -> None:
    fake = Fake()
    opened(fake).receive(0)
    assert fake.calls["receive_message"][0]["VisibilityTimeout"] == 7


def test_a_consumer_needs_no_right_to_ask_how_the_queue_is_set(opened: Callable[[Fake], Inbox]) -> None:
    fake = Fake(get_queue_attributes=DENIED)
    opened(fake).receive(0)
    assert fake.calls["receive_message"][0]["VisibilityTimeout"] == DEFAULT_VISIBILITY


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (DENIED, SourceError, "^sqs:https://q/1/q: AWS refused .*; give these credentials the right to it"),
        (BUSY, UnreachableError, "cannot be reached .*RequestThrottled"),
        (("ServiceUnavailable", 503), UnreachableError, "cannot be reached"),
        (("AWS.SimpleQueueService.NonExistentQueue", 400), SourceError, "does not exist"),
        (("ExpiredToken", 403), SourceError, "the credentials have expired"),
    ],
)
def test_a_queue_that_gives_nothing(
    opened: Callable[[Fake], Inbox], error: tuple[str, int], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        opened(Fake(receive_message=error)).receive(0)
    assert type(caught.value) is kind


def test_a_message_that_may_not_be_deleted_ends_the_run(opened: Callable[[Fake], Inbox]) -> None:
    queue = opened(Fake(delete_message_batch=DENIED))
    with pytest.raises(SourceError, match="AWS refused"):
        queue.delete(queue.receive(0))


def test_a_message_that_cannot_be_deleted_or_given_back_now_comes_again(opened: Callable[[Fake], Inbox]) -> None:
    fake = Fake(delete_message_batch=BUSY, change_message_visibility_batch=BUSY)
    queue = opened(fake)
    queue.delete(queue.receive(0))
    queue.give_back(queue.receive(0))
    assert fake.calls.keys() >= fake.errors.keys()


def test_a_message_in_hand_that_comes_again_is_not_new(opened: Callable[[Fake], Inbox]) -> None:
    queue = opened(Fake())
    assert len(queue.receive(0)) == 1
    assert queue.receive(0) == []


def test_waiting_ends_when_told_and_what_comes_later_is_given_back(opened: Callable[[Fake], Inbox]) -> None:
    fake, stop = Fake(), threading.Event()
    queue = opened(fake)
    threading.Timer(0.2, stop.set).start()
    assert queue.receive(20, stop) == []
    fake.gate.set()
    for _ in range(200):
        if "change_message_visibility_batch" in fake.calls:
            break
        threading.Event().wait(0.05)
    (request,) = fake.calls["change_message_visibility_batch"]
    assert request["Entries"] == [{"Id": "0", "ReceiptHandle": "r", "VisibilityTimeout": 0}]
