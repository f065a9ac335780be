"""Windows of time as objects: what `lookup` reads of an account's region, by days, hours or five minutes.

Their names are the same in every run, so that the ledger knows which were read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pipeline.sources.base import SourceObject
from pipeline.times import iso

DAY, HOUR, MINUTES = timedelta(days=1), timedelta(hours=1), timedelta(minutes=5)
# ISO 8601's names of the spans, widest first: a window is cut into those of the next.
SPANS = {"P1D": DAY, "PT1H": HOUR, "PT5M": MINUTES}
_NAMES = {span: name for name, span in SPANS.items()}
_URI = re.compile(r"lookup://(\d{12})/([a-z0-9-]+)/(\d{4}-\d\d-\d\dT\d\d:\d\d:00Z)/(P1D|PT1H|PT5M)")


@dataclass(frozen=True)
class Window:
    """[start, end) of an account's events in a region."""

    account: str
    region: str
    start: datetime
    span: timedelta

    @classmethod
    def parse(cls, uri: str) -> Window:
        """The window of that name; raises ValueError where it is none."""
        match = _URI.fullmatch(uri)
        if not match:
            raise ValueError(f"{uri!r} is no window")
        account, region, start, span = match.groups()
        return cls(account, region, datetime.fromisoformat(start), SPANS[span])

    @property
    def uri(self) -> str:
        """Its name in the ledger: `lookup://ACCOUNT/REGION/START/SPAN`."""
        return f"lookup://{self.account}/{self.region}/{iso(self.start)}/{_NAMES[self.span]}"

    @property
    def end(self) -> datetime:
        return self.start + self.span

    def finer(self) -> list[Window]:
        """The windows it is cut into, in order; none for the finest."""
        spans = list(SPANS.values())
        place = spans.index(self.span) + 1
        if place == len(spans):
            return []
        count = self.span // spans[place]
        return [Window(self.account, self.region, self.start + n * spans[place], spans[place]) for n in range(count)]


@dataclass(frozen=True)
class WindowObject(SourceObject):
    """A window as it is listed; `address` is the last moment to read, which stays while pages are turned."""

    @property
    def account(self) -> str | None:
        """The account whose events it holds."""
        return Window.parse(self.uri).account

    @property
    def region(self) -> str | None:
        """The region whose events it holds."""
        return Window.parse(self.uri).region

    @property
    def delivered(self) -> date | None:
        """The day of its events."""
        return Window.parse(self.uri).start.date()


def days(account: str, region: str, first: date, last: date) -> list[Window]:
    """A window a day, both days included."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return [Window(account, region, start + n * DAY, DAY) for n in range((last - first).days + 1)]
