"""Where a lake's files lie: a folder of this machine, or a prefix of an S3 bucket, behind one small class.

A file is named by one text that Iceberg, DuckDB and this class all take: an absolute path, or `s3://bucket/key`.
Local files are read and written directly, so that a lake in a folder pays nothing for the other kind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import LakeError

if TYPE_CHECKING:
    import duckdb

REMOTE = "s3://"
# One file in twenty is read in vain for an id that it does not have; that takes a byte an event.
_MISTAKEN = 0.05


@dataclass(frozen=True)
class Found:
    """A file that lies there: its name, its bytes, when it was written."""

    path: str
    size: int
    modified: datetime


@dataclass
class Storage:
    """The files below `root`. Holds no connection when it is sent to another process; each makes its own."""

    root: str
    region: str = ""
    endpoint: str = ""

    @property
    def remote(self) -> bool:
        """Whether the files lie in a bucket."""
        return self.root.startswith(REMOTE)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "filesystem"}

    @cached_property
    def filesystem(self) -> Any:
        """The pyarrow filesystem of a bucket, with credentials by boto3's chain."""
        from pyarrow.fs import S3FileSystem

        options = {"region": self.region or None, "endpoint_override": self.endpoint or None}
        return S3FileSystem(**{name: each for name, each in options.items() if each}, **credentials())

    def uri(self, path: str) -> str:
        """The file's name as Iceberg writes it."""
        return path if self.remote else f"file://{path}"

    def path(self, uri: str) -> str:
        """The reverse of `uri`."""
        return uri.removeprefix("file://")

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        if not self.remote:
            return Path(path).is_file()
        from pyarrow.fs import FileType

        with self._told(path):
            return bool(self.filesystem.get_file_info(_key(path)).type == FileType.File)

    def size(self, path: str) -> int:
        """Bytes of a file; raises FileNotFoundError."""
        if not self.remote:
            return Path(path).stat().st_size
        with self._told(path):
            return int(self.filesystem.get_file_info(_key(path)).size)

    def get(self, path: str) -> bytes:
        """The file's content; raises FileNotFoundError."""
        if not self.remote:
            return Path(path).read_bytes()
        with self._told(path), self.filesystem.open_input_stream(_key(path)) as stream:
            return bytes(stream.read())

    def put(self, path: str, content: bytes) -> None:
        """Writes a small file so that no reader sees half of it."""
        if self.remote:
            with self._told(path), self.filesystem.open_output_stream(_key(path)) as stream:
                stream.write(content)
            return
        scratch = Path(path).with_name(f".{Path(path).name}.{os.getpid()}")
        scratch.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(content)
        scratch.rename(path)

    def write(self, path: str, rows: pa.Table, **settings: Any) -> None:
        """Writes a Parquet file; `settings` as for pyarrow's write_table."""
        with self.writer(path, rows.schema, **settings) as writer:
            writer.write_table(rows)

    def writer(self, path: str, schema: pa.Schema, **settings: Any) -> pq.ParquetWriter:
        """Opens a Parquet file for writing, its folder made where needed."""
        settings.setdefault("compression", "zstd")
        if self.remote:
            return pq.ParquetWriter(_key(path), schema, filesystem=self.filesystem, **settings)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return pq.ParquetWriter(path, schema, **settings)

    def read(self, path: str, columns: list[str] | None = None) -> pa.Table:
        """A Parquet file as it is; `day=…` in its name adds no column."""
        if self.remote:
            return pq.read_table(_key(path), columns=columns, partitioning=None, filesystem=self.filesystem)
        return pq.read_table(path, columns=columns, partitioning=None)

    def files(self, folder: str) -> Iterator[Found]:
        """Every file below a folder, nothing where there is none."""
        if self.remote:
            yield from self._keys(folder)
            return
        for place, _, names in os.walk(folder):
            for name in names:
                path = f"{place}/{name}"
                with suppress(FileNotFoundError):  # deleted by another process meanwhile
                    status = Path(path).stat()
                    yield Found(path, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))

    def _keys(self, folder: str) -> Iterator[Found]:
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(_key(folder), allow_not_found=True, recursive=True)
        with self._told(folder):
            for each in self.filesystem.get_file_info(selector):
                if each.type == FileType.File:
                    yield Found(REMOTE + each.path, each.size, each.mtime.astimezone(UTC))

    def delete(self, path: str) -> None:
        """Deletes a file; one that has gone already is fine."""
        if not self.remote:
            Path(path).unlink(missing_ok=True)
            return
        with self._told(path), suppress(FileNotFoundError):
            self.filesystem.delete_file(_key(path))

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Has a DuckDB read this storage; DuckDB's own S3 would first download an extension."""
        if self.remote:
            connection.register_filesystem(_bridge(self.filesystem))

    def _told(self, place: str) -> Any:
        return _Told(place)


class _Told:
    """Turns what the AWS library says into one line; a missing file stays a FileNotFoundError."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            text = " ".join(str(error).split())
            raise LakeError(
                self.place, f"the bucket does not answer ({text})", "check bucket, region and credentials"
            ) from error


def _bridge(filesystem: Any) -> Any:
    from fsspec.implementations.arrow import ArrowFSWrapper

    class Bridge(ArrowFSWrapper):  # type: ignore[misc]
        protocol = "s3"

    return Bridge(filesystem)


def credentials() -> dict[str, str]:
    """pyarrow's options for the credentials boto3 finds, none where it finds none."""
    import boto3

    found = boto3.Session().get_credentials()
    if found is None:
        return {}
    frozen = found.get_frozen_credentials()
    options = {"access_key": frozen.access_key, "secret_key": frozen.secret_key, "session_token": frozen.token}
    return {name: value for name, value in options.items() if value}


def _key(path: str) -> str:
    return path.removeprefix(REMOTE)


def found_by_id(rows: int) -> dict[str, Any]:
    """Settings for a writer of `events`: an event that is asked for by its id is looked for where it may be.

    Ids are random, so that no bounds rule out a file; a Bloom filter of each row group, of at most so many rows, does.
    """
    return {"bloom_filter_options": {"eventID": {"ndv": max(rows, 1), "fpp": _MISTAKEN}}}
