"""A round of ingestion: sources are listed once, what is new is taken, and what need not be listed again is noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import Event

from pipeline.config import Settings
from pipeline.errors import NoDataError, UsageError
from pipeline.ingest.crew import Crew
from pipeline.ingest.driver import Run
from pipeline.ingest.listing import Listing
from pipeline.ingest.summary import Progress, Summary
from pipeline.lake.ledger import unread
from pipeline.lake.listings import marks, remember
from pipeline.lake.tables import Lake
from pipeline.sources.base import Round, Selection, Source, SourceObject, open_source


@dataclass
class Rounds:
    """What the rounds of a run share; `take` makes one."""

    lake: Lake
    sources: list[Source]
    settings: Settings
    selection: Selection
    crew: Crew
    stop: Event
    follow: bool = False
    progress: Progress | None = None
    committed: Callable[[Summary], None] | None = None

    def take(self, turn: Sequence[Source] | None = None) -> tuple[Summary, list[Source]]:
        """Makes one round with the sources whose turn it is, or with all; gives those that have more to list."""
        told = self._told(self.sources if turn is None else turn)
        with closing(listed(self.sources, told)) as listing:
            problems = [line for this in told.values() for line in this.problems]
            if self.follow and problems and self.committed:
                self.committed(Summary(problems=problems))
            if self.follow and not len(listing):
                return Summary(problems=problems), _with_more(told)
            run = Run(
                self.lake,
                self.sources,
                listing,
                self.settings,
                self.crew,
                self.progress,
                stop=self.stop,
                committed=self.committed,
            )
            summary = run.go()
        summary.problems = problems + summary.problems
        if not self.stop.is_set():
            self._remember(told, run.unreadable)
        return summary, _with_more(told)

    def _told(self, turn: Sequence[Source]) -> dict[Source, Round]:
        """What each source is told."""
        told = {
            each: Round(
                self.selection,
                stop=self.stop,
                follow=self.follow,
                limit=self.settings.batch_objects,
                seconds=self.settings.batch_seconds,
            )
            for each in turn
        }
        # Who waits for news is told what to take, and needs no mark of how far it looked.
        if self.lake.exists and not all(each.waits for each in turn):
            marked = marks(self.lake)
            for this in told.values():
                this.marks, this.known = marked, partial(known, self.lake)
        return told

    def _remember(self, told: dict[Source, Round], failed: Sequence[str]) -> None:
        """Stores how far the sources have listed for good, where all of it was taken."""
        through = {
            mark: day for this in told.values() for mark, day in this.listed.items() if day != this.marks.get(mark)
        }
        remember(self.lake, {mark: day for mark, day in through.items() if not any(u.startswith(mark) for u in failed)})


def _with_more(told: dict[Source, Round]) -> list[Source]:
    return [each for each, this in told.items() if this.more]


def listed(sources: Sequence[Source], told: Mapping[Source, Round]) -> Listing:
    """Every wanted object of the sources that are told to list; a place with nothing in it may yet get something."""
    listing = Listing()
    try:
        for number, source in enumerate(sources):
            if source in told:
                _list(listing, number, source, told[source])
    except BaseException:
        listing.close()
        raise
    return listing


def _list(listing: Listing, number: int, source: Source, this: Round) -> None:
    try:
        for item in source.objects(this):
            if this.selection.takes(item) and source.wanted.takes(item):
                listing.add(number, item)
    except NoDataError:
        if not this.follow:
            raise


def known(lake: Lake, items: Sequence[SourceObject]) -> set[str]:
    """The uris of those objects that the lake has taken or refused for good."""
    new = {each.uri for each in unread(lake, items)}
    return {each.uri for each in items} - new


def opened(sources: Sequence[str], settings: Settings) -> list[Source]:
    """The sources of those locations or names, all of the settings where none is given."""
    if not sources and not settings.sources:
        raise UsageError("ingest", "no source is named", "name one, or describe some as [[sources]] in trailsift.toml")
    named = {each.name: each for each in settings.sources}
    return [open_source(named.get(each, each)) for each in sources or named]
