"""Takes up again what quarantine holds: after an upgrade that reads it, or when an object was put right in place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.config import Settings
from pipeline.errors import TrailsiftError
from pipeline.ingest.driver import take_up
from pipeline.ingest.summary import Progress, Summary
from pipeline.lake.commit import roll_forward
from pipeline.lake.quarantine import Entry, entries, raw
from pipeline.lake.tables import Lake
from pipeline.records.decode import ObjectError, inflate
from pipeline.records.normalize import Builder, add_object
from pipeline.sources.base import Source, SourceObject, open_source


class QuarantinedRecords(Source):
    """Refused records as objects of one record each; they keep the place where they were found."""

    name = "quarantine"

    @classmethod
    def claims(cls, text: str) -> bool:
        """Never: quarantine is no place on the command line."""
        return False

    def __init__(self, text: str = "") -> None:
        self.found: dict[str, bytes] = {}

    def objects(self) -> Iterator[SourceObject]:
        """Nothing by itself: `retry` names the records."""
        return iter(())

    def read(self, item: SourceObject) -> bytes:
        """The record's bytes."""
        return self.found[item.address]


def retry(location: str | Path, settings: Settings | None = None, progress: Progress | None = None) -> Summary:
    """Reads every quarantined record and object again, and ingests those that can be read now.

    The others stay as they are. Raises NoDataError where there is no lake.
    """
    settings = settings or Settings()
    lake = Lake.open(location, settings=settings)
    roll_forward(lake)
    records = QuarantinedRecords()
    sources: list[Source] = [records]
    again: dict[str, Entry] = {}
    listed: list[tuple[int, SourceObject]] = []
    for entry in entries(lake):
        if entry.kind == "record":
            data = raw(lake, entry.id)
            if _readable(data, settings):
                records.found[entry.id] = data
                listed.append((0, SourceObject(entry.place, entry.id, len(data), entry.id)))
                again[entry.place] = entry
        elif entry.kind == "object" and (found := _object(entry, settings)):
            sources.append(found[0])
            listed.append((len(sources) - 1, found[1]))
            again[entry.uri] = entry
    return take_up(lake, sources, listed, settings, progress, again)


def _object(entry: Entry, settings: Settings) -> tuple[Source, SourceObject] | None:
    try:
        source = open_source(entry.uri)
        item = next(iter(source.objects()))
        return (source, item) if _readable(source.read(item), settings) else None
    except (OSError, StopIteration, TrailsiftError):
        return None


def _readable(data: bytes, settings: Settings) -> bool:
    builder = Builder()
    try:
        for _ in add_object(builder, 0, inflate(data, settings.max_object_bytes)):
            if builder.rows:
                return True
    except ObjectError:
        return False
    part = builder.build()
    return bool(part.events.num_rows or part.others)
