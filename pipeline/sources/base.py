"""What a source is: something that lists objects and gives their bytes. One file a source beside this one."""

from __future__ import annotations

import importlib
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import entry_points
from threading import Event
from typing import ClassVar

import pipeline.sources
from pipeline.config import SourceSettings
from pipeline.errors import SourceError

# A package of somebody else adds a source by an entry point of this group that names its class.
GROUP = "trailsift.sources"

# CloudTrail's key layout ("Finding your CloudTrail log files"): the name carries account, region and delivery.
_NAME = re.compile(
    r"(?P<account>\d{12})_CloudTrail[A-Za-z-]*_(?P<region>[a-z]{2,5}(?:-[a-z]+)+-\d+)_.*?(?P<time>\d{8}T\d{4})"
)


@dataclass(frozen=True)
class SourceObject:
    """One object of a source; (uri, etag, size) is its identity in the ledger, `address` is for its source's `read`."""

    uri: str
    etag: str
    size: int
    address: str

    @property
    def account(self) -> str | None:
        """The account the object's name says it was delivered for, None where the name does not say."""
        match = _NAME.search(self.uri.rpartition("/")[2])
        return match["account"] if match else None

    @property
    def region(self) -> str | None:
        """The region in the object's name."""
        match = _NAME.search(self.uri.rpartition("/")[2])
        return match["region"] if match else None

    @property
    def delivered(self) -> date | None:
        """The day of delivery in the object's name; its events may be older."""
        match = _NAME.search(self.uri.rpartition("/")[2])
        try:
            return date.fromisoformat(match["time"][:8]) if match else None
        except ValueError:
            return None


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


class Refusal(Exception):
    """An object is refused for what it is, for good: it goes to quarantine with `raw` and is not asked for again."""

    def __init__(self, reason: str, raw: bytes | None = None) -> None:
        super().__init__(reason)
        self.raw = raw


@dataclass
class Round:
    """What a source is told when it lists, and tells back.

    `selection` may be narrowed by the source's own settings. `marks` maps a prefix of uris to the last day of
    delivery up to which an earlier run has listed it for good; the source puts into `listed` what holds once all
    that this round lists is taken. `known` gives the uris of those objects that the lake has, for a source whose
    listing costs more than asking. `stop` is set when the run is to end. A source that has more than it listed
    sets `more`; what it cannot give, while the rest can go on, is a line of `problems`. A source that is told of
    news bit by bit lists about `limit` objects at most, and while following waits no longer for more than `seconds`
    after the first. `dry` rounds leave no trace at the place.
    """

    selection: Selection = field(default_factory=Selection)
    marks: Mapping[str, date] = field(default_factory=dict)
    listed: dict[str, date] = field(default_factory=dict)
    known: Callable[[Sequence[SourceObject]], set[str]] = lambda items: set()
    problems: list[str] = field(default_factory=list)
    stop: Event = field(default_factory=Event)
    follow: bool = False
    more: bool = False
    limit: int = 2_000
    seconds: float = 60.0
    dry: bool = False


class Source(ABC):
    """A place logs come from. Subclasses are picklable: workers read through a copy of their own."""

    name: ClassVar[str]
    parallel: ClassVar[int] = 1  # objects a worker reads ahead; more where reading waits for a network
    waits: ClassVar[bool] = False  # whether listing itself waits for news, so that following needs no pause
    wanted: Selection = Selection()  # what its settings narrow it to; whoever runs it asks it beside the run's own

    @classmethod
    @abstractmethod
    def claims(cls, text: str) -> bool:
        """Whether `text`, as given on the command line, names a source of this kind."""

    @abstractmethod
    def __init__(self, settings: SourceSettings) -> None:
        """Raises UsageError where the location or a setting cannot be understood; asks nothing of the place yet."""

    @abstractmethod
    def objects(self, this: Round) -> Iterator[SourceObject]:
        """Every object there is for this round, in any order; raises TrailsiftError where the place cannot be listed.

        It may leave out what `this.selection` does not take, or what `this.marks` say is known; the ledger and the
        selection are asked again for what it gives.
        """

    @abstractmethod
    def read(self, item: SourceObject) -> bytes:
        """The object's bytes as they lie there.

        Raises OSError where they cannot be had now (the object is tried again by the next run), Refusal where they
        are refused for good, and SourceError where nothing more can be had from the place (the run ends).
        Called in a worker process, from several threads at once where `parallel` is over 1.
        """

    def metadata(self, item: SourceObject) -> Mapping[str, str] | None:
        """What the place keeps beside the object's bytes, its names in lower case; None where it keeps nothing.

        Raises as `read` does.
        """
        return None

    def committed(self, items: Sequence[SourceObject]) -> None:  # noqa: B027
        """Told, in the process that listed, of objects whose batch is in the lake, or that the lake knew before.

        They may be another source's of the same run: two sources may list one object, and it is read once.
        """

    def unreadable(self, items: Sequence[tuple[SourceObject, str]]) -> None:  # noqa: B027
        """Told, as `committed` is, of objects whose bytes could not be had, each with why; no batch has them."""

    def behind(self, raw: bytes) -> Iterator[SourceObject]:
        """What to read, when quarantine is tried again, in place of an object that was refused with `raw`.

        Raises OSError or Refusal where that cannot be told.
        """
        raise Refusal("holds all there is")

    def close(self) -> None:  # noqa: B027
        """Called when the run is over, however it ended; what was listed and not committed stays for the next."""


def kinds() -> list[type[Source]]:
    """Every kind of source there is: the files of this folder, then those of other packages, paths last."""
    found: list[type[Source]] = []
    for module in pkgutil.iter_modules(pipeline.sources.__path__):
        if module.name != "base":
            there = vars(importlib.import_module(f"pipeline.sources.{module.name}")).values()
            found += [each for each in there if isinstance(each, type) and issubclass(each, Source)]
    for entry in entry_points(group=GROUP):
        try:
            kind = entry.load()
        except Exception as error:
            problem = f"the source {entry.name} cannot be loaded ({type(error).__name__}: {error})"
            raise SourceError(entry.value, problem, "mend or remove that package") from error
        if not (isinstance(kind, type) and issubclass(kind, Source)):
            raise SourceError(entry.value, f"the source {entry.name} is no subclass of Source", "mend that package")
        found.append(kind)
    distinct = dict.fromkeys(each for each in found if each is not Source)
    return sorted(distinct, key=lambda each: each.name == "local")


def open_source(settings: SourceSettings | str) -> Source:
    """The source of that location; a path on this machine is what no other source claims."""
    if isinstance(settings, str):
        settings = SourceSettings(location=settings)
    source = next(each for each in kinds() if each.claims(settings.location))(settings)
    source.wanted = Selection(frozenset(settings.accounts), frozenset(settings.regions))
    return source
