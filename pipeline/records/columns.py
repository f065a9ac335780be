"""Rows to columns: CloudTrail's own, and those we derive. What repeats is decoded once and kept as a dictionary."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records import encoded
from pipeline.records.cut import IDS, VALUES, Pieces
from pipeline.records.fields import fit, join
from pipeline.records.fragments import NESTED, STRETCHES, Fragments, strict
from pipeline.records.principal import Principal, outcome, principal, source_network
from pipeline.records.schema import EVENTS, OPEN, RECORD

TIME = RECORD.field("eventTime").type
_OWN = (*VALUES, *IDS)
_nested = {name: msgspec.json.Decoder(strict(name, RECORD.field(name).type)) for name in NESTED}


class Rows:
    """Takes rows one after another, whole objects of them or single ones, and gives their columns."""

    def __init__(self) -> None:
        self.count = 0
        self._fragments = [Fragments(stretch) for stretch in range(len(STRETCHES))]
        self._numbers: list[list[Any]] = [[] for _ in STRETCHES]
        self._times: list[pa.Array] = []
        self._own: dict[str, list[pa.Array]] = {name: [] for name in _OWN}
        self._sha256: dict[int, str] = {}
        self._single: list[tuple[Any, ...]] = []

    def numbers(self, pieces: Pieces) -> list[Any]:
        """What the stretches of an object's records are here: for each stretch a number a row, -1 for an odd one."""
        return [each.numbers(texts) for each, texts in zip(self._fragments, pieces.stretches, strict=True)]

    def take(self, pieces: Pieces, numbers: list[Any], times: pa.Array, start: int, stop: int) -> None:
        """Adds rows of an object that is cut; none of them may be odd."""
        self._settle()
        for column, given in zip(self._numbers, numbers, strict=True):
            column.append(given[start:stop])
        self._times.append(times[start:stop])
        for name, texts in zip(_OWN, (*pieces.values, *pieces.ids), strict=True):
            self._own[name].append(texts[start:stop])
        self.count += stop - start

    def add(self, event: Any, rest: dict[str, bytes], moment: Any, sha256: str | None) -> None:
        """Adds one row: a typed event, the members no column takes, its time, the identity if it has no eventID."""
        rests = [rest, None, None]
        numbers = [each.add(event, left) for each, left in zip(self._fragments, rests, strict=True)]
        own = [getattr(event, name) for name in _OWN]
        own = [each.encode() if isinstance(each, str) else each and bytes(each) for each in own]
        self._single.append((*numbers, moment, *own))
        if sha256:
            self._sha256[self.count] = sha256
        self.count += 1

    def build(self) -> pa.Table:
        """The rows as a table of schema EVENTS but for its texts, most of which are dictionaries; provenance is null."""
        self._settle()
        numbers = [np.concatenate(each) if each else np.zeros(0, np.int32) for each in self._numbers]
        arrays: dict[str, pa.Array] = {"eventTime": _joined(self._times, TIME)}
        for name in VALUES:
            arrays[name] = _texts(self._own[name])
        for name in IDS:
            arrays[name] = _joined(self._own[name], pa.binary()).view(pa.string())
        for fragments, rows in zip(self._fragments, numbers, strict=True):
            arrays |= _columns(fragments, pa.array(rows))
        arrays |= _derived(arrays)
        arrays["record_sha256"] = _sparse(self._sha256, self.count)
        arrays["extra"] = _sparse(self._extra(numbers), self.count)
        columns = [arrays[each.name] if each.name in arrays else pa.nulls(self.count, each.type) for each in EVENTS]
        return pa.table(columns, names=EVENTS.names)

    def _settle(self) -> None:
        """Turns single rows into arrays like those of whole objects."""
        if not self._single:
            return
        *numbers, times = list(zip(*self._single, strict=True))[: len(STRETCHES) + 1]
        for column, given in zip(self._numbers, numbers, strict=True):
            column.append(np.array(given, np.int32))
        self._times.append(pa.array(times, TIME))
        for name, texts in zip(_OWN, list(zip(*self._single, strict=True))[len(STRETCHES) + 1 :], strict=True):
            self._own[name].append(pa.array(texts, pa.binary()))
        self._single = []

    def _extra(self, numbers: list[Any]) -> dict[int, bytes | None]:
        """The JSON of the members that no column takes, by row."""
        found: dict[int, dict[str, bytes]] = {}
        for fragments, given in zip(self._fragments, numbers, strict=True):
            if fragments.rests:
                for row in np.flatnonzero(np.isin(given, list(fragments.rests))).tolist():
                    found[row] = {**found.get(row, {}), **fragments.rests[int(given[row])]}
        return {row: join(rest) for row, rest in found.items()}


def _joined(chunks: list[pa.Array], kind: pa.DataType) -> pa.Array:
    return pa.concat_arrays(chunks) if chunks else pa.array([], kind)


def _texts(chunks: list[pa.Array]) -> pa.Array:
    """Open members' texts, null for an absent or null one; a dictionary where they repeat."""
    distinct = pa.chunked_array(chunks, pa.binary()).dictionary_encode().combine_chunks()
    if isinstance(distinct, pa.ChunkedArray):
        distinct = distinct.chunk(0) if distinct.num_chunks else pa.array([], pa.binary()).dictionary_encode()
    values = distinct.dictionary
    absent = pc.is_in(values, pa.array([b"", b"null"], pa.binary()))
    numbers = pc.if_else(absent, pa.scalar(None, pa.int32()), pa.array(np.arange(len(values), dtype=np.int32)))
    rows = numbers.take(distinct.indices)
    values = values.view(pa.string())
    if 2 * len(values) > len(rows) - rows.null_count:
        return values.take(rows)
    return pa.DictionaryArray.from_arrays(rows, values)


def _columns(fragments: Fragments, rows: pa.Array) -> dict[str, pa.Array]:
    """The columns of one stretch, and those that follow from it alone; `rows` are the rows' fragments."""
    values = fragments.columns()
    arrays: dict[str, pa.Array] = {}
    for name, given in values.items():
        kind = RECORD.field(name).type
        if name in NESTED:
            distinct, which = _distinct(name, given, fragments)
            which = which.take(rows)
            arrays[name] = encoded.spread(pa.array(distinct, kind), which)
            if name == "userIdentity":
                arrays |= {each: encoded.spread(column, which) for each, column in _principals(distinct).items()}
        elif name in OPEN:
            arrays[name] = encoded.spread(_raws(given).view(pa.string()), rows)
        else:
            arrays[name] = encoded.spread(pa.array(given, kind), rows)
    if "errorCode" in values:
        told = map(_outcome, values["errorCode"], values["errorMessage"])
        arrays["outcome"] = encoded.spread(pa.array(told, pa.string()), rows)
    return arrays


def _distinct(name: str, raws: tuple[Any, ...], fragments: Fragments) -> tuple[list[Any], pa.Array]:
    """(values, which): each distinct text decoded once, and which of them a fragment has; the rest is put to its."""
    found = _raws(raws).dictionary_encode()
    values: list[Any] = []
    rests: dict[int, bytes] = {}
    kind = RECORD.field(name).type
    for number, raw in enumerate(found.dictionary.to_pylist()):
        try:
            values.append(msgspec.to_builtins(_nested[name].decode(raw)))
        except (msgspec.DecodeError, RecursionError):
            value, left = fit(raw, kind)
            values.append(value)
            if left is not None:
                rests[number] = left
    values.append(None)
    which = pc.fill_null(found.indices, len(values) - 1)
    if rests:
        for fragment, number in enumerate(which.to_pylist()):
            if number in rests:
                fragments.rests[fragment] = {**fragments.rests.get(fragment, {}), name: rests[number]}
    return values, which


def _raws(raws: tuple[Any, ...]) -> pa.Array:
    """JSON texts as bytes; null for one that is absent or null."""
    texts = [None if raw is None else bytes(raw) for raw in raws]
    return pa.array([None if text == b"null" else text for text in texts], pa.binary())


def _principals(identities: list[Any]) -> dict[str, pa.Array]:
    people = list(zip(*map(principal, identities), strict=True))
    names = {"arn": "principal_arn", "type": "principal_type", "id": "principal_id"}
    return {
        names.get(name, name): pa.array(column, pa.bool_() if name == "path_unknown" else pa.string())
        for name, column in zip(Principal._fields, people, strict=True)
    }


def _outcome(code: str | None, message: str | None) -> str:
    return outcome(code, bool(message)) if code is not None or message is not None else "ok"


def _derived(arrays: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """The columns that follow from others, of any stretch."""
    address = arrays["sourceIPAddress"]
    acting = encoded.first(arrays["via_service"], encoded.each(address, _service_address))
    is_service = pc.equal(encoded.plain(arrays["principal_type"], pa.string()), "AWSService")
    recipient = encoded.each(arrays["recipientAccountId"], lambda text: text or None)
    return {
        "account_id": encoded.first(recipient, arrays["account_id"]),
        "service": encoded.each(arrays["eventSource"], lambda text: text.removesuffix(".amazonaws.com")),
        "via_service": pc.if_else(is_service, pa.scalar(None, acting.type), acting),
        "source_network": encoded.each(address, source_network),
        "outcome": _with_failed_sign_ins(arrays),
    }


def _with_failed_sign_ins(arrays: dict[str, pa.Array]) -> pa.Array:
    """A failed sign-in may say so in its response alone (CloudTrail, "AWS Management Console sign-in events")."""
    calls = encoded.encode(arrays["eventName"])
    code = pc.index(calls.dictionary, "ConsoleLogin").as_py()
    if code < 0:
        return arrays["outcome"]
    found = arrays["outcome"].cast(pa.string())
    rows = pc.indices_nonzero(pc.and_(pc.equal(calls.indices, code), pc.equal(found, "ok")).fill_null(False))
    responses = arrays["responseElements"].take(rows).cast(pa.string())
    failed = rows.filter(pc.match_substring(responses, '"Failure"').fill_null(False))
    mask = np.zeros(len(found), bool)
    mask[failed.to_numpy()] = True
    bare = pc.and_(pc.is_null(arrays["errorCode"]), pc.is_null(arrays["errorMessage"]))
    return pc.if_else(pc.and_(pa.array(mask), bare), pa.scalar("error"), found).dictionary_encode()


def _service_address(address: str) -> str | None:
    return address if address.endswith(".amazonaws.com") or address.startswith("AWS Internal") else None


def _sparse(values: dict[int, Any], count: int) -> pa.Array:
    if not values:
        return pa.nulls(count, pa.string())
    column: list[Any] = [None] * count
    for row, value in values.items():
        column[row] = value
    return pa.array(column, pa.string())
