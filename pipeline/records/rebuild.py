"""From a row back to its record: the inverse of `pipeline.records.normalize`, and the proof that nothing is lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from pipeline.records.fields import join
from pipeline.records.jsontext import elements, members
from pipeline.records.plain import parse
from pipeline.records.schema import OPEN, RECORD
from pipeline.times import iso


def record(row: dict[str, Any]) -> dict[str, Any]:
    """The CloudTrail record behind a row of `events` (as a dict of Python values), equal to the original as JSON.

    A null member of the original is absent here; of a member given twice the last is here.
    """
    found: dict[str, Any] = parse(text(row))
    return found


def text(row: dict[str, Any]) -> bytes:
    """The record as JSON text: what no column holds, and the open members, stand in it to the letter."""
    parts: dict[str, bytes] = {}
    for name in RECORD.names:
        value = row[name]
        if value is None:
            continue
        if name in OPEN:
            parts[name] = value.encode()
        elif name == "eventTime":
            parts[name] = msgspec.json.encode(iso(value))
        else:
            parts[name] = msgspec.json.encode(_present(value, RECORD.field(name).type))
    plain = join(parts) or b"{}"
    return _overlay(plain, row["extra"].encode()) if row["extra"] else plain


def _overlay(value: bytes, extra: bytes) -> bytes:
    """`extra` laid over `value`: members join, elements pair up, anything else of `extra` wins."""
    if value[:1] == b"{" and extra[:1] == b"{":
        parts = {name: bytes(each) for name, each in members(value).items()}
        for name, each in members(extra).items():
            parts[name] = _overlay(parts[name], bytes(each)) if name in parts else bytes(each)
        return join(parts) or b"{}"
    if value[:1] == b"[" and extra[:1] == b"[":
        ours, theirs = elements(value), elements(extra)
        if len(ours) == len(theirs):
            return b"[" + b",".join(_overlay(bytes(a), bytes(b)) for a, b in zip(ours, theirs, strict=True)) + b"]"
    return extra


def _present(value: Any, kind: pa.DataType) -> Any:
    """A value of a column as JSON has it: a struct's members that are there; a map, which Arrow gives as pairs."""
    if pa.types.is_struct(kind):
        given = ((each, value.get(each.name)) for each in kind)
        return {each.name: _present(member, each.type) for each, member in given if member is not None}
    if pa.types.is_list(kind):
        return [_present(each, kind.value_type) for each in value]
    return dict(value) if pa.types.is_map(kind) else value
