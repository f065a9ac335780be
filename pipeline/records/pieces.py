"""Cuts a delivered object's text into pieces that repeat and pieces that do not, without parsing it.

CloudTrail writes a record's members in one order: who called, when, what was called and from where, the request,
the response, the ids, and what is the same for every call of its kind. Cut at the members whose values hardly
repeat, the text between them does: a session's identity, a call's kind. So a piece need be decoded only once for
all the records that share it (`pipeline.records.columns`). The cut is a guess about the text, made from the bytes
of a few members' names; it is right if, and only if, every piece is JSON by itself, which whoever decodes the
pieces checks. Records that are laid out in another way are left whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

# Members with a text each: values that hardly repeat, of any kind, then the ids.
VALUES = ("requestParameters", "responseElements", "additionalEventData", "resources")
IDS = ("requestID", "eventID", "sharedEventID")
_OPENING, _CLOSING, _FIRST = b'{"Records":[', b"]}", b'{"eventVersion"'
# Where a record is cut, in the order in which CloudTrail writes it. All but eventTime and eventID may be absent.
_MARKS = ("eventTime", *VALUES[:3], "requestID", "eventID", "resources", "eventType", "sharedEventID")
_TIME, _REQUEST_ID, _EVENT_ID, _RESOURCES, _TYPE, _SHARED_ID = 0, 4, 5, 6, 7, 8
_TIME_TEXT = np.frombuffer(b"0000-00-00T00:00:00Z", np.uint8)
_ID_LENGTH = 36  # a UUID's
_VALUES_AT = (4, 6, 8, 15)  # points at which the texts of VALUES begin
_QUOTE, _BACKSLASH, _COLON, _BRACE, _SPACE = b'"\\:} '

Numbers = Any  # a numpy array of integers, one a record
Flags = Any  # a numpy array of booleans, one a record


@dataclass
class Pieces:
    """The records of one object, cut: arrays with a row each, those of texts binary.

    `stretches` are the members between the cuts, with the comma before them: those before eventTime, those before
    the request, and those after eventID, which lie in three places (about resources and sharedEventID). `values`
    are the texts of VALUES, b"" where absent; `ids` those of IDS without quotes, null where absent. Of a row that is
    `odd` only `whole` counts, the record's own text.
    """

    stretches: list[tuple[pa.Array, ...]]
    times: pa.Array
    values: list[pa.Array]
    ids: list[pa.Array]
    odd: Flags
    data: bytes
    starts: Numbers
    ends: Numbers

    def whole(self, row: int) -> bytes:
        """The text of a record."""
        return self.data[self.starts[row] : self.ends[row]]


def cut(data: bytes) -> Pieces | None:
    """The pieces of an object's text; None where it is not laid out as CloudTrail delivers objects."""
    stop = len(data) - len(data[-64:]) + len(data[-64:].rstrip())
    if not (data.startswith(_OPENING + _FIRST) and data.endswith(b"}" + _CLOSING, 0, stop) and stop < 1 << 31):
        return None
    text = np.frombuffer(data, np.uint8)
    names: Any = np.flatnonzero((text[:-1] == _QUOTE) & (text[1:] == _COLON))  # the quotes that end members' names
    names = names[np.searchsorted(names, len(_OPENING)) :]
    words: Any = np.ndarray((len(data) - 7,), np.uint64, data, strides=(1,))  # any eight bytes as a number
    lasts = words[names - 8]
    starts: Any = np.append(len(_OPENING), _places(words, names, lasts, b"," + _FIRST[:-1]) + 1)
    ends: Any = np.append(starts[1:] - 1, stop - len(_CLOSING))
    odd = text[ends - 1] != _BRACE
    at = []
    for name in _MARKS:
        places = _places(words, names, lasts, f',"{name}'.encode())
        if len(places) == len(starts) and (places > starts).all() and (places < ends).all():
            at.append(places)
            continue
        rows: Any = np.searchsorted(starts, places, "right") - 1
        at.append(np.full(len(starts), -1))
        at[-1][rows] = places
        odd[rows[1:][rows[1:] == rows[:-1]]] = True
    return _pieces(data, starts, ends, at, odd)


def _places(words: Any, quotes: Numbers, lasts: Numbers, literal: bytes) -> Numbers:
    """Where `literal` begins, for those of the quotes that end it; `lasts` are the eight bytes before each quote."""
    found = quotes[lasts == _number(literal[-8:])] - len(literal)
    for start in range(0, len(literal) - 8, 8):
        found = found[words[found + start] == _number(literal[start : start + 8])]
    return found


def _number(text: bytes) -> int:
    return int.from_bytes(text, "little")


def _pieces(data: bytes, starts: Numbers, ends: Numbers, at: list[Numbers], odd: Flags) -> Pieces:
    """The pieces of records whose marked members begin at `at` (-1: absent)."""
    begin = [each + len(f',"{name}":') for each, name in zip(at, _MARKS, strict=True)]
    points = _points(starts, ends, at, begin)
    odd |= (at[_TIME] < 0) | (at[_EVENT_ID] < 0) | ((at[_RESOURCES] >= 0) & (at[_TYPE] < 0))
    flat = points.ravel()
    odd[np.flatnonzero(flat[1:] < flat[:-1]) // points.shape[1]] = True  # another order than CloudTrail's
    points[odd] = starts[odd, None]
    text = np.frombuffer(data, np.uint8)
    has_request = at[_REQUEST_ID] >= 0
    odd |= has_request & ((text[points[:, 10] - 1] != _QUOTE) | (text[points[:, 11]] != _QUOTE))
    for number in _VALUES_AT:  # space about a value is not its own
        first, last = text[points[:, number]], text[points[:, number + 1] - 1]
        odd |= (points[:, number] < points[:, number + 1]) & ((first <= _SPACE) | (last <= _SPACE))
    times = _quoted(data, begin[_TIME], len(_TIME_TEXT), odd)
    odd |= ~_are_times(times)
    event_ids = _quoted(data, begin[_EVENT_ID], _ID_LENGTH, odd)
    texts = _texts(data, points)
    requests = texts(10)
    odd[_rows_with_escapes(requests)] = True
    stretches = [(texts(0),), (texts(2),), (texts(13), texts(16), texts(18))]
    values = [texts(number) for number in _VALUES_AT]
    shared = _shared_ids(data, begin[_SHARED_ID], at[_SHARED_ID] >= 0, odd)
    ids = [_masked(requests, ~has_request), _column(event_ids), shared]
    return Pieces(stretches, _column(times), values, ids, odd, data, starts, ends)


def _points(starts: Numbers, ends: Numbers, at: list[Numbers], begin: list[Numbers]) -> Any:
    """Where each record is cut, a row a record; an absent member is an empty one before what follows it."""
    points = np.empty((len(starts), 20), np.int32)
    brace = ends - 1
    shared, resources = at[_SHARED_ID] >= 0, at[_RESOURCES] >= 0
    points[:, 0], points[:, 1], points[:, 2] = starts + 1, at[_TIME], begin[_TIME] + len(_TIME_TEXT) + 2
    points[:, 12], points[:, 13] = at[_EVENT_ID], begin[_EVENT_ID] + _ID_LENGTH + 2
    points[:, 19] = brace
    points[:, 18] = np.where(shared, begin[_SHARED_ID] + _ID_LENGTH + 2, brace)
    points[:, 17] = np.where(shared, at[_SHARED_ID], brace)
    points[:, 16] = np.where(resources, at[_TYPE], points[:, 17])
    points[:, 15] = np.where(resources, begin[_RESOURCES], points[:, 17])
    points[:, 14] = np.where(resources, at[_RESOURCES], points[:, 17])
    requested = at[_REQUEST_ID] >= 0
    points[:, 11] = at[_EVENT_ID] - requested
    points[:, 10] = np.where(requested, begin[_REQUEST_ID] + 1, at[_EVENT_ID])
    points[:, 9] = np.where(requested, at[_REQUEST_ID], at[_EVENT_ID])
    for mark in (3, 2, 1):
        there = at[mark] >= 0
        points[:, 2 * mark + 2] = np.where(there, begin[mark], points[:, 2 * mark + 3])
        points[:, 2 * mark + 1] = np.where(there, at[mark], points[:, 2 * mark + 3])
    return points


def _shared_ids(data: bytes, begins: Numbers, there: Flags, odd: Flags) -> pa.Array:
    """The texts of sharedEventID, which few records have."""
    rows = np.flatnonzero(there & ~odd)
    bad = np.zeros(len(rows), bool)
    texts = _column(_quoted(data, begins[rows], _ID_LENGTH, bad))
    odd[rows[bad]] = True
    lengths = np.zeros(len(begins) + 1, np.int32)
    lengths[rows + 1] = _ID_LENGTH
    offsets = pa.py_buffer(np.cumsum(lengths, dtype=np.int32))
    return _masked(pa.Array.from_buffers(pa.binary(), len(begins), [None, offsets, texts.buffers()[2]]), ~there)


def _texts(data: bytes, points: Any) -> Any:
    """A function that gives the texts from one point of every row to the next point, by the first one's number."""
    offsets = np.append(points.ravel(), points[-1, -1]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    every = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
    return lambda number: every.take(pa.array(np.arange(number, len(every), points.shape[1], dtype=np.int32)))


def _quoted(data: bytes, begins: Numbers, length: int, odd: Flags) -> Any:
    """Characters of plain strings of a fixed length, one a row; a row that holds another text turns odd."""
    view: Any = np.ndarray((len(data) - length - 1,), f"V{length + 2}", data, strides=(1,))
    texts = view[np.where(odd, 0, begins)].view(np.uint8).reshape(len(begins), length + 2)
    inner = np.ascontiguousarray(texts[:, 1:-1])
    odd |= (texts[:, 0] != _QUOTE) | (texts[:, -1] != _QUOTE)
    escapes = np.flatnonzero((inner == _QUOTE) | (inner == _BACKSLASH) | (inner < 0x20))
    odd[escapes // length] = True
    return inner


def _are_times(texts: Any) -> Flags:
    """Whether rows of characters have CloudTrail's form of a time, which can be given back to the letter."""
    digits = _TIME_TEXT == 0x30
    fits = texts == _TIME_TEXT
    fits[:, digits] = texts[:, digits] - np.uint8(0x30) < 10
    # Year 0, which Arrow reads, is none to Python.
    return fits.all(axis=1) & (texts[:, :4] != 0x30).any(axis=1)


def _rows_with_escapes(texts: pa.Array) -> Numbers:
    """Rows whose text, between its quotes, is not that of a plain string."""
    content = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    found = np.flatnonzero((content == _QUOTE) | (content == _BACKSLASH) | (content < 0x20))
    return np.searchsorted(np.frombuffer(texts.buffers()[1], np.int32), found, "right") - 1


def _column(texts: Any) -> pa.Array:
    """Rows of characters as an array of texts."""
    count, length = texts.shape
    offsets = np.arange(0, (count + 1) * length, length, dtype=np.int32)
    return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(texts)])


def _masked(texts: pa.Array, absent: Flags) -> pa.Array:
    present = pa.array(~absent).buffers()[1]
    return pa.Array.from_buffers(texts.type, len(texts), [present, *texts.buffers()[1:]])
