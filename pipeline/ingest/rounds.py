"""A round of ingestion: sources are listed once, what is new is taken, and what need not be listed again is noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    def take(self, turn: Sequence[Source] | None = None) -> tuple[Summary, bool]:
        """Makes one round with the sources whose turn it is, or with all; whether they have more to list."""
        turn = self.sources if turn is None else turn
        this = self._round(turn)
        with closing(listed(self.sources, turn, this)) as listing:
            if self.follow and not len(listing):
                return Summary(), this.more
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
        summary.problems = this.problems + summary.problems
        if not self.stop.is_set():
            failed = run.unreadable
            whole = {mark: day for mark, day in this.listed.items() if not any(u.startswith(mark) for u in failed)}
            remember(self.lake, {mark: day for mark, day in whole.items() if this.marks.get(mark) != day})
        return summary, this.more

    def _round(self, turn: Sequence[Source]) -> Round:
        # Who waits for news is told what to take, and needs no mark of how far it looked.
        this = Round(
            self.selection,
            stop=self.stop,
            follow=self.follow,
            limit=self.settings.batch_objects,
            seconds=self.settings.batch_seconds,
        )
        if self.lake.exists and not all(each.waits for each in turn):
            this.marks, this.known = marks(self.lake), partial(known, self.lake)
        return this


def listed(sources: Sequence[Source], turn: Sequence[Source], this: Round) -> Listing:
    """Every wanted object of the sources whose turn it is; a place with nothing in it may yet get something."""
    listing = Listing()
    try:
        for number, source in enumerate(sources):
            if source in turn:
                _list(listing, number, source, this)
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
