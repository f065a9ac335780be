"""Stretches of a record's members, each distinct one decoded once, into typed members.

Every member that repeats from record to record belongs to one of three stretches; the others are a record's own
(`pipeline.records.cut`). A stretch that holds what belongs elsewhere is no stretch, so that no member of a row can
have two values.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from pipeline.records.cut import IDS, VALUES
from pipeline.records.decode import members
from pipeline.records.fields import fit
from pipeline.records.schema import OPEN, RECORD

NESTED = ("userIdentity", "resources", "addendum", "tlsDetails")
_HEAD = ("eventVersion", "userIdentity")
_CALL = ("eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage")
_REST = tuple(name for name in RECORD.names if name not in {"eventTime", *VALUES, *IDS, *_HEAD, *_CALL})
STRETCHES = (_HEAD, _CALL, _REST)
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


def _struct(name: str, names: Iterable[str]) -> Any:
    raw = {*OPEN, *NESTED}
    parts = [(each, msgspec.Raw if each in raw else strict(each, _KINDS[each]) | None, None) for each in names]
    return msgspec.defstruct(name, parts, forbid_unknown_fields=True, gc=False)


Event: Any = _struct("Event", RECORD.names)
_STRUCTS = [_struct("Stretch", names) for names in STRETCHES]
_DECODERS = [msgspec.json.Decoder(each) for each in _STRUCTS]


def typed(found: Any, struct: Any = Event) -> tuple[Any, dict[str, bytes]]:
    """Members (name → JSON text) as a typed event, and the text of those that no column takes."""
    event, rest = struct(), {}
    for name, raw in found.items():
        if bytes(raw) == b"null":
            continue
        if name in OPEN or name in NESTED:
            setattr(event, name, raw)
        elif name in _KINDS:
            value, left = fit(raw, _KINDS[name])
            setattr(event, name, value)
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
        self._numbers: dict[bytes, int] = {b"": 0}

    def add(self, event: Any, rest: dict[str, bytes] | None = None) -> int:
        """Takes this stretch's members of an event, and what no column takes of it; gives their number."""
        self.events.append(_STRUCTS[self._stretch](*[getattr(event, name) for name in self.names]))
        return self._added(rest)

    def numbers(self, stretches: pa.Array) -> Any:
        """The numbers of the stretches' texts, row by row; -1 for what is no list of a plain event's members."""
        distinct = stretches.dictionary_encode()
        found = [self._number(each) for each in distinct.dictionary.to_pylist()]
        return np.array(found, np.int32)[distinct.indices.to_numpy()]

    def columns(self) -> dict[str, tuple[Any, ...]]:
        """The values of every member, by number."""
        return dict(zip(self.names, zip(*map(msgspec.structs.astuple, self.events), strict=True), strict=True))

    def _added(self, rest: dict[str, bytes] | None) -> int:
        if rest:
            self.rests[len(self.events) - 1] = rest
        return len(self.events) - 1

    def _number(self, stretch: bytes) -> int:
        number = self._numbers.get(stretch)
        if number is None:
            number = self._numbers[stretch] = self._decoded(stretch)
        return number

    def _decoded(self, stretch: bytes) -> int:
        # The first stretch opens the record; others follow a member, so that a comma must stand between.
        if stretch.startswith(b",") is (self._stretch == 0) or b'"' not in stretch:
            return -1
        text = b"{" + stretch.removeprefix(b",") + b"}"
        rest: dict[str, bytes] = {}
        try:
            event = _DECODERS[self._stretch].decode(text)
        except (msgspec.DecodeError, RecursionError):
            try:
                found = members(text)
            except ValueError:
                return -1
            if any((name in _KINDS and name not in self.names) or name in _OTHER_NAMES for name in found):
                return -1
            event, rest = typed(found, _STRUCTS[self._stretch])
        if getattr(event, "eventCategory", None) in OTHER_CATEGORY or getattr(event, "eventType", None) in OTHER_TYPE:
            return -1
        self.events.append(event)
        return self._added(rest)
