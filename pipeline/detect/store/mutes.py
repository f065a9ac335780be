"""Mutes: findings nobody needs to see until a day, each with somebody who answers for it, a reason and an end.

A mute names one finding, or patterns (`*` and `?`) of rule, principal and account that must all fit; so it also covers
findings that are yet to come. It is in force until its time, unless somebody ends it before. Nothing has to run for
it to end: whether a finding is muted is worked out when one looks.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

import pyarrow as pa

from pipeline.detect.store.states import Row, State
from pipeline.errors import UsageError

PATTERNS = ("rule", "principal", "account")


@dataclass(frozen=True)
class Mute:
    """One mute; what it does not name is None. `lifted` is when somebody ended it before `until`."""

    mute_id: str
    at: datetime
    actor: str
    reason: str
    owner: str
    until: datetime
    rule: str | None = None
    principal: str | None = None
    account: str | None = None
    finding_id: str | None = None
    lifted: datetime | None = None

    def in_force(self, now: datetime) -> bool:
        """Whether it holds at an instant."""
        return self.lifted is None and now < self.until

    def fits(self, finding: Row) -> bool:
        """Whether its patterns fit what a finding says; never for one that names a single finding."""
        values = {"rule": finding["rule"], "principal": finding["principal_arn"], "account": finding["account"]}
        given = {name: getattr(self, name) for name in PATTERNS if getattr(self, name) is not None}
        return self.finding_id is None and all(_fits(each, values[name] or "") for name, each in given.items())

    @property
    def scope(self) -> str:
        """What it covers, in words."""
        named = [f"{name} {getattr(self, name)}" for name in PATTERNS if getattr(self, name)]
        return f"finding {self.finding_id}" if self.finding_id else ", ".join(named)


class Muted:
    """The mutes of a lake at an instant, and which of them covers a finding."""

    def __init__(self, every: Iterable[Mute], now: datetime, predecessors: dict[str, list[str]]) -> None:
        self.now, self.predecessors = now, predecessors
        self.patterns: list[Mute] = []
        # By finding the mute of it alone; also, once asked, that which it has from those it took the place of.
        self.single: dict[str, Mute | None] = {}
        for each in sorted(every, key=lambda mute: mute.until):
            if not each.in_force(now):
                continue
            if each.finding_id is None:
                self.patterns.append(each)
            else:
                self.single[each.finding_id] = each

    def covering(self, state: State) -> Mute | None:
        """The mute that covers a finding, of several the one that ends last."""
        fitting = [each for each in self.patterns if each.fits(state.finding)]
        alone = self._alone(state.id)
        return max([*fitting, *([alone] if alone else [])], key=lambda mute: mute.until, default=None)

    def _alone(self, identity: str) -> Mute | None:
        """The mute of this very finding. One that took the place of others is muted until one of theirs ends."""
        left = [identity]
        while left:  # a line of successors may be longer than calls can be deep
            before = [] if left[-1] in self.single else self.predecessors.get(left[-1], ())
            if unknown := [each for each in before if each not in self.single]:
                left += unknown
                continue
            inherited = [mute for each in before if (mute := self.single[each])]
            whole = bool(inherited) and len(inherited) == len(before)
            self.single.setdefault(left.pop(), min(inherited, key=lambda mute: mute.until) if whole else None)
        return self.single[identity]

    def status(self, state: State) -> str:
        """A finding's status at the instant, which its history may not tell yet."""
        if state.status == "resolved":
            return "resolved"
        if self.covering(state):
            return "muted"
        return "open" if state.status == "muted" else state.status

    def told(self, state: State) -> Row:
        """The finding as a dict, with its status at the instant."""
        status = self.status(state)
        mute = self.covering(state) if status == "muted" else None
        told = state.told(status, mute.until, mute.owner) if mute else state.told(status)
        if status != state.status:  # by a mute that began or ended, which the history does not tell yet
            changed = mute.at if mute else min(self.now, state.history[-1]["until"] or self.now)
            told["updated_at"] = max(told["updated_at"], changed)
        return told


def mutes(rows: pa.Table) -> list[Mute]:
    """Every mute there has been, the oldest first, from all rows of `lake.mutes`."""
    given = sorted(rows.to_pylist(), key=lambda each: (each["at"], each["mute_id"]))
    lifted: dict[str, datetime] = {}
    for each in given:
        if each["change"] == "unmuted":
            lifted.setdefault(each["mute_id"], each["at"])
    named = [{name: value for name, value in each.items() if name != "change"} for each in given
             if each["change"] == "muted"]  # fmt: skip
    return [Mute(**each, lifted=lifted.get(each["mute_id"])) for each in named]


def new(at: datetime, actor: str, reason: str, owner: str, until: datetime, scope: dict[str, str | None]) -> Mute:
    """A mute of a scope: `finding_id`, or some of `rule`, `principal` and `account`.

    Raises UsageError for one that would cover everything, or that has ended already.
    """
    if not scope.get("finding_id") and not any((scope.get(name) or "").strip("*") for name in PATTERNS):
        remedy = "name a finding, or narrow it by --rule, --principal or --account"
        raise UsageError("findings mute", "this would cover everything", remedy)
    if until <= at:
        raise UsageError("--until", "this time has passed", "name a later one")
    rule, principal, account, finding_id = (scope.get(name) or None for name in (*PATTERNS, "finding_id"))
    return Mute(uuid.uuid4().hex[:12], at, actor, reason, owner, until, rule, principal, account, finding_id)


def _fits(pattern: str, value: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))
