"""What a message about new objects says: which objects of S3 it names, whichever service wrapped it.

Pure: text in, names out. The shapes are AWS's: "Event message structure" and "Using EventBridge" of the S3 user
guide, "Configuring Amazon SNS notifications for CloudTrail", "Amazon SNS message and JSON formats".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

# How often one message may lie in another: EventBridge or S3 in SNS, with one to spare.
_DEPTH = 3
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")
_ETAG = re.compile(r"[0-9a-fA-F]{32}(-\d+)?")
# What CloudTrail sends to a topic to see that it may, as plain text.
_VALIDATION = "CloudTrail validation message"


@dataclass(frozen=True)
class Named:
    """An object that a message names; `etag` (without quotes) and `size` are None where the message has none."""

    bucket: str
    key: str
    etag: str | None = None
    size: int | None = None


class NotUnderstood(ValueError):
    """The message is none of the shapes known; says in a few words what it is instead."""


def named(body: str) -> list[Named]:
    """The new objects a message names, each once; none for a message that tells of something else.

    Raises NotUnderstood for a message of no known shape.
    """
    return list(dict.fromkeys(_named(body, _DEPTH)))


def _named(body: str, depth: int) -> Iterator[Named]:
    if body.strip().startswith(_VALIDATION):
        return
    message = _parsed(body)
    if isinstance(message.get("Message"), str) and "TopicArn" in message:
        yield from _of_topic(message, depth)
    elif isinstance(message.get("Records"), list):
        for record in message["Records"]:
            yield from _of_bucket(record)
    elif "s3Bucket" in message or "s3ObjectKey" in message:
        yield from _of_trail(message)
    elif message.get("source") == "aws.s3" and str(message.get("detail-type")).startswith("Object "):
        yield from _of_bus(message)
    elif message.get("Event") != "s3:TestEvent":
        raise NotUnderstood("is a message of no known kind")


def _parsed(body: str) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except RecursionError:
        raise NotUnderstood("is nested too deeply") from None
    except ValueError:
        raise NotUnderstood("is no JSON") from None
    if not isinstance(message, dict):
        raise NotUnderstood("is no JSON object")
    return message


def _of_topic(message: dict[str, Any], depth: int) -> Iterator[Named]:
    """SNS without raw delivery; what it says of subscriptions themselves names nothing."""
    if message.get("Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
        return
    if not depth:
        raise NotUnderstood("is wrapped too often")
    yield from _named(message["Message"], depth - 1)


def _of_bucket(record: Any) -> Iterator[Named]:
    """An S3 event notification; its key is URL-encoded, as a form is, and only a creation is of interest."""
    if not isinstance(record, dict) or not isinstance(record.get("eventName"), str):
        raise NotUnderstood("has a record that is no event of S3")
    s3 = _member(record, "s3")
    if record["eventName"].removeprefix("s3:").startswith("ObjectCreated:"):
        thing = _member(s3, "object")
        key = thing.get("key")
        yield _checked(_member(s3, "bucket").get("name"), unquote_plus(key) if isinstance(key, str) else key, thing)


def _of_bus(message: dict[str, Any]) -> Iterator[Named]:
    """An event of S3 that EventBridge passed on; its key is not encoded."""
    if message.get("detail-type") == "Object Created":
        detail = _member(message, "detail")
        thing = _member(detail, "object")
        yield _checked(_member(detail, "bucket").get("name"), thing.get("key"), thing)


def _of_trail(message: dict[str, Any]) -> Iterator[Named]:
    """CloudTrail's own notification: keys alone, one or several."""
    keys = message.get("s3ObjectKey")
    for key in [keys] if isinstance(keys, str) else keys if isinstance(keys, list) else [None]:
        yield _checked(message.get("s3Bucket"), key, {})


def _member(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    if not isinstance(found, dict):
        raise NotUnderstood(f"has no {name}")
    return found


def _checked(bucket: Any, key: Any, thing: dict[str, Any]) -> Named:
    if not isinstance(bucket, str) or not _BUCKET.fullmatch(bucket):
        raise NotUnderstood("names no bucket")
    if not isinstance(key, str) or not key or not _is_text(key) or len(key.encode()) > 1024:
        raise NotUnderstood("names no object")
    etag, size = str(thing.get("eTag", thing.get("etag"))).strip('"'), thing.get("size")
    if not _ETAG.fullmatch(etag) or not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 53:
        return Named(bucket, key)
    return Named(bucket, key, etag, size)


def _is_text(key: str) -> bool:
    """Whether the key can be written down: JSON may hold halves of a character."""
    return not any(0xD800 <= ord(each) < 0xE000 for each in key)
