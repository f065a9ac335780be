"""The oracle: what must hold of any bytes at all that are given to `pipeline.records`.

No crash, and for every object: either a reason why it is refused whole, or records, each of which becomes a row
that its record can be rebuilt from, or a record of another table, or a piece refused with a reason. What records
an object holds is worked out here a second time, with the standard library's JSON alone.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pyarrow as pa

from pipeline.lake.usage import roll_up
from pipeline.records import rebuild
from pipeline.records.decode import ObjectError, Refused, inflate, records
from pipeline.records.normalize import Builder
from pipeline.records.schema import OPEN

LIMIT = 1 << 20
_SPACE = b" \t\r\n"
_MARK = re.compile(rb"mark-\d{6}")


class Broken(AssertionError):
    """A property does not hold for an input."""


def holds(condition: object, said: str, data: bytes) -> None:
    if not condition:
        raise Broken(f"{said}: {data[:2000]!r}")


class Oracle:
    """Takes inputs with `feed` and looks at what became of them with `settle`, many at a time since that is faster."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._begin()

    def _begin(self) -> None:
        self._slow, self._fast = Builder(), Builder()
        self._events: list[tuple[bytes, bytes]] = []  # (record, input) by row
        self._quick: list[int] = []  # rows the fast path took as well
        self._aside = 0

    def feed(self, data: bytes) -> None:
        """Decodes one input on both paths."""
        self.counts["inputs"] += 1
        text = pieces = None
        try:
            text = inflate(data, LIMIT)
            holds(len(text) <= LIMIT, "inflates over the limit", data)
            pieces = list(records(text))
        except ObjectError as error:
            holds(0 < len(str(error)) < 500, "a reason of a line", data)
            self.counts["objects refused"] += 1
        if text is None:
            return
        before, known = (self._fast.rows, self._fast.aside), len(self._events)
        fast = self._fast.add_whole(0, text)
        holds(pieces is not None or not fast, "the fast path takes what the slow one refuses", data)
        if pieces is None:
            holds(expected(text) is None, "refuses an object that is JSON", data)
            return
        self._take(pieces, data)
        if fast:
            rows = len(self._events) - known
            taken = (self._fast.rows - before[0], self._fast.aside - before[1])
            holds(taken == (rows, len(pieces) - rows), "the fast path takes as many", data)
            self._quick += range(known, len(self._events))
        self._complete(text, pieces, data)

    def _take(self, pieces: list[Any], data: bytes) -> None:
        for position, piece in enumerate(pieces):
            rows, aside = self._slow.rows, self._slow.aside
            self._slow.add(0, position, piece)
            holds(self._slow.rows + self._slow.aside == rows + aside + 1, "a record is counted once", data)
            if self._slow.rows > rows:
                self._events.append((bytes(piece), data))
        self.counts["records"] += len(pieces)

    def _complete(self, text: bytes, pieces: list[Any], data: bytes) -> None:
        """Nothing of the object was left out."""
        raws = [each.raw if isinstance(each, Refused) else bytes(each) for each in pieces]
        wanted = expected(text)
        if wanted is not None:
            holds(len(raws) == len(wanted), f"{len(wanted)} records", data)
            for raw, want in zip(raws, wanted, strict=True):
                holds(want is None or same(raw) == want, "each record of the object, in its order", data)
            return
        if b'"detail-type"' in text:
            return  # Members of an envelope beside its record are no records.
        given = Counter(_MARK.findall(text)) - Counter(_MARK.findall(b" ".join(raws)))
        holds(not given, f"lost {sorted(given)}", data)

    def settle(self) -> None:
        """Builds what was fed and looks at every row."""
        events, quick = self._events, self._quick
        part, fast = self._slow.build(), self._fast.build()
        everything = b"".join(data for _, data in events)
        part.events.validate(full=True)
        holds(part.events.num_rows == len(events) == sum(rows for _, rows in part.runs), "a row an event", everything)
        for row, (record, data) in zip(part.events.to_pylist(), events, strict=True):
            check_row(row, record, data)
        if not fast.events.equals(part.events.take(pa.array(quick, pa.int64()))):
            both = zip(fast.events.to_pylist(), quick, strict=True)
            rows = part.events.to_pylist()
            at = next(number for row, number in both if row != rows[number])
            holds(False, "fast and slow path agree", events[at][1])
        for _, _, refused in part.refused:
            holds(refused.raw and 0 < len(refused.reason) < 500, "a refused piece has bytes and a reason", refused.raw)
        for other in part.others:
            holds(
                same(other["record"].encode()) is not None,
                "a record of another table is JSON",
                other["record"].encode(),
            )
        roll_up(part.events, "batch")
        self.counts += Counter(events=len(events), fast=len(quick), others=len(part.others), refused=len(part.refused))
        self._begin()


def check(data: bytes) -> None:
    """Raises Broken, or whatever the pipeline lets escape, where a property does not hold for this input."""
    oracle = Oracle()
    oracle.feed(data)
    oracle.settle()


def check_all(oracle: Oracle, inputs: list[bytes]) -> None:
    """Checks many inputs at once; where something does not hold, raises Broken with the one input at fault."""
    try:
        for each in inputs:
            oracle.feed(each)
        oracle.settle()
    except Exception:
        for each in inputs:
            try:
                check(each)
            except Exception as error:
                raise Broken(f"{type(error).__name__}: {error} for the input {each!r}") from error
        raise


def check_row(row: dict[str, Any], record: bytes, data: bytes) -> None:
    """The row gives the record back."""
    holds(plain(rebuild.record(row)) == same(record), "the record comes back", data)
    for name in OPEN:
        text = row[name]
        holds(text is None or (text.encode() in record and same(text.encode())), f"{name} to the letter", data)
    holds(row["extra"] is None or same(row["extra"].encode()), "extra is JSON", data)
    holds(row["eventTime"].tzinfo and row["principal_arn"] and row["principal_type"], "time and principal", data)
    holds(row["outcome"] in ("ok", "denied", "error"), "an outcome", data)
    holds(bool(row["eventID"]) != bool(row["record_sha256"]), "one identity", data)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _integer(text: str) -> Any:
    # Longer ones Python refuses to read; as numbers they are beyond every double.
    return int(text) if len(text) <= 4000 else float(text)


def _keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: each for name, each in dict(pairs).items() if each is not None}


def parse(text: bytes, nulls: bool = False) -> Any:
    """The value by the letter of RFC 8259, null members left out unless asked for; raises ValueError."""
    keep = dict if nulls else _keep
    return json.loads(text.decode(), object_pairs_hook=keep, parse_int=_integer, parse_constant=_no_constant)


def plain(value: Any) -> str:
    """Equal values give equal text; a null member counts as absent at any depth."""
    return json.dumps(json.loads(json.dumps(value), object_pairs_hook=_keep), sort_keys=True)


def same(text: bytes) -> str | None:
    """`plain` of a JSON text, None for what is none."""
    try:
        return json.dumps(parse(text), sort_keys=True)
    except (ValueError, RecursionError):
        return None


def expected(text: bytes) -> list[str | None] | None:
    """The records of an object that is JSON throughout (None for a record that is not), by the shapes it may have.

    None where the object is no JSON, holds no records, or goes deeper than Python reads.
    """
    text = text.removeprefix(b"\xef\xbb\xbf").strip(_SPACE)
    lines = [text]
    try:
        parse(text)
    except RecursionError:
        return None
    except ValueError:
        lines = [each for each in text.split(b"\n") if each.strip(_SPACE)]
        if len(lines) < 2:
            return None
    found: list[str | None] = []
    for line in lines:
        try:
            each = _shaped(parse(line, nulls=True))
        except (ValueError, RecursionError):
            return None
        if each is None:
            return None
        found += each
    return found


def _shaped(value: Any) -> list[str | None] | None:
    if not isinstance(value, dict):
        return [plain(each) for each in value] if isinstance(value, list) else None
    if isinstance(value.get("eventTime"), str):
        return [plain(value)]
    for name in ("Records", "Events"):
        if isinstance(value.get(name), list):
            return [plain(each) if name == "Records" else _looked_up(each) for each in value[name]]
    if isinstance(value.get("detail"), dict) and isinstance(value.get("detail-type"), str):
        return [plain(value["detail"])]
    return None if value.keys() & {"Records", "Events"} else [plain(value)]


def _looked_up(event: Any) -> str | None:
    text = event.get("CloudTrailEvent") if isinstance(event, dict) else None
    return same(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else None
