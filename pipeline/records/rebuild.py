"""From a row back to its record: the inverse of `pipeline.records.normalize`, and the proof that nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from pipeline.records.schema import OPEN, RECORD
from pipeline.times import iso


def record(row: dict[str, Any]) -> dict[str, Any]:
    """The CloudTrail record behind a row of `events` (as a dict of Python values), equal to the original as JSON.

    A null member of the original is absent here.
    """
    plain: dict[str, Any] = {}
    for name in RECORD.names:
        value = row[name]
        if value is None:
            continue
        if name in OPEN:
            plain[name] = json.loads(value)
        elif name == "eventTime":
            plain[name] = iso(value)
        else:
            plain[name] = _present(value, RECORD.field(name).type)
    return overlay(plain, json.loads(row["extra"])) if row["extra"] else plain


def overlay(value: Any, extra: Any) -> Any:
    """`extra` laid over `value`: members join, elements pair up, anything else of `extra` wins."""
    if isinstance(value, dict) and isinstance(extra, dict):
        return {
            **value,
            **{name: overlay(value[name], each) if name in value else each for name, each in extra.items()},
        }
    if isinstance(value, list) and isinstance(extra, list) and len(value) == len(extra):
        return [overlay(*pair) for pair in zip(value, extra, strict=True)]
    return extra


def _present(value: Any, kind: pa.DataType) -> Any:
    """A value of a column as JSON has it: a struct's members that are there; a map, which Arrow gives as pairs."""
    if pa.types.is_struct(kind):
        given = ((each, value.get(each.name)) for each in kind)
        return {each.name: _present(member, each.type) for each, member in given if member is not None}
    if pa.types.is_list(kind):
        return [_present(each, kind.value_type) for each in value]
    return dict(value) if pa.types.is_map(kind) else value
