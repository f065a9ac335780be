"""Records to Arrow: the columns of `events`, those CloudTrail names and those we derive.

The common record takes a fast path: one typed decode of the whole object, columns built from distinct values
(a session's `userIdentity` is decoded once, not once an event). A record with anything unexpected takes the
slow path, which gives the same columns and keeps the unexpected in `extra`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records import columns
from pipeline.records.decode import Refused, is_digest, members, records
from pipeline.records.fields import fit
from pipeline.records.jsontext import readable
from pipeline.records.plain import canonical, parse
from pipeline.records.salvage import Patience
from pipeline.records.schema import EVENTS, OPEN, RECORD
from pipeline.times import iso

# Above this size an object is decoded record by record, so that memory does not follow the object's size.
WHOLE = 32 << 20
FOLD = 4_000
# Year 0, which Arrow reads, is none to Python.
_CANONICAL_TIME = r"^(?:[1-9]\d{3}|0[1-9]\d\d|00[1-9]\d|000[1-9])-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
_OTHER_CATEGORY = {"Insight": "insights", "Aggregated": "aggregated"}
_OTHER_TYPE = {"AwsCloudTrailInsight": "insights", "AwsAggregatedEvent": "aggregated"}


@dataclass
class Part:
    """What came of a run of records: event rows in order, and what went elsewhere."""

    events: pa.Table
    runs: list[tuple[int, int]]  # (object, its rows) in row order
    others: list[dict[str, Any]]  # rows for digests, insights, aggregated; "table" names which
    refused: list[tuple[int, int, Refused]]  # (object, position in it, why)


@dataclass
class Builder:
    """Takes objects one after another and builds a Part of them; `rows` and `size` (bytes) tell when it is large."""

    _tables: list[pa.Table] = field(default_factory=list)
    _events: list[Any] = field(default_factory=list)
    _times: list[pa.Array] = field(default_factory=list)
    _extra: dict[int, dict[str, bytes]] = field(default_factory=dict)
    _sha256: dict[int, str] = field(default_factory=dict)
    _runs: list[tuple[int, int]] = field(default_factory=list)
    _others: list[dict[str, Any]] = field(default_factory=list)
    _refused: list[tuple[int, int, Refused]] = field(default_factory=list)
    size: int = 0

    @property
    def rows(self) -> int:
        """Event rows taken so far."""
        return len(self._events) + sum(int(each.num_rows) for each in self._tables)

    @property
    def aside(self) -> int:
        """Records taken so far that are no event rows."""
        return len(self._others) + len(self._refused)

    def add_whole(self, number: int, data: bytes) -> bool:
        """Takes an object's records on the fast path; False, taking nothing, where one is out of the ordinary."""
        if len(data) > WHOLE:
            return False
        try:
            events = columns.object_decoder.decode(data).Records
            if not data.isascii():
                data.decode()
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return False
        times = _canonical_times([each.eventTime for each in events])
        if times is None or not all(
            each.eventID and each.eventCategory not in _OTHER_CATEGORY and each.eventType not in _OTHER_TYPE
            for each in events
        ):
            return False
        self._events += events
        self._times.append(times)
        self._runs.append((number, len(events)))
        self.size += len(data)
        self._fold()
        return True

    def add(self, number: int, position: int, record: Any) -> bool:
        """Takes one record, whatever it holds; what is no record is refused with a reason, and the answer is False."""
        if isinstance(record, Refused):
            return self._refuse(number, position, record.raw, record.reason)
        try:
            found = members(record)
        except ValueError as error:
            return self._refuse(number, position, bytes(record), str(error))
        try:
            text = bytes(record).decode()
        except UnicodeDecodeError:
            return self._refuse(number, position, bytes(record), "is not valid UTF-8")
        self.size += len(text)
        if other := _other(record, found, text):
            self._others.append(other | {"object": number})
            return True
        event, rest = _fit_event(found)
        moment = readable_time(event.eventTime)
        if moment is None:
            reason = f"has no readable eventTime ({event.eventTime[:40]!r})" if event.eventTime else "has no eventTime"
            return self._refuse(number, position, bytes(record), reason)
        at = len(self._events)
        if event.eventTime != iso(moment):
            rest["eventTime"] = msgspec.json.encode(event.eventTime)
        if not event.eventID:
            self._sha256[at] = hashlib.sha256(canonical(text).encode()).hexdigest()
        if rest:
            self._extra[at] = rest
        self._events.append(event)
        self._times.append(pa.array([moment], _TIME))
        if self._runs and self._runs[-1][0] == number:
            self._runs[-1] = (number, self._runs[-1][1] + 1)
        else:
            self._runs.append((number, 1))
        self._fold()
        return True

    def _refuse(self, number: int, position: int, raw: bytes, reason: str) -> bool:
        self._refused.append((number, position, Refused(raw, reason)))
        self.size += len(raw)
        return False

    def build(self) -> Part:
        """The Part of all that was taken; the builder starts anew."""
        self._fold(least=1)
        events = pa.concat_tables(self._tables) if self._tables else EVENTS.empty_table()
        part = Part(events, self._runs, self._others, self._refused)
        self.__init__()  # type: ignore[misc]
        return part

    def _fold(self, least: int = FOLD) -> None:
        """Turns the events at hand into columns once they are many, so that few lie about as Python objects."""
        if len(self._events) >= least:
            self._tables.append(columns.build(self._events, self._times, self._extra, self._sha256))
            self._events, self._times, self._extra, self._sha256 = [], [], {}, {}


_TIME = RECORD.field("eventTime").type


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
    patience, found = Patience(), records(data)
    for position, record in enumerate(found):
        patience.count(builder.add(number, position, record))
        yield
        if patience.lost and (rest := [each.raw if isinstance(each, Refused) else bytes(each) for each in found]):
            builder.add(number, position + 1, patience.rest(b"[" + b",".join(rest) + b"]"))
            yield


def readable_time(text: str | None) -> datetime | None:
    """The instant an eventTime names (ISO 8601 in any of its forms; UTC where no zone is given), or None."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _canonical_times(texts: list[str | None]) -> pa.Array | None:
    """The times as timestamps where every one is CloudTrail's own form, so that its text can be given back."""
    column = pa.array(texts, pa.string())
    if column.null_count or not pc.all(pc.match_substring_regex(column, _CANONICAL_TIME), min_count=0).as_py():
        return None
    try:
        return column.cast(_TIME)
    except pa.ArrowInvalid:
        return None


def _fit_event(found: Any) -> tuple[Any, dict[str, bytes]]:
    """A record's members as a typed event, and the text of those that no column takes."""
    event, rest = columns.Event(), {}
    for name, raw in found.items():
        if bytes(raw) == b"null":
            continue
        if name in columns.NESTED or (name in OPEN and readable(raw)):
            setattr(event, name, raw)
        elif name in _MEMBER_TYPES:
            value, left = fit(raw, _MEMBER_TYPES[name])
            setattr(event, name, value)
            if left is not None:
                rest[name] = left
        else:
            rest[name] = bytes(raw)
    return event, rest


_MEMBER_TYPES = {each.name: pa.string() if each.name == "eventTime" else each.type for each in RECORD}


def _other(record: Any, found: Any, text: str) -> dict[str, Any] | None:
    """The row of a digest, insight or aggregated record, for the table it belongs to; None for an event."""
    table = "digests" if is_digest(record) else None
    for name, kinds in (("eventCategory", _OTHER_CATEGORY), ("eventType", _OTHER_TYPE)):
        value = fit(found.get(name, b"null"), pa.string())[0]
        table = table or kinds.get(value or "")
    if table is None and "timeWindow" in found and "summary" in found and "eventTime" not in found:
        table = "aggregated"
    if table is None:
        return None
    plain = parse(text)
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
