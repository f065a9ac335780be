"""The lake: a folder of Apache Iceberg tables behind a SQLite catalogue, opened, made and listed.

Readers ask it for the data files of one snapshot (`files`) and give them to DuckDB; writers go through
`pipeline.lake.commit`, which holds the protocol. Nothing here reads or writes rows.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import LakeError, NoDataError
from pipeline.records.schema import TABLES

if TYPE_CHECKING:
    from pyiceberg.table import Table

VERSION = 1
MARKER = "trailsift-lake.json"
NAMESPACE = "lake"
APPLIED = "lake.applied-seq"

# num-retries=0 is essential: the library's own retry puts a batch on top of commits it was not deduplicated against.
_PROPERTIES = {
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "50",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.metrics.default": "none",
}
_METRICS = {"events": "eventTime", "usage": "day"}


class Lake:
    """A lake at a folder; get one by `Lake.open`, which looks whether it is there."""

    def __init__(self, location: str | Path) -> None:
        self.path = Path(location).expanduser().absolute()
        self._catalog: Any = None

    @classmethod
    def open(cls, location: str | Path, create: bool = False) -> Lake:
        """The lake at a folder. Raises NoDataError where there is none, LakeError where it cannot be used."""
        lake = cls(location)
        if create:
            lake.make()
        elif not lake.exists:
            problem = "there is no lake here"
            raise NoDataError(lake.path, problem, "make one with trailsift ingest, or name it by --lake")
        else:
            lake._check_version()
        return lake

    @property
    def exists(self) -> bool:
        """Whether there is a lake in the folder."""
        return (self.path / MARKER).is_file()

    def make(self) -> None:
        """Makes the lake, or of one that exists what it lacks."""
        if not self.exists:
            self._make_folder()
        self._check_version()
        self._make_tables()

    @property
    def data(self) -> Path:
        """The folder that holds every data file, one folder a table below it."""
        return self.path / "data"

    def load(self, name: str) -> Table:
        """The Iceberg table at its newest snapshot; the object stays pinned to it."""
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return self.catalog.load_table(f"{NAMESPACE}.{name}")
        except NoSuchTableError:
            raise LakeError(
                self.path, f"table {name} is missing", "run trailsift ingest once, which makes it"
            ) from None

    def schema(self, name: str) -> pa.Schema:
        """The table's Arrow schema with Iceberg's field ids, which data files must carry.

        The types are ours, so that a cast to it copies nothing; pyiceberg's own has large strings and lists.
        """
        return pa.schema([_plain(each) for each in self.load(name).schema().as_arrow()])

    def files(
        self,
        name: str,
        since: datetime | None = None,
        until: datetime | None = None,
        snapshot_id: int | None = None,
        table: Table | None = None,
    ) -> list[str]:
        """Parquet files of one snapshot that may hold rows of [since, until], the carrier first.

        The carrier is an empty file of the whole schema: with `union_by_name=true` it gives columns that older
        files lack, and keeps an empty plan readable. The plan is by file: keep the filter in SQL too.
        """
        table = table or self.load(name)
        if snapshot_id is not None and table.snapshot_by_id(snapshot_id) is None:
            raise LakeError(self.path, f"table {name} has no snapshot {snapshot_id}", "it may have been expired")
        limits = _limits(name, since, until)
        scan = table.scan(snapshot_id=snapshot_id, **({"row_filter": limits} if limits is not None else {}))
        return [str(self.carrier(name)), *(_local(task.file.file_path) for task in scan.plan_files())]

    def carrier(self, name: str) -> Path:
        """The empty file that carries the table's schema; written by whoever first needs it."""
        schema = TABLES[name]
        digest = hashlib.sha256(schema.to_string().encode()).hexdigest()[:12]
        path = self.path / "carriers" / f"{name}-{digest}.parquet"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            scratch = path.with_name(f".{path.name}.{os.getpid()}")
            pq.write_table(schema.empty_table(), scratch)
            scratch.rename(path)
        return path

    @property
    def catalog(self) -> Any:
        """The pyiceberg catalogue, opened on first use."""
        if self._catalog is None:
            from pyiceberg.catalog.sql import SqlCatalog

            try:
                with self._alone():
                    self._catalog = SqlCatalog(
                        "trailsift",
                        uri=f"sqlite:///{self.path}/catalog.db?timeout=60",
                        warehouse=f"file://{self.path}",
                    )
            except Exception as error:
                raise LakeError(self.path, f"the catalogue cannot be opened ({error})", "check the folder") from error
        return self._catalog

    def _make_folder(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if any(each.name != MARKER for each in self.path.iterdir() if not each.name.startswith(".")):
                raise LakeError(self.path, "is no lake and not empty", "name an empty or a new folder by --lake")
            self.data.mkdir(exist_ok=True)
            scratch = self.path / f".{MARKER}.{os.getpid()}"
            scratch.write_text(json.dumps({"version": VERSION, "made_at": datetime.now(UTC).isoformat()}))
            scratch.rename(self.path / MARKER)
        except OSError as error:
            raise LakeError(
                self.path, f"cannot be made ({error.strerror})", "name a folder that can be written"
            ) from error

    def _check_version(self) -> None:
        try:
            version = json.loads((self.path / MARKER).read_text())["version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LakeError(
                self.path / MARKER, "cannot be understood", "restore it, or ingest into a new lake"
            ) from error
        if not isinstance(version, int) or version > VERSION:
            problem = f"the lake has version {version}, this Trailsift knows up to {VERSION}"
            raise LakeError(self.path, problem, "upgrade trailsift")

    def _make_tables(self) -> None:
        """Makes what is missing; safe beside another process that does the same."""
        from pyiceberg.transforms import DayTransform

        catalog = self.catalog
        with self._alone():
            if not catalog.namespace_exists(NAMESPACE):
                catalog.create_namespace(NAMESPACE)
            there = {name for _, name in catalog.list_tables(NAMESPACE)}
            for name, schema in TABLES.items():
                self.carrier(name)
                if name in there:
                    continue
                with catalog.create_table_transaction(
                    f"{NAMESPACE}.{name}",
                    schema=schema,
                    location=f"file://{self.data}/{name}",
                    properties=_PROPERTIES | {APPLIED: "0"} | _metrics(name),
                ) as made:
                    if name == "events":
                        with made.update_spec() as spec:
                            spec.add_field("eventTime", DayTransform(), "day")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Holds other processes off while catalogue tables are made, which SQLite's own locks do not order.

        Commits need no lock. A folder that cannot be written is only read, and there is nothing to hold off.
        """
        try:
            lock = (self.path / ".lock").open("w")
        except OSError:
            yield
            return
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _plain(field: pa.Field) -> pa.Field:
    """The field without large strings and lists, whose 64-bit offsets nothing here needs."""
    kind = field.type
    if pa.types.is_large_string(kind):
        return field.with_type(pa.string())
    if pa.types.is_large_binary(kind):
        return field.with_type(pa.binary())
    if pa.types.is_struct(kind):
        return field.with_type(pa.struct([_plain(each) for each in kind]))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return field.with_type(pa.list_(_plain(kind.value_field)))
    if pa.types.is_map(kind):
        return field.with_type(pa.map_(_plain(kind.key_field), _plain(kind.item_field)))
    return field


def _local(uri: str) -> str:
    return uri.removeprefix("file://")


def _metrics(name: str) -> dict[str, str]:
    column = _METRICS.get(name)
    return {f"write.metadata.metrics.column.{column}": "full"} if column else {}


def _limits(name: str, since: datetime | None, until: datetime | None) -> Any:
    from pyiceberg.expressions import AlwaysTrue, And, GreaterThanOrEqual, LessThanOrEqual

    if name != "events" or (since is None and until is None):
        return None
    low = GreaterThanOrEqual("eventTime", since.isoformat()) if since else AlwaysTrue()
    return And(low, LessThanOrEqual("eventTime", until.isoformat()) if until else AlwaysTrue())
