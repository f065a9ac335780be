"""Queues: the objects that messages of S3, SNS, EventBridge or CloudTrail name, read from S3.

Objects have the identity that listing their bucket gives them, so that a queue and a bucket may fill one lake. A
message is deleted once all its objects are in the lake. One that never gets there, because it cannot be understood
or one of its objects cannot be had, is put into quarantine after `max_receives` receptions, as an object of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pipeline.config import SourceSettings
from pipeline.errors import UsageError
from pipeline.sources.base import Refusal, Round, Selection, Source, SourceObject
from pipeline.sources.inbox import LONGEST_WAIT, Inbox, Message
from pipeline.sources.notifications import Named, NotUnderstood, named
from pipeline.sources.s3 import Objects, item
from pipeline.sources.trails import is_log

_LOCATION = re.compile(r"sqs:(?P<url>https?://(?P<host>[^/\s#]+)/[^/\s#]+/[\w.-]+)(#.*)?", re.IGNORECASE)
_REGION = re.compile(r"[a-z]{2,5}(?:-[a-z]+)+-\d+")
# Seconds that draining waits for one more message: more than none, so that SQS asks all of its servers.
_DRAIN_WAIT = 1

Key = tuple[str, str, int]


class SqsSource(Source):
    """`sqs:QUEUE_URL`: a queue that is told of new objects."""

    name = "sqs"
    parallel = 16
    waits = True

    @classmethod
    def claims(cls, text: str) -> bool:
        """Whatever begins as a queue's location does."""
        return text.lower().startswith("sqs:")

    def __init__(self, settings: SourceSettings) -> None:
        match = _LOCATION.fullmatch(settings.location)
        if not match:
            remedy = "write sqs:https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
            raise UsageError(settings.location, "is no URL of a queue", remedy)
        self.url = match["url"]
        region = _REGION.search(match["host"])
        self.settings = replace(settings, region=settings.region or (region[0] if region else ""))
        self.store = Objects(self.settings)
        self._forget()

    def __getstate__(self) -> dict[str, Any]:
        # Workers only read; messages are in the hand of the process that lists.
        mine = ("_inbox", "_waiting", "_poison", "_this")
        return {name: value for name, value in vars(self).items() if name not in mine}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()

    def _forget(self) -> None:
        self._inbox: Inbox | None = None
        self._waiting: dict[Key, list[Message]] = {}
        self._poison: list[Message] = []
        self._this = Round()

    def objects(self, this: Round) -> Iterator[SourceObject]:
        """What messages name, until the queue is empty or, while following, as long as the round may wait.

        Raises UsageError where only a look is asked for or a selection is given, SourceError where the queue cannot
        be asked.
        """
        if this.dry:
            problem = "a queue cannot be looked at without taking its messages"
            raise UsageError(self.settings.location, problem, "leave out --dry-run, or look at the bucket by s3://")
        if this.selection != Selection():
            problem = "a queue hands out all it has; what is not selected would be lost"
            raise UsageError(self.settings.location, problem, "leave the selection out, or take the bucket by s3://")
        self._this = this
        self._inbox = self._inbox or Inbox(self.settings, self.url)
        # Messages of a round that came to nothing are for whoever asks first.
        self._inbox.give_back([each for messages in self._waiting.values() for each in messages])
        self._waiting.clear()
        yield from self._received(this, self._inbox)

    def _received(self, this: Round, inbox: Inbox) -> Iterator[SourceObject]:
        taken, until = 0, time.monotonic() + this.seconds
        fresh: list[Message] = []
        while not this.stop.is_set():
            for each in self._named(fresh, inbox):
                until = until if taken else time.monotonic() + this.seconds
                taken += 1
                yield each
            left = until - time.monotonic()
            if taken >= this.limit or (this.follow and left <= 0):
                this.more = True
                return
            if this.follow:
                fresh = inbox.receive(min(max(1, round(left)), LONGEST_WAIT) if taken else LONGEST_WAIT, this.stop)
            else:
                fresh = inbox.receive(_DRAIN_WAIT)
            if not fresh and not (this.follow and taken):
                return

    def read(self, item: SourceObject) -> bytes:
        """The object's bytes as they are now: of a key that was written twice the later are read twice."""
        if item.uri.startswith("sqs:"):
            poison = json.loads(item.address)
            raise Refusal(poison["reason"], poison["body"].encode(errors="backslashreplace"))
        bucket, _, key = item.address.partition("/")
        return self.store.read(bucket, key)

    def committed(self, items: Sequence[SourceObject]) -> None:
        """Deletes the messages all of whose objects are in the lake now."""
        self._settle([message for each in items for message in self._without(each)])

    def unreadable(self, items: Sequence[tuple[SourceObject, str]]) -> None:
        """Leaves the messages of these objects to come again, or has the next round put them aside."""
        for each, reason in items:
            for message in self._waiting.get(_key(each), ()):
                message.trouble = f"{each.uri} {reason}"
            self._settle(self._without(each))

    def behind(self, raw: bytes) -> Iterator[SourceObject]:
        """The objects that a message put aside names, as they are now."""
        try:
            wanted = named(raw.decode(errors="replace"))
        except NotUnderstood as error:
            raise Refusal(f"the message {error}") from error
        for each in filter(lambda each: is_log(each.key), wanted):
            yield self.store.head(each.bucket, each.key)

    def close(self) -> None:
        """Gives back what is in hand."""
        if self._inbox:
            self._inbox.close()
        self._forget()

    def _named(self, messages: Sequence[Message], inbox: Inbox) -> Iterator[SourceObject]:
        """The objects of new messages, and messages that are put aside as objects of their own."""
        asked: list[tuple[Message, Named]] = []
        for message in messages:
            try:
                asked += [(message, each) for each in named(message.body) if is_log(each.key)]
            except NotUnderstood as error:
                message.trouble = f"the message {error}"
            if message.receives < self.settings.max_receives:
                message.body = ""  # no longer needed, and may be long
        for (message, _), found in zip(asked, inbox.pool.map(self._item, [each for _, each in asked]), strict=True):
            if isinstance(found, str):
                message.trouble = found
            elif self.wanted.takes(found):
                message.open.add(_key(found))
                self._waiting.setdefault(_key(found), []).append(message)
                yield found
        self._settle([each for each in messages if not each.open])
        while self._poison:
            yield self._put_aside(self._poison.pop())

    def _item(self, each: Named) -> SourceObject | str:
        """The object as a listing would give it, or why it cannot be had."""
        if each.etag is not None and each.size is not None:
            return item(each.bucket, each.key, each.etag, each.size)
        try:
            return self.store.head(each.bucket, each.key)
        except OSError as error:
            return f"s3://{each.bucket}/{each.key} {error}"

    def _without(self, done: SourceObject) -> list[Message]:
        """The messages that wait for nothing more, now that this object is through."""
        messages = self._waiting.pop(_key(done), [])
        for each in messages:
            each.open.discard(_key(done))
        return [each for each in messages if not each.open]

    def _settle(self, messages: Sequence[Message]) -> None:
        """Does with messages that wait for nothing more what is to be done."""
        if not messages or not self._inbox:
            return
        self._inbox.delete([each for each in messages if not each.trouble])
        poison = [each for each in messages if each.trouble and each.receives >= self.settings.max_receives]
        self._inbox.drop(each for each in messages if each.trouble and each not in poison)
        self._poison += poison
        self._this.more = self._this.more or bool(poison)

    def _put_aside(self, message: Message) -> SourceObject:
        """The message as an object that will be refused, so that quarantine keeps it."""
        body = message.body.encode(errors="backslashreplace")
        reason = f"{message.trouble} (received {message.receives:,} times)"
        address = json.dumps({"reason": reason, "body": message.body})
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        aside = SourceObject(f"sqs:{self.url}#{message.id}", etag, len(body), address)
        message.trouble, message.open = "", {_key(aside)}
        self._waiting.setdefault(_key(aside), []).append(message)
        return aside


def _key(item: SourceObject) -> Key:
    return item.uri, item.etag, item.size
