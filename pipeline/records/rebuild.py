"""From a row back to its record: the inverse of `pipeline.records.normalize`, and the proof that nothing is lost."""

from __future__ import annotations

import json
from typing import Any

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
            plain[name] = _present(value)
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


def _present(value: Any) -> Any:
    """A struct's members that are there; a map (which Arrow gives as pairs) as an object."""
    if isinstance(value, dict):
        return {name: _present(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        if value and all(isinstance(each, tuple) for each in value):
            return dict(value)
        return [_present(each) for each in value]
    return value
