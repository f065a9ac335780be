"""What an SCP would have stopped: one row a principal, action and region."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.access.replay.judge import CONDITIONAL
from pipeline.access.replay.targets import Call, Target
from pipeline.times import iso

_NAMED = 10


@dataclass
class Stop:
    """What the SCP would have stopped of one principal: one action in one region.

    `result` is denied, or conditional on `keys`; `event_ids` are all of them for a denial, else the first few.
    """

    account_id: str
    principal_arn: str
    action: str
    region: str
    result: str
    by: str
    keys: tuple[str, ...]
    count: int = 0
    weak: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    resources: list[str] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)

    @property
    def place(self) -> tuple[str, ...]:
        """Where it stands among others: the sure ones first."""
        return (str(self.result == CONDITIONAL), self.principal_arn, self.action, self.region, self.by, *self.keys)

    def add(self, call: Call) -> None:
        """Counts calls towards it."""
        self.count += call.count
        self.weak += call.weak
        self.numbers |= {call.number} if call.number else set()
        self.first_seen = min(filter(None, (self.first_seen, call.first)), default=None)
        self.last_seen = max(filter(None, (self.last_seen, call.last)), default=None)
        self.event_ids += [each for each in call.event_ids if each not in self.event_ids]

    def name(self, target: Target) -> None:
        """Notes a resource, of many the first few."""
        if target.text not in self.resources and len(self.resources) < _NAMED:
            self.resources.append(target.text)

    def as_json(self) -> dict[str, Any]:
        """The stop as it is printed."""
        told = {name: value for name, value in vars(self).items() if name != "numbers"}
        moments = {name: iso(told[name]) if told[name] else None for name in ("first_seen", "last_seen")}
        return told | moments | {"keys": list(self.keys)}


@dataclass
class Effect:
    """What the SCP would have done: `events` calls were judged; `left_out` are those it does not bind, by why."""

    accounts: list[str]
    stops: list[Stop]
    events: int
    unmapped: int
    left_out: dict[str, int]
    notes: list[str]
