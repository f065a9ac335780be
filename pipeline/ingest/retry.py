"""Takes up again what quarantine holds: after an upgrade that reads it, or when an object was put right in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.config import Settings, SourceSettings
from pipeline.errors import TrailsiftError
from pipeline.ingest.driver import take_up
from pipeline.ingest.summary import Progress, Summary
from pipeline.lake.batch import Batch, Horizon
from pipeline.lake.commit import roll_forward
from pipeline.lake.duplicates import Comparer
from pipeline.lake.ledger import unread
from pipeline.lake.quarantine import Entry, entries, raw
from pipeline.lake.tables import Lake
from pipeline.records.decode import ObjectError, inflate
from pipeline.records.normalize import Builder, add_object
from pipeline.sources.base import Refusal, Round, Source, SourceObject, open_source


class QuarantinedRecords(Source):
    """Refused records as objects of one record each; they keep the place where they were found."""

    name = "quarantine"

    @classmethod
    def claims(cls, text: str) -> bool:
        """Never: quarantine is no place on the command line."""
        return False

    def __init__(self, settings: SourceSettings | None = None) -> None:
        self.found: dict[str, bytes] = {}

    def objects(self, this: Round) -> Iterator[SourceObject]:
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
    messages: list[tuple[Entry, list[SourceObject]]] = []
    listed: list[tuple[int, SourceObject]] = []
    for entry in entries(lake):
        if entry.kind == "record":
            data = raw(lake, entry.id)
            if _readable(data, settings):
                records.found[entry.id] = data
                listed.append((0, SourceObject(entry.place, entry.id, len(data), entry.id)))
                again[entry.place] = entry
        elif entry.kind == "object" and (data := raw(lake, entry.id)):
            if behind := _behind(entry, data, settings):
                sources.append(behind[0])
                listed += [(len(sources) - 1, each) for each in unread(lake, behind[1])]
                messages.append((entry, behind[1]))
        elif entry.kind == "object" and (found := _object(entry, settings)):
            sources.append(found[0])
            listed.append((len(sources) - 1, found[1]))
            again[entry.uri] = entry
    summary = take_up(lake, sources, listed, settings, progress, again)
    _release(lake, [entry for entry, named in messages if not unread(lake, named)])
    return summary


def _object(entry: Entry, settings: Settings) -> tuple[Source, SourceObject] | None:
    try:
        source = open_source(_where(entry.uri, settings))
        item = next(iter(source.objects(Round())))
        return (source, item) if _readable(source.read(item), settings) else None
    except (OSError, StopIteration, Refusal, TrailsiftError):
        return None


def _behind(entry: Entry, data: bytes, settings: Settings) -> tuple[Source, list[SourceObject]] | None:
    """What a message that was put aside names, None where that still cannot be told."""
    try:
        source = open_source(_where(entry.uri.partition("#")[0], settings))
        return source, list(source.behind(data))
    except (OSError, Refusal, TrailsiftError):
        return None


def _release(lake: Lake, done: list[Entry]) -> None:
    """Closes the entries of messages whose objects the lake has, each by its own place."""
    if done:
        batch = Batch(lake, Comparer(lake.storage), Horizon(lake.load("events").metadata.last_sequence_number))
        for entry in done:
            named = {name: getattr(entry, name) for name in ("id", "kind", "place", "uri", "reason")}
            batch.refused.append(named | {"status": "released"})
        batch.commit()
        roll_forward(lake)


def _where(uri: str, settings: Settings) -> SourceSettings:
    """The place of one object, reached as the configured source that holds it is."""
    owners = [each for each in settings.sources if f"{uri}/".startswith(f"{each.location.rstrip('/')}/")]
    owner = max(owners, key=lambda each: len(each.location), default=SourceSettings(uri))
    return replace(owner, location=uri)


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
