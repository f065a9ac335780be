"""The SQLite catalogue of a lake in a folder, with what it has read of tables kept."""

from __future__ import annotations

from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata

_KEPT = 64  # a lake has some twenty tables, and each has one state at a time


class SqliteCatalogue(SqlCatalog):  # type: ignore[misc]
    """pyiceberg's own, but that a metadata file is read once: a run asks some thirty times how a table stands.

    A file is never written again, each commit names a new one, and which is in force the database is still asked.
    """

    def __init__(self, name: str, **properties: str) -> None:
        self._read: dict[str, TableMetadata] = {}
        super().__init__(name, **properties)

    def _convert_orm_to_iceberg(self, orm_table: Any) -> Table:
        place = orm_table.metadata_location
        metadata = self._read.get(place)
        if metadata is None:
            table = super()._convert_orm_to_iceberg(orm_table)
            self._read[place] = table.metadata
            if len(self._read) > _KEPT:
                self._read.pop(next(iter(self._read)))
            return table
        return Table(
            identifier=(*Catalog.identifier_to_tuple(orm_table.table_namespace), orm_table.table_name),
            metadata=metadata,
            metadata_location=place,
            io=self._load_file_io(metadata.properties, place),
            catalog=self,
        )
