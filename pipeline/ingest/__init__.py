"""The run from source to lake: lists objects, leaves out the known, has workers read them, commits batch by batch.

Killed at any point and run again it gives the same lake: an object is known only when its batch is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event

from pipeline.config import Settings
from pipeline.ingest.crew import Crew
from pipeline.ingest.following import Follower, Trouble
from pipeline.ingest.rounds import Rounds, known, listed, opened
from pipeline.ingest.summary import Progress, Summary
from pipeline.lake.ledger import unknown
from pipeline.lake.listings import marks
from pipeline.lake.tables import Lake
from pipeline.sources.base import Round, Selection

__all__ = ["Selection", "follow", "ingest", "plan"]


def ingest(
    location: str | Path,
    sources: Sequence[str] = (),
    settings: Settings | None = None,
    selection: Selection | None = None,
    progress: Progress | None = None,
    stop: Event | None = None,
    committed: Callable[[Summary], None] | None = None,
) -> Summary:
    """Brings every new object of the sources into the lake, which is made where there is none.

    A source is a location or the name of one in the settings; without any, all of the settings are taken. A run
    that is stopped by `stop` finishes its batch. `committed` is told of each batch that is in the lake.
    Raises UsageError for a source that does not exist, NoDataError for one that holds nothing, SourceError where
    one cannot be read, LakeError where the lake cannot be written. What is wrong with single objects or records is
    in the summary, not raised.
    """
    settings = settings or Settings()
    chosen, places = selection or Selection(), opened(sources, settings)
    crew = Crew(settings.jobs)  # before the lake's libraries start threads of their own
    total = Summary()
    lake = Lake(location, settings)
    rounds = Rounds(lake, places, settings, chosen, crew, stop or Event(), progress=progress, committed=committed)
    try:
        left = places
        while left and not rounds.stop.is_set():
            summary, left = rounds.take(left)
            total.add(summary)
        return total
    finally:
        crew.close()
        for each in places:
            each.close()


def follow(
    location: str | Path,
    sources: Sequence[str],
    settings: Settings,
    selection: Selection,
    stop: Event,
    committed: Callable[[Summary], None] | None = None,
    trouble: Trouble | None = None,
) -> Summary:
    """As `ingest`, and goes on with whatever comes until `stop` is set.

    Batches are committed as they reach the settings' `batch_objects` or, with a source that waits for news, as the
    first of their objects is `batch_seconds` old; other sources are listed every `batch_seconds`. `committed` is
    told of each batch, and of problems that no batch has. Where a source cannot be reached or a worker dies,
    `trouble` is told and it is tried again. Raises what `ingest` does for what will not pass; a place with nothing
    in it is waited for.
    """
    places = opened(sources, settings)
    crew = Crew(settings.jobs)
    rounds = Rounds(Lake(location, settings), places, settings, selection, crew, stop, True, committed=committed)
    try:
        return Follower(rounds, trouble).go()
    finally:
        crew.close()
        for each in places:
            each.close()


def plan(
    location: str | Path,
    sources: Sequence[str] = (),
    settings: Settings | None = None,
    selection: Selection | None = None,
) -> Summary:
    """What `ingest` would do, without reading an object or touching the lake: seen, skipped, bytes to read."""
    places = opened(sources, settings or Settings())
    lake = Lake(location, settings)
    there = lake.exists and Lake.open(location, settings=settings)
    told = {each: Round(selection or Selection(), dry=True) for each in places}
    if there:
        marked = marks(lake)
        for this in told.values():
            this.marks, this.known = marked, partial(known, lake)
    try:
        with closing(listed(places, told)) as listing:
            problems = [line for this in told.values() for line in this.problems]
            summary = Summary(objects_seen=len(listing), problems=problems)
            for chunk in listing.chunks():
                new = unknown(lake, chunk) if there else chunk
                summary.objects_skipped += chunk.num_rows - new.num_rows
                summary.bytes_read += sum(new["size"].to_pylist())
            return summary
    finally:
        for each in places:
            each.close()
