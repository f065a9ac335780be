"""What a story is, and what the tellers of stories share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from .. import people, pipelines
from ..dice import Dice
from ..log import Log
from ..networks import egress
from ..records import Caller, iso
from ..world import Person, World


@dataclass(frozen=True)
class Story:
    """Something harmless that is not everyday."""

    kind: str
    principal: str
    begin: datetime
    end: datetime

    def as_json(self, events: list[str]) -> dict[str, Any]:
        """As the truth file has it."""
        return asdict(self) | {"begin": iso(self.begin), "end": iso(self.end), "event_ids": events}


@dataclass
class Telling:
    """The world while its stories are told."""

    world: World
    log: Log
    told: list[Story] = field(default_factory=list)

    def new(self, kind: str, principal: str, begin: datetime, days: float = 1) -> int:
        """Writes a story down; its number, which marks its events."""
        self.told.append(Story(kind, principal, begin, begin + timedelta(days=days)))
        return len(self.told) - 1

    def somebody(self, d: Dice, day: date, *trades: str, user: bool | None = None) -> Person:
        """Somebody at work that day, of one of the trades where given, with an IAM user or without."""
        fit = [each for each in self.world.people if each.works_on(day) and (not trades or each.trade in trades)]
        fit = [each for each in fit if user is None or bool(each.sets) != user] or self.world.people[:1]
        return d.choice(fit)

    def hour(self, someone: Person, day: date, d: Dice) -> datetime:
        """A moment of somebody's working day, on the next working day where that one is none."""
        while day.weekday() > 4 or day in self.world.holidays:
            day += timedelta(days=1)
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return midnight + timedelta(hours=someone.starts - someone.site.ahead + d.uniform(0.5, 7))

    def acting(
        self,
        someone: Person,
        when: datetime,
        d: Dice,
        story: int | None,
        tool: bool | None = None,
        account: str | None = None,
    ) -> Caller:
        """Somebody signed in at a moment, from the office or from home; in another account by its operator's role."""
        home = when.date().weekday() in someone.at_home | {5, 6}
        network = someone.had("home", when.date()) if home else self.world.office(someone.site, when.date())
        tool = d.chance(0.5) if tool is None else tool
        key, someone.key = someone.key, someone.had("key", when.date())
        caller = people.sign_in(self.world, self.log, someone, d, when, egress(network, when.date(), d), tool, 0, story)
        someone.key = key
        if account in {None, caller.account}:
            return caller
        role = next(each for each in self.world.cross if each.account == account and "org-operator" in each.arn)
        return pipelines.take(self.log, caller, role, d, when + timedelta(seconds=2), self.world.regions[0])

    def do(
        self, when: datetime, caller: Caller, d: Dice, calls: list[tuple[str, dict[str, Any]]], pace: float = 20
    ) -> datetime:
        """Calls one after another, some seconds apart; when the last is done."""
        for api, given in calls:
            when += timedelta(seconds=d.uniform(0.3, 2) * pace)
            self.log.emit(when, caller, api, self.world.regions[0], **given)
        return when


Calls = list[tuple[str, dict[str, Any]]]
Teller = Callable[[Telling, Dice, date], None]
TELLERS: dict[str, tuple[Teller, float]] = {}


def story(kind: str, monthly: float) -> Callable[[Teller], Teller]:
    """Marks a teller and says how often its story happens in a month of a company with 200 principals."""

    def keep(teller: Teller) -> Teller:
        TELLERS[kind] = teller, monthly
        return teller

    return keep
