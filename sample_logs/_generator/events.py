"""Events of the sample: a step made at a moment, with its id, and the bouts that habits consist of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from .dice import Dice, key_id
from .habits import Habit, Step
from .records import Draws
from .times import iso
from .world import NETWORKS


@dataclass(frozen=True)
class Event:
    """One record: when it happened, the log it belongs to, its text, its id."""

    when: datetime
    account: str
    region: str
    text: str
    id: str


@dataclass(frozen=True)
class Session:
    """What stays the same through a bout: address, key, name, when it was opened, and a story's own slots."""

    ip: str
    key: str
    name: str
    created: datetime
    more: dict[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """The session's slots."""
        opened = {"created": iso(self.created), "first_key": key_id("ASIA", self.key, "first")}
        return {"ip": self.ip, "key": self.key, "session": self.name, **opened, **self.more}


@cache
def template_of(habit: Habit, spelled: str, region: str) -> tuple[str, str]:
    """The place and format string of one of a habit's calls."""
    step = Step(spelled, habit.actor)
    return step.place(region), step.compiled(region)


def happen(step: Step, when: datetime, region: str, session: Session, dice: Dice, **more: str) -> Event:
    """The event of one step; `more` gives further slots (a shared id …)."""
    return written(step.actor.account, step.place(region), step.compiled(region), when, session, dice, more)


def written(
    account: str, region: str, text: str, when: datetime, session: Session, dice: Dice, more: dict[str, str]
) -> Event:
    """The event of a compiled record."""
    draws = Draws({"when": when, **session.values(), **more}, dice)
    return Event(when, account, region, text % draws, draws["eid"])


def open_session(habit: Habit, when: datetime, dice: Dice, network: str | None = None, **more: str) -> Session:
    """A new session of the habit, from one of its network's addresses."""
    name = habit.session_name(dice)
    address = dice.pick(NETWORKS[network or habit.network])
    given = {"subject": "", "akia": ""} | more
    return Session(address, key_id("ASIA", habit.name, when), name, when, given)


def bout(
    habit: Habit, start: datetime, region: str, dice: Dice, network: str | None = None, **more: str
) -> list[Event]:
    """A bout of the habit: its opening, then calls by weight, some seconds apart."""
    session = open_session(habit, start, dice, network, **more)
    events = []
    when = start
    for step in habit.opening:
        events.append(happen(step, when, region, session, dice))
        when += timedelta(seconds=dice.integer(0, 3))
    longest = 6 if habit.size[1] > 12 else 25
    for _ in range(dice.integer(*habit.size)):
        when += timedelta(seconds=dice.integer(1, longest))
        place, text = template_of(habit, dice.weighted(habit.calls), region)
        events.append(written(habit.actor.account, place, text, when, session, dice, {}))
    return events


def ids(events: Iterable[Event]) -> list[str]:
    """The events' ids in order of time."""
    return [event.id for event in sorted(events, key=lambda e: (e.when, e.id))]
