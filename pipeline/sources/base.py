"""What a source is: something that lists objects and gives their bytes. One file a source beside this one."""

from __future__ import annotations

import importlib
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import pipeline.sources

# CloudTrail's key layout ("Finding your CloudTrail log files"): the name carries account, region and delivery.
_NAME = re.compile(
    r"(?P<account>\d{12})_CloudTrail[A-Za-z-]*_(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)_.*?(?P<time>\d{8}T\d{4})"
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


class Source(ABC):
    """A place logs come from. Subclasses are picklable: workers read through a copy of their own."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def claims(cls, text: str) -> bool:
        """Whether `text`, as given on the command line, names a source of this kind."""

    @abstractmethod
    def __init__(self, text: str) -> None: ...

    @abstractmethod
    def objects(self) -> Iterator[SourceObject]:
        """Every object there is, in any order; raises TrailsiftError where the place cannot be listed."""

    @abstractmethod
    def read(self, item: SourceObject) -> bytes:
        """The object's bytes as they lie there; raises OSError where they cannot be had now."""


def open_source(text: str) -> Source:
    """The source that `text` names; a path on this machine is what no other source claims."""
    kinds: list[type[Source]] = []
    for module in pkgutil.iter_modules(pipeline.sources.__path__):
        if module.name != "base":
            found = vars(importlib.import_module(f"pipeline.sources.{module.name}")).values()
            kinds += [
                each for each in found if isinstance(each, type) and issubclass(each, Source) and each is not Source
            ]
    kinds.sort(key=lambda each: each.name == "local")
    return next(each for each in kinds if each.claims(text))(text)
