"""A queue's messages in hand: received, kept from others while they are worked on, and deleted when they are done.

A message is in hand until the last object it names is in the lake; it is deleted then and not before. Whatever
happens to this process, a message that was not deleted comes again, to this consumer or another.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from threading import Event, Lock, Thread
from typing import Any

from pipeline.config import SourceSettings
from pipeline.sources.aws import client, code_of, fault, passes

# SQS's own limits, and the seconds of visibility that a queue has by default ("Quotas", "ReceiveMessage").
AT_ONCE, LONGEST_WAIT, DEFAULT_VISIBILITY = 10, 20, 30
_CALLS = 8  # made side by side where many messages are deleted


@dataclass
class Message:
    """A message in hand; `open` are the identities of what must be in the lake before it is deleted.

    `trouble` says why one of its objects cannot be had, "" while none is known of.
    """

    id: str
    body: str
    receives: int
    receipt: str
    until: float  # monotonic time at which others may see it again
    open: set[Any] = field(default_factory=set)
    trouble: str = ""


class Inbox:
    """One queue, asked in the process that lists; a thread of its own keeps messages in hand from others' sight."""

    def __init__(self, settings: SourceSettings, url: str) -> None:
        """Raises SourceError where the queue does not exist or may not be used."""
        self.place, self.url = settings.location, url
        self._sqs = client(settings, "sqs")
        self._lock = Lock()
        self._in_hand: dict[str, Message] = {}
        self._closed = Event()
        self._visibility = self._visibility_of_queue()
        self.pool = ThreadPoolExecutor(_CALLS, thread_name_prefix="sqs")
        Thread(target=self._keep, name="sqs-visibility", daemon=True).start()

    def receive(self, wait: int, stop: Event | None = None) -> list[Message]:
        """New messages in hand, after at most `wait` seconds; of those in hand already only the receipt is renewed.

        Returns at once when `stop` is set; what SQS answers then is given back.
        """
        if stop is None:
            answer = self._receive(wait)
        else:
            coming = _in_background(lambda: self._receive(wait))
            while not coming.done():
                if stop.wait(0.1):
                    coming.add_done_callback(self._return_late)
                    return []
            answer = coming.result()
        return self._take(answer)

    def drop(self, messages: Iterable[Message]) -> None:
        """Lets go of messages: they come again when the queue's time for it is over, unless they are deleted."""
        with self._lock:
            for each in messages:
                self._in_hand.pop(each.id, None)

    def delete(self, messages: Sequence[Message]) -> None:
        """Deletes messages for good; one that cannot be now comes again, which does no harm.

        Raises SourceError where this is not allowed: the queue would never become empty.
        """
        self.drop(messages)
        calls = [self.pool.submit(self._delete, each) for each in _tens(messages)]
        for call in calls:
            call.result()

    def give_back(self, messages: Iterable[Message]) -> None:
        """Lets others see messages in hand at once."""
        with self._lock:
            left = [self._in_hand.pop(name) for name in {each.id for each in messages} if name in self._in_hand]
        for each in _tens(left):
            self._change(each, 0)

    def close(self) -> None:
        """Gives back what is left."""
        self._closed.set()
        with self._lock:
            left = list(self._in_hand.values())
        self.give_back(left)
        self.pool.shutdown(wait=False)

    def _visibility_of_queue(self) -> int:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["VisibilityTimeout"])
            return int(found.get("Attributes", {}).get("VisibilityTimeout", 0)) or DEFAULT_VISIBILITY
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in ("AccessDenied", "AccessDeniedException"):
                return DEFAULT_VISIBILITY  # a consumer needs no right to ask for this
            raise fault(self.place, error) from error

    def _receive(self, wait: int) -> list[dict[str, Any]]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=AT_ONCE,
                WaitTimeSeconds=wait,
                VisibilityTimeout=self._visibility,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        except (BotoCoreError, ClientError) as error:
            raise fault(self.place, error) from error
        return list(answer.get("Messages", ()))

    def _take(self, answer: list[dict[str, Any]]) -> list[Message]:
        fresh: list[Message] = []
        until = time.monotonic() + self._visibility
        with self._lock:
            for each in answer:
                receives = int(each.get("Attributes", {}).get("ApproximateReceiveCount", 1))
                message = Message(each["MessageId"], each["Body"], receives, each["ReceiptHandle"], until)
                known = self._in_hand.setdefault(message.id, message)
                if known is message:
                    fresh.append(message)
                else:
                    message.open, message.trouble = known.open, known.trouble
                    vars(known).update(vars(message))
        return fresh

    def _return_late(self, coming: Future[list[dict[str, Any]]]) -> None:
        with contextlib.suppress(Exception):
            self.give_back(self._take(coming.result()))

    def _keep(self) -> None:
        """Puts off the moment at which others see the messages in hand, for those of which half the time is over."""
        while not self._closed.wait(self._visibility / 4):
            now = time.monotonic()
            with self._lock:
                due = [each for each in self._in_hand.values() if each.until - now < self._visibility / 2]
            for each in _tens(due):
                self._change(each, self._visibility)

    def _change(self, messages: list[Message], seconds: int) -> None:
        """Sets when others see messages; where that fails they are seen too early, or late, which does no harm."""
        until = time.monotonic() + seconds
        entries = [
            {"Id": str(n), "ReceiptHandle": each.receipt, "VisibilityTimeout": seconds}
            for n, each in enumerate(messages)
        ]
        with contextlib.suppress(Exception):
            self._sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)
            for each in messages:
                each.until = until

    def _delete(self, messages: list[Message]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        entries = [{"Id": str(n), "ReceiptHandle": each.receipt} for n, each in enumerate(messages)]
        try:
            self._sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            if not passes(error):
                raise fault(self.place, error) from error


def _in_background(call: Callable[[], Any]) -> Future[Any]:
    """The call's result, made in a thread that the end of the process does not wait for."""
    coming: Future[Any] = Future()

    def make() -> None:
        try:
            coming.set_result(call())
        except Exception as error:
            coming.set_exception(error)

    Thread(target=make, name="sqs-receive", daemon=True).start()
    return coming


def _tens(messages: Iterable[Message]) -> Iterator[list[Message]]:
    left = iter(messages)
    while ten := list(islice(left, AT_ONCE)):
        yield ten
