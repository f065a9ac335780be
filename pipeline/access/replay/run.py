"""Replay: what a principal did in the window, asked again of a proposal with the rest of its policies in place.

The roll-up comes first; calls that it cannot show to be allowed are read from the events, with all that these tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.access.granted import Principal
from pipeline.access.ground import Ground
from pipeline.access.replay import keys
from pipeline.access.replay.calls import Kind, Log, Row, names_objects, needs
from pipeline.access.replay.covers import statements
from pipeline.access.replay.judge import (
    ALLOWED,
    LACKING,
    NOT_BY_POLICY,
    Judge,
    Side,
    Verdict,
    kept,
    name_of,
)
from pipeline.access.replay.reading import Reading
from pipeline.access.replay.result import Replay, Unmapped, Uses
from pipeline.access.replay.targets import Call, Target, members, targets
from pipeline.assurance.coverage import gaps
from pipeline.iam.actions import Mapper, Needed

Judged = tuple[Needed, Target, Verdict]


@dataclass(frozen=True)
class _Asked:
    """One row of calls with the verdicts on all it needs."""

    kind: Kind
    call: Call
    judged: tuple[Judged, ...]

    @property
    def sure(self) -> bool:
        return all(verdict.result == ALLOWED for _, _, verdict in self.judged)


def replay(
    ground: Ground, principal: Principal, proposed: list[tuple[str, dict[str, Any]]], replaced: set[str] | None = None
) -> Replay:
    """Everything the principal did in the ground's window, judged by the proposal.

    `proposed` are names and documents; they stand for the principal's identity policies named in `replaced` (by name,
    ARN or as Attached tells them), or for all of them, those of its groups too. Raises UsageError for a name that is
    none of the principal's.
    """
    stay = kept(principal, replaced)
    gone = [each for each in principal.attached if each not in stay]
    lacking = LACKING if any(not each.startswith("boundary") for each in principal.missing) else ""
    documents = [each.document for each in stay] + [document for _, document in proposed]
    new = Side(principal, ground.library, documents, lacking if replaced is not None else "")
    now = Side(principal, ground.library, [each.document for each in principal.attached], lacking)
    judge = Judge(principal, ground.library, new, now)
    found = Replay(
        principal_arn=principal.arn,
        start=ground.start,
        end=ground.end,
        snapshot=ground.snapshot.taken_at,
        catalogue=ground.observe.catalogue.version,
        replaced=sorted({name_of(each) for each in gone}),
        kept=sorted({name_of(each) for each in stay}),
        gaps=gaps(ground.covered, ground.start, ground.end, {principal.account_id}),
    )
    _Run(ground, judge, found).all()
    return found


class _Run:
    """One replay on its way."""

    def __init__(self, ground: Ground, judge: Judge, found: Replay) -> None:
        self.ground, self.judge, self.found = ground, judge, found
        self.mapper: Mapper = ground.observe.mapper
        self.log = Log(ground.engine, judge.principal, ground.start, ground.end)

    def all(self) -> None:
        """Fills the result."""
        asked = self._from_usage()
        doubtful = {(each.kind.source, each.kind.name) for each in asked if not each.sure}
        if doubtful:
            asked = self._from_events(asked, doubtful)
        uses = Uses(self.judge.asked)
        for each in asked:
            self.found.events += each.call.count
            self.found.weak += each.call.weak
            for needed, target, verdict in each.judged:
                # What a call only may have needed, and today's policies do not allow, it did not need.
                if needed.basis != "inferred" or verdict.result != NOT_BY_POLICY:
                    uses.add(needed.action, target, verdict, needed.basis, each.call)
        self.found.uses = uses.ordered()
        self._ids(doubtful)
        context = self.ground.judge(self.judge.principal)
        self.found.covers, self.found.not_covered = statements(self.found, self.judge, context)

    def _from_usage(self) -> list[_Asked]:
        """Every row of the roll-up that is a use, judged by what the roll-up tells."""
        asked = []
        unmapped: dict[tuple[str, str], Unmapped] = {}
        for kind, outcome, call in self.log.usage:
            if outcome == "denied":
                self.found.refused += call.count
                continue
            mapped = self.mapper.map_call(kind.source, kind.name, kind.type, kind.category, call.request)
            if mapped.state == "no_action":
                self.found.free += call.count
            elif mapped.state == "unmapped":
                one = unmapped.setdefault((kind.source, kind.name), Unmapped(kind.source, kind.name))
                one.count += call.count
                one.event_ids = [*one.event_ids, *call.event_ids][:3]
                self.found.events += call.count
            else:
                asked.append(_Asked(kind, call, self._judged(kind, call)))
        self.found.unmapped = [unmapped[key] for key in sorted(unmapped)]
        return asked

    def _judged(self, kind: Kind, call: Call) -> tuple[Judged, ...]:
        """All that calls of one row need, with its verdict."""
        return tuple(
            (needed, target, self.judge.verdict(needed.action, target, call))
            for needed in needs(self.mapper, kind, call)
            for target in targets(needed.action, call, self.judge.held)
        )

    def _from_events(self, asked: list[_Asked], doubtful: set[tuple[str, str]]) -> list[_Asked]:
        """The same with doubtful calls as the events tell them; the roll-up's where there are no such events."""
        rows = self._read(asked, doubtful)
        there = {(kind.source, kind.name) for kind, _, _ in rows}
        self.found.detailed = sorted(f"{source} {name}" for source, name in there)
        found = [each for each in asked if (each.kind.source, each.kind.name) not in there]
        for kind, _, call in rows:
            if judged := self._judged(kind, call):
                found.append(_Asked(kind, call, judged))
        return found

    def _read(self, asked: list[_Asked], doubtful: set[tuple[str, str]]) -> list[Row]:
        named: set[str] = set()
        for each in asked:
            if (each.kind.source, each.kind.name) in doubtful:
                named |= {member for needed, _, _ in each.judged for member in members(needed.action)}
        # Each time less is told apart, until the distinct calls are few enough.
        for wanted, fold in ((named, False), (named, True), (None, True)):
            self.reading = self._reading(wanted, fold)
            rows = self.reading.calls(self.log.engine, doubtful, self.log.who)
            if rows is not None:
                self.found.folded = self.reading.fold
                return rows
        return []

    def _reading(self, named: set[str] | None, fold: bool) -> Reading:
        every = [*self.judge.new.statements, *self.judge.now.statements]
        objects = sorted({each for one in every for each in one.resources if names_objects(each)})
        if fold and any("${" in each for each in objects):
            # What a variable stands for differs from call to call, so objects cannot be folded by it.
            objects = []
        return Reading(named, self.judge.asked, keys.moments(every), objects, self.judge.forwarded, fold)

    def _ids(self, doubtful: set[tuple[str, str]]) -> None:
        """All event ids of what is denied."""
        denied = [each for each in self.found.denials if each.numbers]
        if not denied:
            return
        numbers = sorted({number for each in denied for number in each.numbers})
        ids = self.reading.ids(self.log.engine, doubtful, self.log.who, numbers)
        for each in denied:
            each.event_ids = [one for number in sorted(each.numbers) for one in ids.get(number, ())]
