"""The shapes that carry records: which one a JSON text has, told by its members, and the records it holds.

Shapes: `{"Records": […]}`, a bare list, one object, LookupEvents pages (`{"Events": [{"CloudTrailEvent": "…"}]}`),
EventBridge envelopes (`{"detail-type", "detail"}`), digests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from pipeline.records.jsontext import NO_JSON, SPACE, elements, members

Raw = msgspec.Raw


class ObjectError(Exception):
    """The object as a whole cannot be read; its text says why."""


@dataclass(frozen=True)
class Refused:
    """A piece of an object that is no record: its bytes, and why."""

    raw: bytes
    reason: str


class _Shape(msgspec.Struct):
    """The members by which an object tells its shape."""

    eventTime: Raw = Raw()
    Records: Raw = Raw()
    Events: Raw = Raw()
    detail: Raw = Raw()
    detail_type: Raw = msgspec.field(name="detail-type", default=Raw())
    digestStartTime: Raw = Raw()
    digestEndTime: Raw = Raw()


class _LookupEvent(msgspec.Struct):
    CloudTrailEvent: str


_shape = msgspec.json.Decoder(_Shape)
_lookup = msgspec.json.Decoder(_LookupEvent)
_FIELDS = msgspec.structs.fields(_Shape)


def whole(text: bytes) -> Iterator[Raw | bytes | Refused]:
    """Records of a text that is one JSON value; raises DecodeError before the first record if it is not."""
    if text[:1] == b"[":
        yield from elements(text)
        return
    shape = _shape_of(text)
    # What has a time of its own is a record, whatever else it has.
    if _opens(shape.eventTime, b'"'):
        yield text
    elif _opens(shape.Records, b"["):
        yield from elements(shape.Records)
    elif _opens(shape.Events, b"["):
        yield from lookup_page(elements(shape.Events))
    elif _opens(shape.detail, b"{") and _opens(shape.detail_type, b'"'):
        yield shape.detail
    elif len(memoryview(shape.Records)) or len(memoryview(shape.Events)):
        raise ObjectError('has "Records" or "Events" that is no list')
    else:
        yield text


def _shape_of(text: Raw | bytes) -> _Shape:
    try:
        return _shape.decode(text)
    except msgspec.DecodeError:
        try:
            found = members(text)
        except ValueError:
            found = {}
        if not found:
            raise
        return _Shape(**{each.name: Raw(found[each.encode_name]) for each in _FIELDS if each.encode_name in found})


def is_digest(record: Raw | bytes) -> bool:
    """Whether the object is a digest file (CloudTrail digest file structure: digestStartTime, digestEndTime)."""
    try:
        shape = _shape_of(record)
    except NO_JSON:
        return False
    return _opens(shape.digestStartTime, b'"') and _opens(shape.digestEndTime, b'"')


def _opens(raw: Raw, mark: bytes) -> bool:
    return bytes(memoryview(raw)[:1]) == mark


def lookup_page(events: list[Raw]) -> Iterator[bytes | Refused]:
    """LookupEvents gives each record as a string in `CloudTrailEvent` (API reference, Event)."""
    for event in events:
        try:
            record = _record_of(event).encode()
        except (*NO_JSON, ValueError):
            record = b""
        yield record if record.strip(SPACE) else Refused(bytes(event), "has no CloudTrailEvent text")


def _record_of(event: Raw) -> str:
    try:
        return _lookup.decode(event).CloudTrailEvent
    except NO_JSON:
        # Another member may hold what JSON allows and msgspec refuses; ValueError where it is not that.
        text = members(event).get("CloudTrailEvent", b"")
        return msgspec.json.decode(text, type=str)
