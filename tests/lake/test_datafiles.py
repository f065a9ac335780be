"""What manifests say of our files is what pyiceberg, asked file by file, says of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.manifest import DataFile

from pipeline.lake.datafiles import data_files
from pipeline.lake.tables import Lake

MEMBERS = ("content", "file_path", "file_format", "partition", "record_count", "file_size_in_bytes", "column_sizes")
MEMBERS += ("value_counts", "null_value_counts", "nan_value_counts", "lower_bounds", "upper_bounds", "split_offsets")
MEMBERS += ("sort_order_id", "equality_ids", "key_metadata")


def _write(lake: Lake, name: str, day: int, schema: pa.Schema) -> str:
    moments = [datetime(2026, 3, day, hour, tzinfo=UTC) for hour in (3, 1, 2)]
    rows = [{"eventID": str(number), "eventTime": moment} for number, moment in enumerate(moments)]
    path = f"{lake.data}/events/{name}.parquet"
    lake.storage.write(path, pa.Table.from_pylist(rows, schema=schema))
    return lake.storage.uri(path)


def _told(file: DataFile) -> dict[str, object]:
    return {name: getattr(file, name) for name in MEMBERS}


def test_as_pyiceberg_tells_of_each_file(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    table, schema = lake.load("events"), lake.schema("events")
    uris = [_write(lake, "a", 1, schema), _write(lake, "b", 2, schema)]
    expected = [_told(parquet_file_to_data_file(table.io, table.metadata, uri)) for uri in uris]
    assert [_told(each) for each in data_files(table, uris)] == expected
    first = expected[0]
    assert first["record_count"] == 3
    assert first["lower_bounds"] != first["upper_bounds"]  # 01:00 and 03:00
    assert first["partition"] != expected[1]["partition"]


def test_a_file_of_another_schema_is_refused_also_after_one_that_fits(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    schema = lake.schema("events")
    number = schema.get_field_index("eventName")
    other = schema.set(number, schema.field(number).with_type(pa.int64()))
    uris = [_write(lake, "a", 1, schema), _write(lake, "b", 1, other)]
    with pytest.raises(ValueError, match="eventName"):
        list(data_files(lake.load("events"), uris))
