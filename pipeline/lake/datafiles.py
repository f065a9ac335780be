"""Parquet files as Iceberg's manifests describe them.

pyiceberg has a function for one file. It compares the file's schema with the table's column by column, and works out
which column needs what statistics, each time anew: a third of what the driver of ingestion did. Files of one schema
need both once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table


def data_files(table: Table, uris: Iterable[str]) -> Iterator[DataFile]:
    """What a manifest of the table says of files that were written for it, by their footers.

    Raises ValueError for a file whose schema does not fit the table's.
    """
    from pyiceberg.io import pyarrow as by_arrow
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat

    metadata, schema, spec = table.metadata, table.schema(), table.spec()
    collectors = by_arrow.compute_statistics_plan(schema, metadata.properties)
    columns = by_arrow.parquet_path_to_id_mapping(schema)
    fitting: pq.ParquetSchema | None = None
    for uri in uris:
        file = table.io.new_input(uri)
        with file.open() as stream:
            footer = pq.read_metadata(stream)
        if fitting is None or not footer.schema.equals(fitting):
            given = footer.schema.to_arrow_schema()
            by_arrow._check_pyarrow_schema_compatible(schema, given, format_version=metadata.format_version)
            fitting = footer.schema
        told = by_arrow.data_file_statistics_from_parquet_metadata(footer, collectors, columns)
        yield DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=uri,
            file_format=FileFormat.PARQUET,
            partition=told.partition(spec, schema),
            file_size_in_bytes=len(file),
            sort_order_id=None,
            spec_id=metadata.default_spec_id,
            equality_ids=None,
            key_metadata=None,
            **told.to_serialized_dict(),
        )
