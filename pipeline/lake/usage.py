"""The usage roll-up: who called what, how often, from when to when; its size follows principals × calls."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records.requests import request_members
from pipeline.records.schema import USAGE, USAGE_KEYS

_SOURCES_WITH_MEMBERS = pa.array(
    ["s3.amazonaws.com", "dynamodb.amazonaws.com", "lambda.amazonaws.com", "kms.amazonaws.com"]
)


def roll_up(events: pa.Table, batch: str) -> pa.Table:
    """Rows of schema USAGE for rows of schema EVENTS: partial sums, one row a key."""
    keyed = events.select([name for name in USAGE_KEYS if name not in ("day", "request", "access_key_id")])
    keyed = keyed.append_column("day", pc.cast(events["eventTime"], pa.date32()))
    keyed = keyed.append_column("request", _requests(events))
    keyed = keyed.append_column("access_key_id", _long_lived(events["access_key_id"]))
    keyed = keyed.append_column("at", events["eventTime"]).append_column("eventID", _identity(events))
    grouped = keyed.group_by(list(USAGE_KEYS), use_threads=False).aggregate(
        [("at", "count"), ("at", "min"), ("at", "max"), ("eventID", "first")]
    )
    columns = {name: grouped[name] for name in USAGE_KEYS}
    columns["count"] = grouped["at_count"]
    columns["first_seen"], columns["last_seen"] = grouped["at_min"], grouped["at_max"]
    columns["sample_event_id"] = grouped["eventID_first"]
    columns["batch_id"] = pa.repeat(batch, grouped.num_rows)
    return pa.table([columns[name] for name in USAGE.names], names=USAGE.names).cast(USAGE)


def _identity(events: pa.Table) -> pa.ChunkedArray:
    return pc.coalesce(events["eventID"], events["record_sha256"])


def _long_lived(keys: pa.ChunkedArray) -> pa.ChunkedArray:
    """Only AKIA keys: a session's key (ASIA) lives hours and would make the roll-up follow sessions."""
    return pc.if_else(pc.starts_with(keys, "AKIA"), keys, pa.scalar(None, keys.type))


def _requests(events: pa.Table) -> pa.Array:
    parameters = events["requestParameters"]
    # A role is passed by calls that change something; only they are searched for one, since searching costs.
    changing = pc.invert(pc.fill_null(events["readOnly"], False))
    wanted = pc.or_(changing, pc.is_in(events["eventSource"], _SOURCES_WITH_MEMBERS))
    rows = pc.indices_nonzero(pc.fill_null(pc.and_(wanted, pc.is_valid(parameters)), False))
    picked = events.select(["eventSource", "eventName"]).append_column("text", parameters).take(rows)
    column: list[bytes | None] = [None] * events.num_rows
    texts = pc.cast(picked["text"], pa.large_binary()).to_pylist()
    for row, source, name, text in zip(
        rows.to_pylist(), picked["eventSource"].to_pylist(), picked["eventName"].to_pylist(), texts, strict=True
    ):
        column[row] = request_members(source, name, text)
    return pa.array(column, pa.binary()).cast(pa.string())
