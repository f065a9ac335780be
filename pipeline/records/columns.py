"""Typed events to columns: CloudTrail's own, and those we derive. Distinct values are worked on once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records.fields import fit, join
from pipeline.records.principal import Principal, outcome, principal, source_network
from pipeline.records.schema import EVENTS, OPEN, RECORD

NESTED = ("userIdentity", "resources", "addendum", "tlsDetails")


def _typed(name: str, kind: pa.DataType) -> Any:
    """The msgspec type of an Arrow type: strict, so that whatever does not fit is noticed."""
    if pa.types.is_struct(kind):
        members = [(each.name, _typed(each.name, each.type) | None, None) for each in kind]
        return msgspec.defstruct(name, members, forbid_unknown_fields=True, omit_defaults=True, gc=False)
    if pa.types.is_list(kind):
        return list[_typed(name, kind.value_type)]  # type: ignore[misc]
    if pa.types.is_map(kind):
        return dict[str, str]
    return bool if pa.types.is_boolean(kind) else str


def _member(each: pa.Field) -> tuple[str, Any, None]:
    if each.name in OPEN or each.name in NESTED:
        return each.name, msgspec.Raw, None
    return each.name, (str if each.name == "eventTime" else _typed(each.name, each.type)) | None, None


Event: Any = msgspec.defstruct("Event", [_member(each) for each in RECORD], forbid_unknown_fields=True, gc=False)
# An object with a time of its own is a record, not a list of them.
_CONTAINER: list[tuple[str, Any, Any]] = [("Records", list[Event], msgspec.NODEFAULT), ("eventTime", None, None)]
_Object: Any = msgspec.defstruct("Object", _CONTAINER, forbid_unknown_fields=False, gc=False)
object_decoder = msgspec.json.Decoder(_Object)
_nested = {name: msgspec.json.Decoder(_typed(name, RECORD.field(name).type)) for name in NESTED}


def build(
    events: list[Any], times: list[pa.Array], extra: dict[int, dict[str, bytes]], sha256: dict[int, str]
) -> pa.Table:
    """Rows of schema EVENTS for typed events; provenance is null.

    `times` are the events' times in chunks, `extra` the members no column takes and `sha256` the identity of
    those without an eventID, both by row.
    """
    names = RECORD.names
    columns = dict(zip(names, zip(*map(msgspec.structs.astuple, events), strict=True), strict=True))
    arrays: dict[str, pa.Array] = {"eventTime": pa.concat_arrays(times)}
    rests = dict(extra)
    for name in NESTED:
        raws = columns[name]
        values, indices, left = _distinct(name, raws)
        arrays[name] = pa.array(values, RECORD.field(name).type).take(indices)
        if name == "userIdentity":
            people = [principal(each) for each in values]
            arrays |= {each: column.take(indices) for each, column in _principals(people).items()}
        if left:
            for row, index in enumerate(indices.to_pylist()):
                if index in left:
                    rests[row] = {**rests.get(row, {}), name: left[index]}
    for each in RECORD:
        if each.name in OPEN:
            arrays[each.name] = _texts(columns[each.name]).cast(pa.string())
        elif each.name not in arrays:
            arrays[each.name] = pa.array(columns[each.name], each.type)
    arrays |= _derived(arrays, columns)
    count = len(events)
    arrays["record_sha256"] = _sparse(sha256, count)
    arrays["extra"] = _sparse({row: join(rest) for row, rest in rests.items()}, count)
    for each in EVENTS:
        if each.name not in arrays:
            arrays[each.name] = pa.nulls(count, each.type)
    return pa.table([arrays[name] for name in EVENTS.names], schema=EVENTS)


def _distinct(name: str, raws: Iterable[Any]) -> tuple[list[Any], pa.Array, dict[int, bytes]]:
    """(values, indices, rests): each distinct text decoded once, and which row has which."""
    encoded = _texts(raws).dictionary_encode()
    values: list[Any] = []
    rests: dict[int, bytes] = {}
    decoder, kind = _nested[name], RECORD.field(name).type
    for index, raw in enumerate(encoded.dictionary.to_pylist()):
        try:
            values.append(msgspec.to_builtins(decoder.decode(raw)))
        except (msgspec.DecodeError, RecursionError):
            value, left = fit(raw, kind)
            values.append(value)
            if left is not None:
                rests[index] = left
    values.append(None)
    return values, pc.fill_null(encoded.indices, len(values) - 1), rests


def _texts(raws: Iterable[Any]) -> pa.Array:
    """The members' JSON texts as bytes; null for one that is absent or null."""
    texts = [None if raw is None else bytes(raw) for raw in raws]
    if b"null" in texts:
        texts = [None if text == b"null" else text for text in texts]
    return pa.array(texts, pa.binary())


def _principals(people: list[Principal]) -> dict[str, pa.Array]:
    rows = list(zip(*people, strict=True)) or [()] * len(Principal._fields)
    names = {"arn": "principal_arn", "type": "principal_type", "id": "principal_id"}
    return {
        names.get(name, name): pa.array(column, pa.bool_() if name == "path_unknown" else pa.string())
        for name, column in zip(Principal._fields, rows, strict=True)
    }


def _derived(arrays: dict[str, pa.Array], columns: dict[str, Any]) -> dict[str, pa.Array]:
    recipient = _mapped(arrays["recipientAccountId"], lambda text: text or None)
    acting = pc.coalesce(arrays["via_service"], _mapped(arrays["sourceIPAddress"], _service_address))
    is_service = pc.equal(arrays["principal_type"], "AWSService")
    return {
        "account_id": pc.coalesce(recipient, arrays["account_id"]),
        "service": _mapped(arrays["eventSource"], lambda text: text.removesuffix(".amazonaws.com")),
        "outcome": pa.array(
            map(
                _outcome,
                columns["errorCode"],
                columns["errorMessage"],
                columns["eventName"],
                columns["responseElements"],
            ),
            pa.string(),
        ),
        "via_service": pc.if_else(is_service, pa.scalar(None, pa.string()), acting),
        "source_network": _mapped(arrays["sourceIPAddress"], source_network),
    }


def _outcome(code: str | None, message: str | None, name: str | None, response: Any) -> str:
    if code is None and message is None:
        # A failed sign-in may say so in its response alone (CloudTrail, "AWS Management Console sign-in events").
        return "error" if name == "ConsoleLogin" and response is not None and b'"Failure"' in bytes(response) else "ok"
    return outcome(code, bool(message))


def _service_address(address: str) -> str | None:
    return address if address.endswith(".amazonaws.com") or address.startswith("AWS Internal") else None


def _mapped(column: pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    """`function` of each text, called once a distinct one; null stays null."""
    encoded = column.dictionary_encode()
    values = [function(each) for each in encoded.dictionary.to_pylist()]
    return pa.array(values, pa.string()).take(encoded.indices)


def _sparse(values: dict[int, Any], count: int) -> pa.Array:
    if not values:
        return pa.nulls(count, pa.string())
    column: list[Any] = [None] * count
    for row, value in values.items():
        column[row] = value
    return pa.array(column, pa.string())
