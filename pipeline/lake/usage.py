"""The usage roll-up: who called what, how often, from when to when; its size follows principals × calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records import encoded
from pipeline.records.requests import SOURCES, request_members
from pipeline.records.schema import USAGE, USAGE_KEYS

_SOURCES_WITH_MEMBERS = pa.array(SOURCES)
_LARGEST = 1 << 62


def roll_up(events: pa.Table, batch: str) -> pa.Table:
    """Rows of schema USAGE for rows of schema EVENTS, whose texts may be dictionaries: partial sums, one row a key."""
    texts = {name: _encoded(events[name]) for name in (*USAGE_KEYS, "requestParameters") if name in events.schema.names}
    keys: dict[str, pa.Array] = texts | {
        "day": pc.cast(events["eventTime"], pa.date32()).combine_chunks(),
        "access_key_id": encoded.each(texts["access_key_id"], _long_lived),
        "request": _requests(events["readOnly"].combine_chunks(), texts),
    }
    rows = {
        "at": events["eventTime"],
        "row": np.arange(events.num_rows),
        "key": _numbers([keys[n] for n in USAGE_KEYS]),
    }
    sums = [("at", "count"), ("at", "min"), ("at", "max"), ("row", "min")]
    grouped = pa.table(rows).group_by("key", use_threads=False).aggregate(sums)
    first = grouped["row_min"].combine_chunks()
    columns = {name: encoded.plain(keys[name].take(first), USAGE.field(name).type) for name in USAGE_KEYS}
    columns["count"] = grouped["at_count"]
    columns["first_seen"], columns["last_seen"] = grouped["at_min"], grouped["at_max"]
    columns["sample_event_id"] = pc.coalesce(events["eventID"].take(first), events["record_sha256"].take(first))
    columns["batch_id"] = pa.repeat(batch, grouped.num_rows)
    return pa.table([columns[name] for name in USAGE.names], names=USAGE.names).cast(USAGE)


def _encoded(column: pa.ChunkedArray) -> pa.Array:
    """The column as one dictionary."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.unify_dictionaries().combine_chunks()


def _numbers(columns: list[pa.Array]) -> Any:
    """A number for every row, equal where all columns are."""
    found: Any = np.zeros(len(columns[0]), np.int64)
    size = 1
    for column in columns:
        distinct = encoded.encode(column)
        values = len(distinct.dictionary) + 1
        if size * values > _LARGEST:
            again = pa.array(found).dictionary_encode()
            found, size = again.indices.to_numpy().astype(np.int64), len(again.dictionary)
        found = found * values + distinct.indices.fill_null(values - 1).to_numpy()
        size *= values
    return found


def _long_lived(key: str) -> str | None:
    """Only AKIA keys: a session's key (ASIA) lives hours and would make the roll-up follow sessions."""
    return key if key.startswith("AKIA") else None


def _requests(read_only: pa.Array, texts: dict[str, pa.Array]) -> pa.Array:
    """The request members the action mapping needs, worked out once for rows of one call and one request."""
    given = [texts[name] for name in ("eventSource", "eventName", "requestParameters")]
    # Roles are passed and tags set by calls that change something; only they are searched, since searching costs.
    changing = pc.invert(pc.fill_null(read_only, False))
    with_members = pc.is_in(given[0].dictionary, _SOURCES_WITH_MEMBERS).take(given[0].indices)
    wanted = pc.and_(pc.or_(changing, with_members.fill_null(False)), pc.is_valid(given[2].indices))
    rows = pc.indices_nonzero(wanted)
    calls = pa.array(_numbers([each.take(rows) for each in given])).dictionary_encode()
    one_of_each = rows.take(pa.array(np.unique(calls.indices.to_numpy(), return_index=True)[1]))
    sources, names, parameters = (encoded.plain(each.take(one_of_each), pa.string()) for each in given)
    found = [
        request_members(source, name, text.encode())
        for source, name, text in zip(sources.to_pylist(), names.to_pylist(), parameters.to_pylist(), strict=True)
    ]
    which = np.full(len(read_only), -1, np.int32)
    which[rows.to_numpy()] = calls.indices.to_numpy()
    values = pa.array(found, pa.binary()).cast(pa.string())
    return encoded.spread(values, pa.array(which, mask=which < 0))
