"""Stretches of a record's members, each distinct one decoded once, into typed members.

Every member that repeats from record to record belongs to one of three stretches; the others are a record's own
(`pipeline.records.pieces`). A stretch that holds what belongs elsewhere is no stretch, so that no member of a row can
have two values.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from pipeline.records.decode import members
from pipeline.records.fields import fit
from pipeline.records.pieces import IDS, VALUES
from pipeline.records.schema import OPEN, RECORD

_HEAD = ("eventVersion", "userIdentity")
_CALL = ("eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage")
_REST = tuple(name for name in RECORD.names if name not in {"eventTime", *VALUES, *IDS, *_HEAD, *_CALL})
STRETCHES = (_HEAD, _CALL, _REST)
_KIND = 2  # the stretch that says what kind of record it is
Part = tuple[Any, dict[str, bytes]] | None  # typed members and the text of what no column takes; None: no members
# Values or names that say that a record is no plain event, and where it belongs.
OTHER_CATEGORY = {"Insight": "insights", "Aggregated": "aggregated"}
OTHER_TYPE = {"AwsCloudTrailInsight": "insights", "AwsAggregatedEvent": "aggregated"}
_OTHER_NAMES = frozenset({"digestStartTime", "digestEndTime", "timeWindow", "summary"})
_KINDS = {each.name: pa.string() if each.name == "eventTime" else each.type for each in RECORD}


def strict(name: str, kind: pa.DataType) -> Any:
    """The msgspec type of an Arrow type: strict, so that whatever does not fit is noticed."""
    if pa.types.is_struct(kind):
        parts = [(each.name, strict(each.name, each.type) | None, None) for each in kind]
        return msgspec.defstruct(name, parts, forbid_unknown_fields=True, omit_defaults=True, gc=False)
    if pa.types.is_list(kind):
        return list[strict(name, kind.value_type)]  # type: ignore[misc]
    if pa.types.is_map(kind):
        return dict[str, str]
    return bool if pa.types.is_boolean(kind) else str


# Members of which a row keeps the text, to be decoded later if at all.
_RAW = {*OPEN, "resources"}
_TYPES = {name: msgspec.Raw if name in _RAW else strict(name, kind) for name, kind in _KINDS.items()}


def _struct(name: str, names: Iterable[str]) -> Any:
    parts = [(each, _TYPES[each] if each in _RAW else _TYPES[each] | None, None) for each in names]
    return msgspec.defstruct(name, parts, forbid_unknown_fields=True, gc=False)


Event: Any = _struct("Event", RECORD.names)
_NESTED = [name for name in RECORD.names if name not in _RAW and pa.types.is_nested(_KINDS[name])]
_nested = {name: msgspec.json.Decoder(_TYPES[name] | None) for name in _NESTED}
# An event whose nested members are left as texts, so that equal ones can be told without decoding them.
Outline: Any = msgspec.defstruct(
    "Outline",
    [(name, msgspec.Raw if name in {*_RAW, *_NESTED} else kind | None, None) for name, kind in _TYPES.items()],
    forbid_unknown_fields=True,
    gc=False,
)
_STRUCTS = [_struct("Stretch", names) for names in STRETCHES]
_DECODERS = [msgspec.json.Decoder(each) for each in _STRUCTS]


def typed(found: Any, struct: Any = Event) -> tuple[Any, dict[str, bytes]]:
    """Members (name → JSON text) as a typed event, and the text of those that no column takes."""
    event, rest = struct(), {}
    for name, raw in found.items():
        if bytes(raw) == b"null":
            continue
        if name in _RAW:
            setattr(event, name, raw)
        elif name in _KINDS:
            value, left = fit(raw, _KINDS[name])
            setattr(event, name, None if value is None else msgspec.convert(value, _TYPES[name]))
            if left is not None:
                rest[name] = left
        else:
            rest[name] = bytes(raw)
    return event, rest


class Fragments:
    """The distinct values of one stretch of a part: a row refers to them by number. 0 is the one without members."""

    def __init__(self, stretch: int) -> None:
        self.names = STRETCHES[stretch]
        self.events: list[Any] = [_STRUCTS[stretch]()]
        self.rests: dict[int, dict[str, bytes]] = {}
        self._stretch = stretch
        self._members = attrgetter(*self.names)
        self._numbers: dict[tuple[Any, ...], int] = {}

    def add(self, event: Any, rest: dict[str, bytes] | None = None) -> int:
        """Takes this stretch's members of an event, and what no column takes of it; gives their number."""
        self.events.append(_STRUCTS[self._stretch](*[getattr(event, name) for name in self.names]))
        return self._added(rest)

    def shared(self, outline: Any) -> int:
        """The number of an Outline's members of this stretch, one for equal ones.

        Raises msgspec.DecodeError or RecursionError for a nested member that does not fit its type.
        """
        given = self._members(outline)
        key = tuple([bytes(each) if type(each) is msgspec.Raw else each for each in given])
        number = self._numbers.get(key)
        if number is None:
            values = dict(zip(self.names, given, strict=True))
            for name in _NESTED:
                if values.get(name) is not None:
                    values[name] = _nested[name].decode(values[name])
            self.events.append(_STRUCTS[self._stretch](**values))
            number = self._numbers[key] = self._added(None)
        return number

    def numbers(self, texts: tuple[pa.Array, ...]) -> Any:
        """The numbers of the stretch, row by row; -1 for what is no list of a plain event's members.

        `texts` are the places the stretch lies in; it is the members of all.
        """
        places = [each.dictionary_encode() for each in texts]
        rows: Any = 0
        for each in places:
            rows = rows * len(each.dictionary) + each.indices.to_numpy().astype(np.int64)
        distinct = pa.array(rows).dictionary_encode()
        one_of_each = np.unique(distinct.indices.to_numpy(), return_index=True)[1]
        keys = [each.dictionary.take(each.indices.take(pa.array(one_of_each))).to_pylist() for each in places]
        found = [self._number(key) for key in zip(*keys, strict=True)]
        return np.array(found, np.int32)[distinct.indices.to_numpy()]

    def columns(self) -> dict[str, tuple[Any, ...]]:
        """The values of every member, by number."""
        return dict(zip(self.names, zip(*map(msgspec.structs.astuple, self.events), strict=True), strict=True))

    def _added(self, rest: dict[str, bytes] | None) -> int:
        if rest:
            self.rests[len(self.events) - 1] = rest
        return len(self.events) - 1

    def _number(self, places: tuple[bytes, ...]) -> int:
        number = self._numbers.get(places)
        if number is None:
            number = self._numbers[places] = self._decoded(places)
        return number

    def _decoded(self, places: tuple[bytes, ...]) -> int:
        found = None
        for text in places:
            if text:
                part = self._part(text)
                found = part if found is None else self._merged(found, part)
                if found is None:
                    return -1
        event, rest = found or (self.events[0], {})
        if self._stretch == _KIND and (event.eventCategory in OTHER_CATEGORY or event.eventType in OTHER_TYPE):
            return -1
        self.events.append(event)
        return self._added(rest)

    def _merged(self, found: Part, further: Part) -> Part:
        """The members of two places; None where one is in both."""
        if further is None or found is None:
            return None
        for name in self.names:
            value = getattr(further[0], name)
            if value is not None:
                if getattr(found[0], name) is not None:
                    return None
                setattr(found[0], name, value)
        return found[0], {**found[1], **further[1]}

    def _part(self, text: bytes) -> Part:
        """The members of one place, and what no column takes of them."""
        # The first stretch opens the record; others follow a member, so that a comma must stand between.
        if text.startswith(b",") is (self._stretch == 0) or b'"' not in text:
            return None
        text = b"{" + text.removeprefix(b",") + b"}"
        try:
            return _DECODERS[self._stretch].decode(text), {}
        except (msgspec.DecodeError, RecursionError):
            pass
        try:
            found = members(text)
        except ValueError:
            return None
        if any((name in _KINDS and name not in self.names) or name in _OTHER_NAMES for name in found):
            return None
        return typed(found, _STRUCTS[self._stretch])
