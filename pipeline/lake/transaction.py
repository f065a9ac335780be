"""pyiceberg's transaction without its copying: a commit asks for the table's metadata some twenty times.

The library builds a deep copy at each asking, snapshots and schema and all, which was the greater part of a commit.
The metadata only changes when an update is staged, so one copy a staged update is enough.
"""

from __future__ import annotations

from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata


class Change(Transaction):  # type: ignore[misc]
    """A transaction of one table; `with Change(table) as change: …` as with `table.transaction()`."""

    _kept: tuple[TableMetadata, object, TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        """The metadata as the updates staged so far leave it; read only."""
        kept = self._kept
        if kept is None or kept[0] is not self._table.metadata or kept[1] is not self._updates:
            kept = self._kept = (self._table.metadata, self._updates, Transaction.table_metadata.fget(self))
        return kept[2]
