"""The columns of a record in the peers' own type languages, made from the one schema that we write ourselves."""

from __future__ import annotations

import pyarrow as pa

from pipeline.records.schema import OPEN, RECORD


def duckdb_record() -> str:
    """A record as a DuckDB STRUCT; members AWS leaves open are JSON."""
    members = (f'"{each.name}" {"json" if each.name in OPEN else _duckdb(each.type)}' for each in RECORD)
    return f"struct({', '.join(members)})"


def duckdb_transform() -> str:
    """A record as `json_transform` wants it described: JSON whose leaves are type names."""
    members = (f'"{each.name}":{_described(each.type, each.name in OPEN)}' for each in RECORD)
    return f"{{{','.join(members)}}}"


def clickhouse_record() -> str:
    """A record as a ClickHouse named Tuple; open members are text, which ClickHouse fills with their JSON."""
    members = (f"`{each.name}` {_clickhouse(each.type)}" for each in RECORD)
    return f"Tuple({', '.join(members)})"


def _duckdb(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        members = (f'"{each.name}" {_duckdb(each.type)}' for each in kind)
        return f"struct({', '.join(members)})"
    if pa.types.is_list(kind):
        return f"{_duckdb(kind.value_type)}[]"
    if pa.types.is_map(kind):
        return "map(varchar, varchar)"
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    return "boolean" if pa.types.is_boolean(kind) else "varchar"


def _described(kind: pa.DataType, is_open: bool = False) -> str:
    if is_open:
        return '"JSON"'
    if pa.types.is_struct(kind):
        members = (f'"{each.name}":{_described(each.type)}' for each in kind)
        return f"{{{','.join(members)}}}"
    if pa.types.is_list(kind):
        return f"[{_described(kind.value_type)}]"
    return f'"{_duckdb(kind).upper()}"'


def _clickhouse(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        members = (f"`{each.name}` {_clickhouse(each.type)}" for each in kind)
        return f"Tuple({', '.join(members)})"
    if pa.types.is_list(kind):
        return f"Array({_clickhouse(kind.value_type)})"
    if pa.types.is_map(kind):
        return "Map(String, String)"
    if pa.types.is_timestamp(kind):
        return "Nullable(DateTime64(6, 'UTC'))"
    return "Nullable(Bool)" if pa.types.is_boolean(kind) else "Nullable(String)"
