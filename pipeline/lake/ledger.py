"""The ledger: which objects were read, and what became of their records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from pipeline.lake.rewrite import READ, scratch
from pipeline.lake.tables import Lake

# What tells objects apart: a changed object has another etag, and is read as a new one.
OBJECT = pa.schema([("uri", pa.string()), ("etag", pa.string()), ("size", pa.int64())])


def unknown(lake: Lake, objects: pa.Table) -> pa.Table:
    """The rows of `objects` (with the columns of OBJECT) that the lake has neither taken nor refused, in order.

    Call `roll_forward` before. The ledger is read column by column and never held whole.
    """
    files = lake.files("ledger")
    if len(files) < 2 or not objects.num_rows:
        return objects
    listing = objects.select(OBJECT.names).append_column("row", pa.array(range(objects.num_rows), pa.int64()))
    with scratch(lake) as connection:
        connection.register("listing", listing)
        rows = connection.execute(_FRESH, [files]).fetchall()
    return objects.take(pa.array([row for (row,) in rows], pa.int64()))


_FRESH = (
    f"select w.row from listing w anti join {READ} l on w.uri = l.uri and w.etag is not distinct from l.etag "
    "and w.size is not distinct from l.size order by w.row"
)


class Identified(Protocol):
    """Whatever stands for one object."""

    @property
    def uri(self) -> str: ...
    @property
    def etag(self) -> str: ...
    @property
    def size(self) -> int: ...


T = TypeVar("T", bound=Identified)


def unread(lake: Lake, items: Sequence[T]) -> list[T]:
    """Those of a few objects that the lake has neither taken nor refused, in order; see `unknown`."""
    columns = {name: [getattr(each, name) for each in items] for name in OBJECT.names}
    rows = pa.table(columns, OBJECT).append_column("number", pa.array(range(len(items)), pa.int64()))
    return [items[number] for number in unknown(lake, rows)["number"].to_pylist()]


def known_objects(lake: Lake) -> set[tuple[str, str, int]]:
    """(uri, etag, size) of every object the lake has taken or refused for good; call `roll_forward` before.

    The whole ledger in memory: for few objects, or where there is no listing to ask `unknown` about.
    """
    known: set[tuple[str, str, int]] = set()
    for path in lake.files("ledger"):
        columns: dict[str, Any] = lake.storage.read(path, OBJECT.names).to_pydict()
        known.update(zip(columns["uri"], columns["etag"], columns["size"], strict=True))
    return known
