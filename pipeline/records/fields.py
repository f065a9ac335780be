"""Fits a record's members to the schema's types, and keeps what does not fit, so that nothing is lost.

`fit` gives a column's value and, apart, the JSON text of the rest. `pipeline.records.rebuild` lays the two
over each other again.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from pipeline.records.decode import members

_text = msgspec.json.Decoder(str)
_bool = msgspec.json.Decoder(bool)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_texts = msgspec.json.Decoder(dict[str, str])


def fit(raw: Any, kind: pa.DataType) -> tuple[Any, bytes | None]:
    """(value, rest): the value a column of this type takes, and the JSON text that it does not hold.

    A null member counts as absent. A value of another type is left whole in `rest`, and its column is None;
    an object or a list of objects is split member by member. `raw` is valid JSON text (bytes or msgspec.Raw).
    """
    if bytes(raw) == b"null":
        return None, None
    try:
        if pa.types.is_struct(kind):
            return _fit_struct(raw, kind)
        if pa.types.is_map(kind):
            return _texts.decode(raw), None
        if pa.types.is_list(kind):
            return _fit_list(raw, kind)
        return (_bool if pa.types.is_boolean(kind) else _text).decode(raw), None
    except (ValueError, RecursionError):
        # msgspec's errors are ValueErrors: another type than the schema's, or text no column can hold.
        return None, bytes(raw)


def _fit_struct(raw: Any, kind: pa.StructType) -> tuple[dict[str, Any], bytes | None]:
    value: dict[str, Any] = {}
    rest: dict[str, bytes] = {}
    for name, member in members(raw).items():
        index = kind.get_field_index(name)
        if index < 0:
            if bytes(member) != b"null":
                rest[name] = bytes(member)
            continue
        value[name], left = fit(member, kind.field(index).type)
        if left is not None:
            rest[name] = left
    return value, join(rest)


def _fit_list(raw: Any, kind: pa.ListType) -> tuple[list[Any] | None, bytes | None]:
    pairs = [fit(each, kind.value_type) for each in _list.decode(raw)]
    if any(value is None for value, _ in pairs):
        return None, bytes(raw)
    if all(left is None for _, left in pairs):
        return [value for value, _ in pairs], None
    return [value for value, _ in pairs], b"[" + b",".join(left or b"{}" for _, left in pairs) + b"]"


def join(parts: dict[str, bytes]) -> bytes | None:
    """The JSON object of these members, given as text; None for none."""
    if not parts:
        return None
    return b"{" + b",".join(encode_name(name) + b":" + text for name, text in parts.items()) + b"}"


def encode_name(name: str) -> bytes:
    """A member's name as JSON text; ASCII, so that a lone surrogate survives."""
    try:
        return msgspec.json.encode(name)
    except UnicodeEncodeError:
        import json

        return json.dumps(name).encode()
