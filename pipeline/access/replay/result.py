"""What a replay found: every distinct use with its verdict, and what the proof covers, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.access.replay.judge import ALLOWED, CONDITIONAL, DENIED, NOT_BY_POLICY, Verdict
from pipeline.access.replay.keys import TIMES
from pipeline.access.replay.targets import Call, Target
from pipeline.times import iso

UNMAPPED = "unmapped"


@dataclass
class Use:
    """One action on one resource in one context: how often it was called, and what becomes of it.

    `basis` is how the action is known (exact, rule, inferred); `weak` counts calls that failed for another reason than
    permission; `numbers` are those of its calls, by which their event ids are found; `event_ids` are all of them for a
    denial, else the first few.
    """

    action: str
    resource: str
    verdict: Verdict
    basis: str
    context: dict[str, Any]
    count: int = 0
    weak: int = 0
    first: datetime | None = None
    last: datetime | None = None
    via: set[str] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    event_ids: list[str] = field(default_factory=list)

    def add(self, call: Call) -> None:
        """Counts calls towards it."""
        self.count += call.count
        self.weak += call.weak
        self.first = min(filter(None, (self.first, call.first)), default=None)
        self.last = max(filter(None, (self.last, call.last)), default=None)
        self.via |= {call.via} if call.via else set()
        self.numbers |= {call.number} if call.number else set()
        self.event_ids += [each for each in call.event_ids if each not in self.event_ids]

    def as_json(self) -> dict[str, Any]:
        """The use as a replay prints it."""
        told: dict[str, Any] = {"action": self.action, "resource": self.resource, "count": self.count}
        if self.verdict.keys:
            told |= {"keys": list(self.verdict.keys), "as_today": self.verdict.as_today}
        return told | {
            "by": self.verdict.by,
            "basis": self.basis,
            "weak": self.weak,
            "via": sorted(self.via),
            "context": self.context,
            "first_seen": iso(self.first) if self.first else None,
            "last_seen": iso(self.last) if self.last else None,
            "event_ids": self.event_ids,
        }


@dataclass
class Unmapped:
    """Calls of one name that map to no catalogued action; `event_ids` are the first few."""

    event_source: str
    event_name: str
    count: int = 0
    event_ids: list[str] = field(default_factory=list)


@dataclass
class Replay:
    """The uses of one principal in [start, end], judged by a proposal.

    `events` counts the calls that were replayed, `refused` those denied when they were made, which are no need,
    `free` those that no policy needs to allow. `detailed` names the calls read from events, all others are the
    roll-up's; `folded`: of objects that the policies treat alike, one stands for all.
    """

    principal_arn: str
    start: datetime
    end: datetime
    snapshot: datetime
    catalogue: str
    replaced: list[str]
    kept: list[str]
    uses: list[Use] = field(default_factory=list)
    unmapped: list[Unmapped] = field(default_factory=list)
    events: int = 0
    weak: int = 0
    refused: int = 0
    free: int = 0
    detailed: list[str] = field(default_factory=list)
    folded: bool = False
    covers: list[str] = field(default_factory=list)
    not_covered: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def of(self, result: str) -> list[Use]:
        """The uses of one result, in order of action and resource."""
        return [each for each in self.uses if each.verdict.result == result]

    @property
    def denials(self) -> list[Use]:
        """What the proposal would deny."""
        return self.of(DENIED)

    @property
    def tuples(self) -> int:
        """How many distinct uses there are; an unmapped call is one."""
        return len(self.uses) + len(self.unmapped)

    @property
    def proven(self) -> bool:
        """Whether there was something to replay and every use is allowed, by whichever policy."""
        return bool(self.uses) and not self.unmapped and not self.denials and not self.of(CONDITIONAL)

    def as_json(self) -> dict[str, Any]:
        """The object that `replay -o json` prints."""
        return {
            "principal_arn": self.principal_arn,
            "events": self.events,
            "tuples": self.tuples,
            "allowed": len(self.of(ALLOWED)),
            "denied": len(self.denials),
            "conditional": len(self.of(CONDITIONAL)),
            "unmapped": len(self.unmapped),
            "not_by_policy": len(self.of(NOT_BY_POLICY)),
            "denials": [each.as_json() for each in self.denials],
            "conditionals": [each.as_json() for each in self.of(CONDITIONAL)],
            "unmapped_calls": [vars(each) for each in self.unmapped],
            "not_by_policy_uses": [each.as_json() for each in self.of(NOT_BY_POLICY)],
            "weak": self.weak,
            "denied_calls": self.refused,
            "no_action": self.free,
            "proven": self.proven,
            "window": {"start": iso(self.start), "end": iso(self.end)},
            "replaced": self.replaced,
            "kept": self.kept,
            "read_from_events": self.detailed,
            "covers": self.covers,
            "not_covered": self.not_covered,
            "gaps": self.gaps,
            "catalogue": self.catalogue,
            "snapshot": iso(self.snapshot),
        }


class Uses:
    """Collects uses: calls that are alike in action, resource, asked context and verdict are one."""

    def __init__(self, asked: Iterable[str]) -> None:
        self.asked = frozenset(asked)
        self.found: dict[tuple[Any, ...], Use] = {}

    def add(self, action: str, target: Target, verdict: Verdict, basis: str, call: Call) -> None:
        """Adds the calls to the use they are of."""
        context = {key: value for key, value in call.context.items() if key.lower() in self.asked}
        signature = tuple(sorted((key.lower(), str(value)) for key, value in context.items()))
        key = (action, target, verdict, signature)
        if key not in self.found:
            # A moment stands for all on its side of those that policies name, so it is none to show.
            shown = {name: value for name, value in context.items() if name not in TIMES}
            self.found[key] = Use(action, target.text, verdict, basis, shown)
        self.found[key].add(call)

    def ordered(self) -> list[Use]:
        """All of them, by action and resource."""
        return sorted(self.found.values(), key=lambda each: (each.action, each.resource, str(each.context)))
