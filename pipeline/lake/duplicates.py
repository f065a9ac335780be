"""Tells copies of known events: by identity in bulk, by content for the few that are copies.

Identity is eventID and account (`account_id`), or the record's SHA-256 where there is no eventID. Content is
compared as JSON, since the copies that S3, LookupEvents and EventBridge give may differ in their text.
"""

from __future__ import annotations

import hashlib
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.lake.storage import Storage
from pipeline.records import rebuild
from pipeline.records.plain import canonical
from pipeline.records.schema import RECORD

_READ = "read_parquet(?, union_by_name=true, hive_partitioning=false)"
_CONTENT = [*RECORD.names, "extra"]


def keys_of(rows: pa.Table) -> list[str]:
    """One text a row, equal for copies of one event; `rows` has eventID, record_sha256 and account_id."""
    # An empty eventID is as good as none; the record's hash, which only such rows have, goes first.
    identity = pc.coalesce(rows["record_sha256"], rows["eventID"])
    account = pc.fill_null(rows["account_id"], "")
    return pc.binary_join_element_wise(identity, account, "|").to_pylist()  # type: ignore[no-any-return]


class Comparer:
    """An in-memory DuckDB that compares rows with the lake's files; its memory is bounded."""

    def __init__(self, storage: Storage) -> None:
        self._duckdb = duckdb.connect(config={"memory_limit": "160MB", "threads": 1})
        self._duckdb.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
        storage.attach(self._duckdb)

    def rows_in(self, rows: pa.Table, files: list[str]) -> list[int]:
        """Numbers of the rows whose event one of the files holds; `rows` as for `keys_of`."""
        if len(files) < 2 and not any("/data/" in each for each in files):
            return []
        found: list[int] = []
        part = rows.append_column("row", pa.array(range(rows.num_rows), pa.int32()))
        for name in ("eventID", "record_sha256"):
            has = pc.is_valid(part["record_sha256"])
            wanted = part.filter(has if name == "record_sha256" else pc.invert(has))
            if wanted.num_rows:
                found += self._semi_join(name, wanted, files)
        return found

    def _semi_join(self, name: str, wanted: pa.Table, files: list[str]) -> list[int]:
        self._duckdb.register("wanted", wanted)
        try:
            rows = self._duckdb.execute(
                f'select w.row from wanted w semi join {_READ} l on w."{name}" = l."{name}" '
                "and w.account_id is not distinct from l.account_id",
                [files],
            ).fetchall()
        finally:
            self._duckdb.unregister("wanted")
        return [row for (row,) in rows]

    def conflicting(self, copies: list[str], stays: list[str]) -> list[dict[str, Any]]:
        """Quarantine rows for the copies whose content is not the one of the event that stays.

        Texts are compared in bulk first; the few that differ are compared as JSON.
        """
        differ = " or ".join(f'c."{name}" is distinct from l."{name}"' for name in _CONTENT)
        pairs = self._duckdb.sql(
            f"select c as copy, l as stays from {_READ} c join {_READ} l "
            "on coalesce(c.record_sha256, c.eventID) = coalesce(l.record_sha256, l.eventID) "
            f"and c.account_id is not distinct from l.account_id where {differ}",
            params=[copies, stays],
        ).to_arrow_table()
        found: dict[str, dict[str, Any]] = {}
        for pair in pairs.to_pylist():
            text = rebuild.text(pair["copy"])
            content = canonical(text.decode())
            if content != canonical(rebuild.text(pair["stays"]).decode()):
                row = _quarantined(pair["copy"], content, text)
                found.setdefault(row["id"], row)
        return list(found.values())


def _quarantined(copy: dict[str, Any], content: str, text: bytes) -> dict[str, Any]:
    return {
        "id": hashlib.sha256(f"{copy['account_id']}|{content}".encode()).hexdigest()[:24],
        "status": "quarantined",
        "place": f"{copy['source_object']}#{copy['eventID']}",
        "uri": copy["source_object"],
        "reason": f"another record with eventID {copy['eventID']} was committed before",
        "raw": text,
    }
