"""The run from source to lake: lists objects, leaves out the known, has workers read them, commits batch by batch.

Killed at any point and run again it gives the same lake: an object is known only when its batch is committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline.config import Settings
from pipeline.ingest.driver import take_up
from pipeline.ingest.summary import Progress, Summary
from pipeline.lake.ledger import known_objects
from pipeline.lake.tables import Lake
from pipeline.sources.base import Source, SourceObject, open_source


@dataclass(frozen=True)
class Selection:
    """Which objects a run takes, by what their names say; an object whose name says nothing is taken."""

    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    since: date | None = None  # day of delivery, inclusive
    until: date | None = None

    def takes(self, item: SourceObject) -> bool:
        """Whether the object is wanted."""
        day = item.delivered
        return (
            (not self.accounts or item.account is None or item.account in self.accounts)
            and (not self.regions or item.region is None or item.region in self.regions)
            and (self.since is None or day is None or day >= self.since)
            and (self.until is None or day is None or day <= self.until)
        )


def ingest(
    location: str | Path,
    sources: list[str],
    settings: Settings | None = None,
    selection: Selection | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Brings every new object of the sources into the lake, which is made where there is none.

    Raises UsageError for a source that does not exist, NoDataError for one that holds nothing, LakeError where
    the lake cannot be written. What is wrong with single objects or records is in the summary, not raised.
    """
    settings = settings or Settings()
    opened = [open_source(each) for each in sources]
    listed = listing(opened, selection or Selection())
    return take_up(Lake(location, settings), opened, listed, settings, progress)


def plan(location: str | Path, sources: list[str], selection: Selection | None = None) -> Summary:
    """What `ingest` would do, without reading an object or touching the lake: seen, skipped, bytes to read."""
    listed = listing([open_source(each) for each in sources], selection or Selection())
    lake = Lake(location)
    known: set[tuple[str, str, int]] = set()
    if lake.exists:
        known = known_objects(Lake.open(location))
    new = [item for _, item in listed if (item.uri, item.etag, item.size) not in known]
    return Summary(
        objects_seen=len(listed),
        objects_skipped=len(listed) - len(new),
        bytes_read=sum(item.size for item in new),
    )


def listing(sources: list[Source], selection: Selection) -> list[tuple[int, SourceObject]]:
    """Every wanted object once, by day of delivery, so that a batch touches few days of the lake."""
    found: dict[tuple[str, str, int], tuple[int, SourceObject]] = {}
    for number, source in enumerate(sources):
        for item in source.objects():
            if selection.takes(item):
                found.setdefault((item.uri, item.etag, item.size), (number, item))
    return sorted(found.values(), key=lambda each: (str(each[1].delivered or ""), each[1].uri))
