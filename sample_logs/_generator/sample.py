"""The committed sample: four weeks of two accounts, drawn from one seed, then delivered as CloudTrail would.

Life happens in a few stretches of each day, so that some hundreds of objects hold it and each is still
delivered minutes after its events; the stretches' hours change from day to day.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from . import deliver, stories, stories_incident
from .dice import Dice
from .events import Event, bout
from .habits import Habit, all_habits
from .habits_people import ALICE
from .times import utc

SEED = 20261031
FIRST, DAYS = utc("2026-10-04"), 28
STRETCHES = {
    "night": (0, 1, 2, 3, 4, 5),
    "morning": (7, 8, 9, 10),
    "noon": (11, 12, 13),
    "afternoon": (14, 15, 16, 17),
    "evening": (18, 19, 20, 21, 22),
}
WHEN = {
    "office": ((3, "morning"), (2, "noon"), (3, "afternoon")),
    "night": ((1, "night"),),
    "always": ((1, "night"), (1, "morning"), (1, "afternoon"), (1, "evening")),
}
LONGEST = timedelta(minutes=16)  # what one object may hold
QUIET = timedelta(minutes=9)  # a pause that ends an object


@dataclass
class Sample:
    """Everything that is written: objects by key, and what is planted in them."""

    objects: dict[str, list[str]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    planted: dict[str, object] = field(default_factory=dict)


def make() -> Sample:
    """The sample."""
    told = [*stories_incident.tell(), *stories.tell()]
    ordinary = [event for day in range(DAYS) for event in ordinary_day(FIRST + timedelta(days=day))]
    events = ordinary + [event for story in told for event in story.events]
    assert len({event.id for event in events}) == len(events), "two events share an id"
    events.sort(key=lambda e: (e.when, e.account, e.region, e.id))
    sample = Sample(events=events)
    late, doubled = delivered(sample)
    sample.planted = {
        **stories.as_planted(told),
        "late_deliveries": [event.id for event in late],
        "delivered_twice": [event.id for event in doubled],
    }
    return sample


def ordinary_day(day: datetime) -> list[Event]:
    """What everybody's habits make of one day."""
    dice = Dice(SEED, "day", day.date())
    starts = {
        name: day + timedelta(hours=dice.pick(hours), minutes=dice.integer(0, 40)) for name, hours in STRETCHES.items()
    }
    events = []
    for habit in all_habits():
        own = Dice(SEED, "habit", habit.name, day.date())
        rate = habit.weekend if day.weekday() >= 5 else habit.weekday
        for _ in range(own.count(rate)):
            start = starts[own.weighted(WHEN[habit.hours])] + timedelta(seconds=own.integer(0, 600))
            events += bout(habit, start, own.weighted(habit.regions), own, **slots(habit, start))
    return events


def slots(habit: Habit, when: datetime) -> dict[str, str]:
    """The slots of a habit's bout that depend on the day: which of alice's keys is in use."""
    if habit.name == "alice at the terminal":
        return {"akia": ALICE.access_key(1 if when >= stories.ROTATED else 0)}
    return {}


def delivered(sample: Sample) -> tuple[list[Event], list[Event]]:
    """Fill the sample's objects; returns the events that came late and those that came twice."""
    late = [event for event in sample.events if Dice(SEED, "late", event.id).chance(0.0009)]
    doubled = [event for event in sample.events if Dice(SEED, "twice", event.id).chance(0.0009)]
    doubled = [event for event in doubled if event not in late]
    places: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in sample.events:
        if event not in late:
            places[event.account, event.region].append(event)
    for (account, region), events in sorted(places.items()):
        for batch in batches(events):
            delay = Dice(SEED, "delivery", batch[0].id).integer(120, 420)
            put(sample, account, region, batch, batch[-1].when + timedelta(seconds=delay))
    for event in late:  # the day after, on their own
        midnight = datetime.combine(event.when.date(), datetime.min.time(), UTC) + timedelta(days=1)
        delay = Dice(SEED, "delivery", event.id).integer(20, 400)
        put(sample, event.account, event.region, [event], midnight + timedelta(minutes=delay))
    for event in doubled:  # again, some minutes later
        delay = Dice(SEED, "delivery", event.id).integer(10, 30)
        put(sample, event.account, event.region, [event], event.when + timedelta(minutes=delay))
    return late, doubled


def batches(events: list[Event]) -> list[list[Event]]:
    """Events in order of time, cut where there is a pause or where an object would span too long."""
    found = [[events[0]]]
    for before, event in pairwise(events):
        if event.when - before.when > QUIET or event.when - found[-1][0].when > LONGEST:
            found.append([])
        found[-1].append(event)
    return found


def put(sample: Sample, account: str, region: str, events: list[Event], at: datetime) -> None:
    """Add an object; its records are in no order of time, as CloudTrail's are."""
    dice = Dice(SEED, "object", account, region, at, events[0].id)
    name = deliver.key(account, region, at, dice.text(16, deliver.UNIQUE))
    order = sorted(events, key=lambda e: Dice(SEED, "order", e.id).random())
    sample.objects[name] = [event.text for event in order]
