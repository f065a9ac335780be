"""Rows to columns: CloudTrail's own, and those we derive. What repeats is decoded once and kept as a dictionary."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records import encoded
from pipeline.records.fields import fit, join
from pipeline.records.fragments import STRETCHES, Fragments, strict
from pipeline.records.pieces import IDS, VALUES, Pieces
from pipeline.records.principal import Principal, outcome, principal, source_network
from pipeline.records.schema import EVENTS, OPEN, RECORD

TIME = RECORD.field("eventTime").type
_OWN = (*VALUES, *IDS)
_RESOURCES = RECORD.field("resources").type
_resources = msgspec.json.Decoder(strict("resources", _RESOURCES))


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

    def shared(self, outlines: list[Any]) -> list[tuple[int, ...]]:
        """What the stretches of events are here: a number a stretch for each; raises as `Fragments.shared` does."""
        return [tuple([each.shared(outline) for each in self._fragments]) for outline in outlines]

    def add(self, event: Any, rest: dict[str, bytes], moment: Any, sha256: str | None) -> None:
        """Adds one row: a typed event, the members no column takes, its time, the identity if it has no eventID."""
        rests = [rest, None, None]
        numbers = tuple([each.add(event, left) for each, left in zip(self._fragments, rests, strict=True)])
        if sha256:
            self._sha256[self.count] = sha256
        self.add_numbered(event, numbers, moment)

    def add_numbered(self, event: Any, numbers: tuple[int, ...], moment: Any) -> None:
        """Adds one row of an event whose stretches are here already."""
        own = [getattr(event, name) for name in _OWN]
        own = [each.encode() if isinstance(each, str) else each and bytes(each) for each in own]
        self._single.append((*numbers, moment, *own))
        self.count += 1

    def build(self) -> pa.Table:
        """The rows in schema EVENTS, but for the texts that repeat, which are dictionaries; provenance is null."""
        self._settle()
        numbers = [np.concatenate(each) if each else np.zeros(0, np.int32) for each in self._numbers]
        arrays: dict[str, pa.Array] = {"eventTime": _joined(self._times, TIME)}
        for name in VALUES[:3]:
            arrays[name] = _texts(self._own[name])
        arrays["resources"], rests = _listed(self._own["resources"])
        for name in IDS:
            arrays[name] = _joined(self._own[name], pa.binary()).view(pa.string())
        for fragments, rows in zip(self._fragments, numbers, strict=True):
            arrays |= _columns(fragments, pa.array(rows))
        arrays |= _derived(arrays)
        arrays["record_sha256"] = _sparse(self._sha256, self.count)
        arrays["extra"] = _sparse(self._extra(numbers, rests), self.count)
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

    def _extra(self, numbers: list[Any], found: dict[int, dict[str, bytes]]) -> dict[int, bytes | None]:
        """The JSON of the members that no column takes, by row; some are `found` already."""
        for fragments, given in zip(self._fragments, numbers, strict=True):
            if fragments.rests:
                for row in np.flatnonzero(np.isin(given, list(fragments.rests))).tolist():
                    found[row] = {**found.get(row, {}), **fragments.rests[int(given[row])]}
        return {row: join(rest) for row, rest in found.items()}


def _joined(chunks: list[pa.Array], kind: pa.DataType) -> pa.Array:
    return pa.concat_arrays(chunks) if chunks else pa.array([], kind)


def _distinct(chunks: list[pa.Array]) -> tuple[pa.Array, pa.Array]:
    """(values, which): the distinct texts of open members, and each row's; null for an absent or null one."""
    texts = pa.concat_arrays(chunks or [pa.array([], pa.binary())]).dictionary_encode()
    values = texts.dictionary
    absent = pc.is_in(values, pa.array([b"", b"null"], pa.binary()))
    numbers = pc.if_else(absent, pa.scalar(None, pa.int32()), pa.array(np.arange(len(values), dtype=np.int32)))
    return values, numbers.take(texts.indices)


def _texts(chunks: list[pa.Array]) -> pa.Array:
    """Open members' texts; a dictionary where they repeat."""
    values, which = _distinct(chunks)
    values = values.view(pa.string())
    if 2 * len(values) > len(which) - which.null_count:
        return values.take(which)
    return pa.DictionaryArray.from_arrays(which, values)


def _listed(chunks: list[pa.Array]) -> tuple[pa.Array, dict[int, dict[str, bytes]]]:
    """The column `resources`, and by row what it does not take of them."""
    raws, which = _distinct(chunks)
    values: list[Any] = []
    rests: dict[int, bytes] = {}
    for number, raw in enumerate(raws.to_pylist()):
        try:
            values.append(_resources.decode(raw) if raw and raw != b"null" else None)
        except (msgspec.DecodeError, RecursionError):
            value, left = fit(raw, _RESOURCES)
            values.append(None if value is None else msgspec.convert(value, _resources.type))
            if left is not None:
                rests[number] = left
    rows = enumerate(which.to_pylist()) if rests else ()
    left_by_row = {row: {"resources": rests[number]} for row, number in rows if number in rests}
    return encoded.spread(encoded.array(values, _RESOURCES), which), left_by_row


def _columns(fragments: Fragments, rows: pa.Array) -> dict[str, pa.Array]:
    """The columns of one stretch, and those that follow from it alone; `rows` are the rows' fragments."""
    values = fragments.columns()
    arrays: dict[str, pa.Array] = {}
    for name, given in values.items():
        column = _raws(given) if name in OPEN else encoded.array(given, RECORD.field(name).type)
        arrays[name] = encoded.spread(column, rows)
    if "userIdentity" in values:
        people = _principals(values["userIdentity"])
        arrays |= {name: encoded.spread(column, rows) for name, column in people.items()}
    if "errorCode" in values:
        told = map(_outcome, values["errorCode"], values["errorMessage"])
        arrays["outcome"] = encoded.spread(pa.array(told, pa.string()), rows)
    return arrays


def _raws(raws: tuple[Any, ...]) -> pa.Array:
    """JSON texts; null for one that is absent or null."""
    texts = [None if raw is None else bytes(raw) for raw in raws]
    return pa.array([None if text == b"null" else text for text in texts], pa.binary()).view(pa.string())


def _principals(identities: tuple[Any, ...]) -> dict[str, pa.Array]:
    people = list(zip(*(principal(msgspec.to_builtins(each)) for each in identities), strict=True))
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
