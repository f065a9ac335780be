"""The lake: Apache Iceberg tables in a folder or a bucket behind a catalogue, opened, made and listed.

Readers ask it for the data files of one snapshot (`files`) and give them to DuckDB; writers go through
`pipeline.lake.commit`, which holds the protocol. Nothing here reads or writes rows.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import config
from pipeline.config import Settings
from pipeline.errors import LakeError, NoDataError, TrailsiftError, UsageError
from pipeline.lake.storage import REMOTE, Storage
from pipeline.records.schema import FOLLOWING, TABLES

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
    "commit.manifest.min-count-to-merge": "16",
    "commit.manifest.target-size-bytes": "524288",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "8",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.metrics.default": "none",
}
_METRICS = {"events": "eventTime", "usage": "day", "habits": "day"}


class Lake:
    """A lake at a folder or an `s3://bucket/prefix`; get one by `Lake.open`, which looks whether it is there."""

    def __init__(self, location: str | Path, settings: Settings | None = None) -> None:
        text = str(location)
        if "://" in text and not text.startswith(REMOTE):
            raise UsageError(text, "is no place for a lake", "name a folder or s3://bucket/prefix by --lake")
        remote = text.startswith(REMOTE)
        # Only a lake in a bucket needs settings to be found; whoever has none at hand gets those in force.
        self.settings = settings or (config.load() if remote else Settings())
        self.location = text.rstrip("/") if remote else str(Path(text).expanduser().absolute())
        self.storage = Storage(self.location, self.settings.catalog_region, self.settings.catalog_endpoint)
        self._catalog: Any = None
        self._carriers: set[str] = set()

    @classmethod
    def open(cls, location: str | Path, create: bool = False, settings: Settings | None = None) -> Lake:
        """The lake at a place. Raises NoDataError where there is none, LakeError where it cannot be used."""
        lake = cls(location, settings)
        if create:
            lake.make()
        elif not lake.exists:
            problem = "there is no lake here"
            raise NoDataError(lake.location, problem, "make one with trailsift ingest, or name it by --lake")
        else:
            lake._check_version()
        return lake

    @property
    def path(self) -> Path:
        """The folder of a lake that lies in one; for a bucket, only its name."""
        return Path(self.location)

    @property
    def exists(self) -> bool:
        """Whether there is a lake at the place."""
        return self.storage.exists(f"{self.location}/{MARKER}")

    def make(self) -> None:
        """Makes the lake, or of one that exists what it lacks."""
        if not self.exists:
            self._make_folder()
        self._check_version()
        self._make_tables()

    @property
    def data(self) -> str:
        """The folder that holds every data file, one folder a table below it."""
        return f"{self.location}/data"

    def load(self, name: str) -> Table:
        """The Iceberg table at its newest snapshot; the object stays pinned to it."""
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return self.catalog.load_table(f"{NAMESPACE}.{name}")
        except NoSuchTableError:
            remedy = "run trailsift ingest once, which makes it"
            missing = LakeError(self.location, f"table {name} is missing", remedy)
            if name == "events" or name in FOLLOWING:
                raise missing from None  # its rows would be missing too
        try:
            with self._alone():
                self._make_missing(name)  # the lake was made before there was such a table
            return self.catalog.load_table(f"{NAMESPACE}.{name}")
        except Exception as error:
            raise missing from error

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
            raise LakeError(self.location, f"table {name} has no snapshot {snapshot_id}", "it may have been expired")
        limits = _limits(name, since, until)
        scan = table.scan(snapshot_id=snapshot_id, **({"row_filter": limits} if limits is not None else {}))
        return [self.carrier(name), *(self.storage.path(task.file.file_path) for task in scan.plan_files())]

    def carrier(self, name: str) -> str:
        """The empty file that carries the table's schema; written by whoever first needs it."""
        schema = TABLES[name]
        digest = hashlib.sha256(schema.to_string().encode()).hexdigest()[:12]
        path = f"{self.location}/carriers/{name}-{digest}.parquet"
        if path not in self._carriers:
            if not self.storage.exists(path):
                buffer = pa.BufferOutputStream()
                pq.write_table(schema.empty_table(), buffer)
                self.storage.put(path, buffer.getvalue().to_pybytes())
            self._carriers.add(path)
        return path

    @property
    def catalog(self) -> Any:
        """The pyiceberg catalogue, opened on first use."""
        if self._catalog is None:
            from pipeline.lake.catalogue import open_catalogue

            try:
                with self._alone():
                    self._catalog = open_catalogue(self.storage, self.settings)
            except TrailsiftError:
                raise
            except Exception as error:
                problem = f"the catalogue cannot be opened ({error})"
                raise LakeError(self.location, problem, "check the folder, or the settings under [catalog]") from error
        return self._catalog

    def _make_folder(self) -> None:
        try:
            self._refuse_what_is_in_use()
            content = json.dumps({"version": VERSION, "made_at": datetime.now(UTC).isoformat()})
            self.storage.put(f"{self.location}/{MARKER}", content.encode())
        except OSError as error:
            raise LakeError(
                self.location, f"cannot be made ({error.strerror})", "name a folder that can be written"
            ) from error

    def _refuse_what_is_in_use(self) -> None:
        if self.storage.remote:
            self.catalog  # noqa: B018  a bucket without a catalogue is refused before anything is written
            used = any(each.path != f"{self.location}/{MARKER}" for each in self.storage.files(self.location))
        else:
            self.path.mkdir(parents=True, exist_ok=True)
            used = any(each.name != MARKER for each in self.path.iterdir() if not each.name.startswith("."))
        if used and not self.exists:
            raise LakeError(self.location, "is no lake and not empty", "name an empty or a new folder by --lake")

    def birth(self) -> tuple[int, str]:
        """The lake's version, and the instant at which it was made. Raises LakeError where its marker is damaged."""
        place = f"{self.location}/{MARKER}"
        try:
            marker = json.loads(self.storage.get(place))
            return marker["version"], str(marker.get("made_at", ""))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LakeError(place, "cannot be understood", "restore it, or ingest into a new lake") from error

    def _check_version(self) -> None:
        version, _ = self.birth()
        if not isinstance(version, int) or version > VERSION:
            problem = f"the lake has version {version}, this Trailsift knows up to {VERSION}"
            raise LakeError(self.location, problem, "upgrade trailsift")

    def _make_tables(self) -> None:
        """Makes what is missing; safe beside another process that does the same."""
        from pyiceberg.exceptions import NamespaceAlreadyExistsError

        catalog = self.catalog
        with self._alone():
            if not catalog.namespace_exists(NAMESPACE):
                with suppress(NamespaceAlreadyExistsError):
                    catalog.create_namespace(NAMESPACE)
            there = {name for _, name in catalog.list_tables(NAMESPACE)}
            for name in TABLES:
                self.carrier(name)
                if name not in there:
                    self._make_missing(name)

    def _make_missing(self, name: str) -> None:
        """Makes a table; one that somebody else has made meanwhile is as good."""
        from pyiceberg.exceptions import TableAlreadyExistsError

        with suppress(TableAlreadyExistsError):
            self._make_table(name)

    def _make_table(self, name: str) -> None:
        from pyiceberg.schema import assign_fresh_schema_ids

        # Numbered here and not by pyiceberg, so that the table is made with its partition in one step: a transaction
        # that adds it copies the schema several times, which took longer than all other tables together.
        schema = assign_fresh_schema_ids(self.catalog._convert_schema_if_needed(TABLES[name]))
        self.catalog.create_table(
            f"{NAMESPACE}.{name}",
            schema=schema,
            location=self.storage.uri(f"{self.data}/{name}"),
            partition_spec=_partition(name, schema),
            properties=_PROPERTIES | {APPLIED: "0"} | _metrics(name),
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Holds other processes off while catalogue tables are made, which SQLite's own locks do not order.

        Commits need no lock. A folder that cannot be written is only read, and there is nothing to hold off;
        a catalogue that is a service orders its callers itself.
        """
        if self.storage.remote:
            yield
            return
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


def _partition(name: str, schema: Any) -> Any:
    """Events and habits lie by day, the other tables in one piece; `schema` is Iceberg's, with its field ids."""
    from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
    from pyiceberg.transforms import DayTransform, IdentityTransform

    days = {"events": ("eventTime", DayTransform()), "habits": ("day", IdentityTransform())}
    if name not in days:
        return PartitionSpec()
    column, transform = days[name]
    field = schema.find_field(column).field_id
    return PartitionSpec(PartitionField(field, PARTITION_FIELD_ID_START, transform, "day"))


def _metrics(name: str) -> dict[str, str]:
    column = _METRICS.get(name)
    return {f"write.metadata.metrics.column.{column}": "full"} if column else {}


def _limits(name: str, since: datetime | None, until: datetime | None) -> Any:
    from pyiceberg.expressions import AlwaysTrue, And, GreaterThanOrEqual, LessThanOrEqual

    if name != "events" or (since is None and until is None):
        return None
    low = GreaterThanOrEqual("eventTime", since.isoformat()) if since else AlwaysTrue()
    return And(low, LessThanOrEqual("eventTime", until.isoformat()) if until else AlwaysTrue())
