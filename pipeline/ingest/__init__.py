"""The run from source to lake: lists objects, leaves out the known, has workers read them, commits batch by batch.

Killed at any point and run again it gives the same lake: an object is known only when its batch is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event

from pipeline.config import Settings
from pipeline.errors import UsageError
from pipeline.ingest.driver import Crew, Run
from pipeline.ingest.listing import Listing
from pipeline.ingest.summary import Progress, Summary
from pipeline.lake.ledger import unknown
from pipeline.lake.listings import marks, remember
from pipeline.lake.tables import Lake
from pipeline.sources.base import Round, Selection, Source, open_source

__all__ = ["Selection", "ingest", "plan"]

# Seconds between two looks at a place that cannot tell of news itself, while following.
PAUSE = 60.0


def ingest(
    location: str | Path,
    sources: Sequence[str] = (),
    settings: Settings | None = None,
    selection: Selection | None = None,
    progress: Progress | None = None,
    follow: bool = False,
    stop: Event | None = None,
) -> Summary:
    """Brings every new object of the sources into the lake, which is made where there is none.

    A source is a location or the name of one in the settings; without any, all of the settings are taken. With
    `follow` it goes on looking for news until `stop` is set; a run that is stopped finishes its batch.
    Raises UsageError for a source that does not exist, NoDataError for one that holds nothing, SourceError where
    one cannot be read, LakeError where the lake cannot be written. What is wrong with single objects or records is
    in the summary, not raised.
    """
    settings, stop = settings or Settings(), stop or Event()
    opened = _open(sources, settings)
    crew = Crew(settings.jobs)  # before the lake's libraries start threads of their own
    total = Summary()
    try:
        while True:
            this = Round(selection or Selection(), stop=stop, follow=follow)
            total.add(_round(Lake(location), opened, this, settings, crew, progress))
            if stop.is_set() or not (follow or this.more):
                return total
            if not this.more and not any(each.waits for each in opened):
                stop.wait(PAUSE)
    finally:
        crew.close()
        for each in opened:
            each.close()


def _round(
    lake: Lake, sources: list[Source], this: Round, settings: Settings, crew: Crew, progress: Progress | None
) -> Summary:
    """Lists once, takes what is new, and remembers what need not be listed again."""
    this.marks = marks(lake) if lake.exists else {}
    listing = listed(sources, this)
    try:
        run = Run(lake, sources, listing, settings, crew, progress, stop=this.stop)
        summary = run.go()
    finally:
        listing.close()
    if not this.stop.is_set():
        whole = {mark: day for mark, day in this.listed.items() if not any(u.startswith(mark) for u in run.unreadable)}
        remember(lake, {mark: day for mark, day in whole.items() if this.marks.get(mark) != day})
    return summary


def plan(
    location: str | Path,
    sources: Sequence[str] = (),
    settings: Settings | None = None,
    selection: Selection | None = None,
) -> Summary:
    """What `ingest` would do, without reading an object or touching the lake: seen, skipped, bytes to read."""
    opened = _open(sources, settings or Settings())
    lake = Lake(location)
    there = lake.exists and Lake.open(location)
    listing = listed(opened, Round(selection or Selection(), marks=marks(lake) if there else {}))
    try:
        summary = Summary(objects_seen=len(listing))
        for chunk in listing.chunks():
            new = unknown(lake, chunk) if there else chunk
            summary.objects_skipped += chunk.num_rows - new.num_rows
            summary.bytes_read += sum(new["size"].to_pylist())
        return summary
    finally:
        listing.close()
        for each in opened:
            each.close()


def listed(sources: list[Source], this: Round) -> Listing:
    """Every wanted object of the sources."""
    listing = Listing()
    for number, source in enumerate(sources):
        for item in source.objects(this):
            if this.selection.takes(item) and source.wanted.takes(item):
                listing.add(number, item)
    return listing


def _open(sources: Sequence[str], settings: Settings) -> list[Source]:
    if not sources and not settings.sources:
        raise UsageError("ingest", "no source is named", "name one, or describe some as [[sources]] in trailsift.toml")
    named = {each.name: each for each in settings.sources}
    return [open_source(named.get(each, each)) for each in sources or named]
