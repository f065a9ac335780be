"""Records to Arrow: the columns of `events`, those CloudTrail names and those we derive.

The common record takes a fast path: it is cut into pieces, and of equal pieces one is decoded (a session's
`userIdentity` once, not once an event). A record with anything unexpected takes the slow path, which gives the same
columns and keeps the unexpected in `extra`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records import encoded
from pipeline.records.columns import TIME, Rows
from pipeline.records.decode import Refused, is_digest, members, records
from pipeline.records.fields import fit
from pipeline.records.fragments import OTHER_CATEGORY, OTHER_TYPE, Outline, typed
from pipeline.records.pieces import Pieces, cut
from pipeline.records.schema import EVENTS
from pipeline.times import iso

# Above this size an object is decoded record by record, so that memory does not follow the object's size.
WHOLE = 32 << 20
# Below this size an object is not cut: that costs a millisecond however few its records are.
SMALL = 128 << 10


@dataclass
class Part:
    """What came of a run of records: event rows in order, and what went elsewhere."""

    rows: pa.Table  # of schema EVENTS, but for texts that repeat, which are dictionaries
    runs: list[tuple[int, int]]  # (object, its rows) in row order
    others: list[dict[str, Any]]  # rows for digests, insights, aggregated; "table" names which
    refused: list[tuple[int, int, Refused]]  # (object, position in it, why)

    @cached_property
    def events(self) -> pa.Table:
        """The event rows in schema EVENTS."""
        return encoded.plain_table(self.rows).cast(EVENTS)


@dataclass
class Builder:
    """Takes objects one after another and builds a Part of them; `rows` and `size` (bytes) tell when it is large."""

    _rows: Rows = field(default_factory=Rows)
    _runs: list[tuple[int, int]] = field(default_factory=list)
    _others: list[dict[str, Any]] = field(default_factory=list)
    _refused: list[tuple[int, int, Refused]] = field(default_factory=list)
    size: int = 0

    @property
    def rows(self) -> int:
        """Event rows taken so far."""
        return self._rows.count

    @property
    def aside(self) -> int:
        """Records taken so far that are no event rows."""
        return len(self._others) + len(self._refused)

    def add_whole(self, number: int, data: bytes) -> bool:
        """Takes an object's records on the fast path; False, taking nothing, where its text is out of the ordinary."""
        if len(data) > WHOLE:
            return False
        try:
            if not data.isascii():
                data.decode()
        except UnicodeDecodeError:
            return False
        ways = [self._add_pieces, self._add_outlines]
        return any(way(number, data) for way in (reversed(ways) if len(data) < SMALL else ways))

    def _add_pieces(self, number: int, data: bytes) -> bool:
        """Takes an object that is laid out as CloudTrail delivers them; its odd records go the slow path."""
        pieces = cut(data)
        times = pieces and _moments(pieces)
        if pieces is None or times is None:
            return False
        numbers = self._rows.numbers(pieces)
        odd = pieces.odd
        for each in numbers:
            odd = odd | (each < 0)
        for values in pieces.values:
            odd = odd | _broken(values)
        whole = {row: pieces.whole(row) for row in np.flatnonzero(odd).tolist()}
        if not all(map(_is_object, whole.values())):
            return False
        start = 0
        for row, text in [*whole.items(), (len(odd), None)]:
            if start < row:
                self._rows.take(pieces, numbers, times, start, row)
                self._ran(number, row - start)
            if text is not None:
                self.add(number, row, text)
            start = row + 1
        self.size += len(data) - sum(map(len, whole.values()))
        return True

    def _add_outlines(self, number: int, data: bytes) -> bool:
        """Takes a small object, or one in another layout, whose records hold what the schema names, and no more."""
        try:
            events = _object.decode(data).Records
            moments = [readable_time(each.eventTime) for each in events]
            if not all(map(_is_plain, events, moments)):
                return False
            numbers = self._rows.shared(events)
        except (msgspec.DecodeError, RecursionError):
            return False
        for event, moment, each in zip(events, moments, numbers, strict=True):
            self._rows.add_numbered(event, each, moment)
        self._ran(number, len(events))
        self.size += len(data)
        return True

    def add(self, number: int, position: int, record: Any) -> None:
        """Takes one record, whatever it holds; what is no record is refused with a reason."""
        if isinstance(record, Refused):
            self._refused.append((number, position, record))
            return
        try:
            found = members(record)
        except ValueError as error:
            self._refused.append((number, position, Refused(bytes(record), str(error))))
            return
        try:
            text = bytes(record).decode()
        except UnicodeDecodeError:
            self._refused.append((number, position, Refused(bytes(record), "is not valid UTF-8")))
            return
        self.size += len(text)
        if other := _other(record, found, text):
            self._others.append(other | {"object": number})
            return
        event, rest = typed(found)
        moment = readable_time(event.eventTime)
        if moment is None:
            reason = f"has no readable eventTime ({event.eventTime!r})" if event.eventTime else "has no eventTime"
            self._refused.append((number, position, Refused(bytes(record), reason)))
            return
        if event.eventTime != iso(moment):
            rest["eventTime"] = msgspec.json.encode(event.eventTime)
        sha256 = None if event.eventID else hashlib.sha256(canonical(text).encode()).hexdigest()
        self._rows.add(event, rest, moment, sha256)
        self._ran(number, 1)

    def build(self) -> Part:
        """The Part of all that was taken; the builder starts anew."""
        part = Part(self._rows.build(), self._runs, self._others, self._refused)
        self.__init__()  # type: ignore[misc]
        return part

    def _ran(self, number: int, rows: int) -> None:
        """Notes that so many rows of an object follow."""
        if self._runs and self._runs[-1][0] == number:
            rows += self._runs.pop()[1]
        self._runs.append((number, rows))


def to_table(items: Iterable[dict[str, Any]]) -> pa.Table:
    """Rows of schema EVENTS for records given as dicts; raises ValueError for what is no event record."""
    builder = Builder()
    for position, item in enumerate(items):
        builder.add(0, position, json.dumps(item).encode())
    part = builder.build()
    if part.refused or part.others:
        raise ValueError(part.refused[0][2].reason if part.refused else "a digest, insight or aggregated record")
    return part.events


def add_object(builder: Builder, number: int, data: bytes) -> Iterable[None]:
    """Feeds an object's uncompressed bytes to the builder, pausing after each piece so that the caller may flush.

    Raises ObjectError where no record can be found in it.
    """
    if builder.add_whole(number, data):
        yield
        return
    for position, record in enumerate(records(data)):
        builder.add(number, position, record)
        yield


def readable_time(text: str | None) -> datetime | None:
    """The instant an eventTime names (ISO 8601 in any of its forms; UTC where no zone is given), or None."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def canonical(text: str) -> str:
    """The record as canonical JSON: sorted members, null members left out; equal records give equal text."""
    return json.dumps(_without_nulls(json.loads(text)), sort_keys=True, separators=(",", ":"))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _moments(pieces: Pieces) -> pa.Array | None:
    """The times of records that are cut, those of odd ones of no meaning; None where one is no time."""
    times = pieces.times.view(pa.string())
    if pieces.odd.any():
        times = pc.if_else(pa.array(pieces.odd), "1970-01-01T00:00:00Z", times)
    try:
        return times.cast(TIME)
    except pa.ArrowInvalid:
        return None


class _Object(msgspec.Struct):
    Records: list[Outline]
    eventTime: None = None  # an object with a time of its own is a record, not a list of them


_object = msgspec.json.Decoder(_Object)


def _is_plain(event: Any, moment: datetime | None) -> bool:
    """Whether an event is one that has an id, and its time in CloudTrail's own form."""
    other = event.eventCategory in OTHER_CATEGORY or event.eventType in OTHER_TYPE
    return bool(moment and event.eventID and not other and event.eventTime == iso(moment))


_value = msgspec.json.Decoder(msgspec.Raw)


def _broken(values: pa.Array) -> Any:
    """Which of the texts are neither empty nor JSON."""
    distinct = values.dictionary_encode()
    texts = distinct.dictionary.to_pylist()
    try:
        for text in texts:
            if text:
                _value.decode(text)
        return False
    except (msgspec.DecodeError, RecursionError):
        bad = np.array([bool(text) and not _is_value(text) for text in texts], bool)
        return bad[distinct.indices.to_numpy()]


def _is_value(text: bytes) -> bool:
    try:
        _value.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_object(text: bytes) -> bool:
    try:
        members(text)
    except ValueError:
        return False
    return True


def _other(record: Any, found: Any, text: str) -> dict[str, Any] | None:
    """The row of a digest, insight or aggregated record, for the table it belongs to; None for an event."""
    table = "digests" if is_digest(record) else None
    for name, kinds in (("eventCategory", OTHER_CATEGORY), ("eventType", OTHER_TYPE)):
        value = fit(found.get(name, b"null"), pa.string())[0]
        table = table or kinds.get(value or "")
    if table is None and "timeWindow" in found and "summary" in found and "eventTime" not in found:
        table = "aggregated"
    if table is None:
        return None
    plain = json.loads(text)
    window = plain.get("timeWindow") if isinstance(plain.get("timeWindow"), dict) else {}
    account = plain.get("recipientAccountId") or plain.get("awsAccountId") or plain.get("accountId")
    start = plain.get("digestStartTime") or window.get("windowStart") or plain.get("eventTime")
    end = plain.get("digestEndTime") or window.get("windowEnd") or plain.get("eventTime")
    return {
        "table": table,
        "id": hashlib.sha256(canonical(text).encode()).hexdigest(),
        "account_id": account if isinstance(account, str) else None,
        "awsRegion": plain.get("awsRegion") if isinstance(plain.get("awsRegion"), str) else None,
        "start_time": readable_time(start if isinstance(start, str) else None),
        "end_time": readable_time(end if isinstance(end, str) else None),
        "record": text,
    }
