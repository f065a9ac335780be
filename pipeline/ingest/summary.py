"""What a run of ingestion tells: counts while it goes, and what it did when it is through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class Summary:
    """What a run did, in the design's names; sizes in bytes. `problems` has one line a refused object or record,
    and for whatever else could not be had."""

    objects_seen: int = 0
    objects_skipped: int = 0
    objects_loaded: int = 0
    objects_failed: int = 0
    records_read: int = 0
    events_new: int = 0
    duplicates: int = 0
    conflicting_copies: int = 0
    quarantined: int = 0
    other_tables: int = 0
    bytes_read: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The object `ingest -o json` prints."""
        return asdict(self)

    def add(self, other: Summary) -> None:
        """Adds a later round of the same run."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def partial(self) -> bool:
        """Whether something was refused or could not be had: exit code 4."""
        return bool(self.objects_failed or self.quarantined or self.problems)


Progress = Callable[[Summary, int, int], None]  # (so far, objects done, objects in all)
