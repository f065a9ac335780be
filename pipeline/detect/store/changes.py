"""From what a run found to what changed: the rows that `lake.findings` gains.

A finding is known by its id, which is made of its first event. So an event that comes late and is earlier still makes
a new finding in the place of the old one, and so does one that joins two: the old ones are `replaced`, and the new one
takes over what was said of them. What the log no longer shows is `resolved`. A run that looked at an older state of
the log than what is stored knows less, and changes nothing of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from pipeline.detect.store.mutes import Mute, Muted
from pipeline.detect.store.states import SELF, TOLD, Row, State, key_of, predecessors, written
from pipeline.engines.duckdb import Engine
from pipeline.times import iso

# The nearer to the front, the more somebody has to look at it.
_URGENCY = ("open", "acknowledged", "muted", "resolved")
T = TypeVar("T")


@dataclass(frozen=True)
class View:
    """The log as a run saw it: the snapshot of `events`, its sequence number, and the time of the first event."""

    snapshot_id: str | None = None
    sequence: int = 0
    beginning: datetime | None = None

    @classmethod
    def of(cls, engine: Engine) -> View:
        """What an engine reads."""
        beginning = engine.query('select min(eventTime) as beginning from lake."events"')["beginning"][0].as_py()
        if engine.plan is None or engine.snapshot_id is None:
            return cls(None, 0, beginning)
        return cls(str(engine.snapshot_id), engine.plan.sequence, beginning)


@dataclass(frozen=True)
class Looked:
    """Of these rules (by their keys) a run knows every finding that begins after `since` (None: every one at all).

    `standing` are the ids of those there are; any other that is stored has gone. `folding` is the rule whose findings
    stand for several others, where there is one: what has gone may be part of such a finding.
    """

    rules: frozenset[str]
    standing: frozenset[str]
    since: datetime | None = None
    folding: str | None = None


@dataclass
class Recorded:
    """What a run added to the store, as findings with their status: those that are new, and those that grew."""

    new: list[Row] = field(default_factory=list)
    grown: list[Row] = field(default_factory=list)
    gone: int = 0


class Journal:
    """The states as they were read, and the rows that change them."""

    def __init__(self, states: dict[str, State], mutes: Iterable[Mute], now: datetime, batch: str) -> None:
        self.states, self.every, self.now, self.batch = states, list(mutes), now, batch
        self.rows: list[Row] = []

    def add(self, state: State, change: str, status: str, actor: str = SELF, reason: str = "", **also: Any) -> None:
        """Adds a change to a finding's history."""
        row: Row = dict.fromkeys(("owner", "until", "successor", "sequence", "finding", "kept", "event_ids"))
        row |= {"finding_id": state.id, "number": state.number + 1, "at": self.now, "change": change}
        row |= {"status": status, "actor": actor, "reason": reason, "batch": self.batch} | also
        state.apply(row)
        self.rows.append(row)

    @property
    def muted(self) -> Muted:
        """The mutes in force, over the states as they are now."""
        return Muted(self.every, self.now, predecessors(self.states))

    def settle(self) -> None:
        """Writes into the history what came about by itself: mutes that began to cover a finding, or ended."""
        muted = self.muted
        for state in self.states.values():
            status = muted.status(state)
            if status == state.status:
                continue
            mute = muted.covering(state)
            if status == "muted" and mute:
                also = {"owner": mute.owner, "until": mute.until}
                self.add(state, "muted", "muted", mute.actor, mute.reason, **also)
            else:
                self._ended(state)

    def _ended(self, state: State) -> None:
        """A mute covered it and does no more: its time has come, or somebody ended it."""
        last = next(each for each in reversed(state.history) if each["change"] == "muted")
        if last["until"] <= self.now:
            self.add(state, "reopened", "open", reason=f"the mute ended on {iso(last['until'])}")
        else:
            self.add(state, "unmuted", "open", reason="the mute was ended")


class Sharing(Generic[T]):
    """Which findings of a rule share events with others."""

    def __init__(self, findings: Iterable[tuple[Row, Sequence[str], T]]) -> None:
        self.every: list[tuple[Row, T]] = []
        self.of_event: dict[tuple[str, str], list[int]] = {}
        for number, (finding, events, said) in enumerate(findings):
            self.every.append((finding, said))
            for event in events:
                self.of_event.setdefault((key_of(finding), event), []).append(number)

    def of(self, finding: Row, events: Iterable[str], rule: str | None = None) -> list[T]:
        """Those of its rule (or of another `rule`) with some of these events, the one with most of them first.

        Two accounts may each have a copy of an event. A finding of one has nothing to do with a finding of the other,
        unless it is of several (None).
        """
        key = rule or key_of(finding)
        shared = Counter(number for event in set(events) for number in self.of_event.get((key, event), ()))
        ranked = sorted(shared, key=lambda number: (-shared[number], number))
        return [said for other, said in (self.every[number] for number in ranked) if _alike(finding, other)]


def _alike(one: Row, other: Row) -> bool:
    pairs = [(one[name], other[name]) for name in ("principal_arn", "account")]
    return all(a == b or a is None or b is None for a, b in pairs)


def compare(journal: Journal, found: Sequence[Row], view: View, looked: Sequence[Looked]) -> Recorded:
    """Adds to the journal what a run found out; gives what of it is news."""
    journal.settle()
    stored = Sharing((each.finding, each.event_ids, each) for each in journal.states.values() if not each.successor)
    taken = [each for each in (_continued(journal, each, view, stored) for each in found) if each is not None]
    news: dict[str, str] = {}
    for each in taken:
        if kind := _take(journal, each, view):
            news[each["id"]] = kind
    heirs = Sharing((each, each["event_ids"], each["id"]) for each in taken)
    gone = sum(_clear(journal, heirs, view, part, news) for part in looked)
    journal.settle()
    muted = journal.muted
    told = {name: muted.told(journal.states[name]) for name in news}
    new, grown = ([told[name] for name, kind in news.items() if kind == wanted] for wanted in ("new", "grown"))
    return Recorded(new, grown, gone)


def _continued(journal: Journal, found: Row, view: View, stored: Sharing[State]) -> Row | None:
    """The finding as it is to be stored; None where somebody who saw more of the log has stored what became of it.

    Where days have left the lake, what is left of an episode that began in them begins later and has another id. It
    is still that episode, and keeps the events it had.
    """
    if found["id"] in journal.states:
        return found
    sharing = stored.of(found, found["event_ids"])
    if any(each.sequence > view.sequence for each in sharing):
        return None
    for state in sharing:
        if view.beginning is not None and state.finding["first_seen"] < view.beginning:
            known = set(state.event_ids)
            ids = [*state.event_ids, *(each for each in found["event_ids"] if each not in known)]
            began = {"id": state.id, "first_seen": state.finding["first_seen"]}
            return found | began | {"event_ids": ids, "count": len(ids)}
    return found


def _take(journal: Journal, found: Row, view: View) -> str | None:
    """Stores what is new of a finding; whether it is `new` or has `grown`, None for neither."""
    state = journal.states.get(found["id"])
    if state is None:
        state = journal.states[found["id"]] = State(found["id"])
        journal.add(state, "found", "open", **_members(state, found, view))
        return "new"
    if state.sequence > view.sequence:
        return None
    if set(found["event_ids"]) - set(state.event_ids):
        journal.add(state, "grew", state.status, **_members(state, found, view))
        if state.status == "resolved":
            journal.add(state, "reopened", "open", reason="it grew", sequence=view.sequence)
        return "grown"
    if found["event_ids"] != state.event_ids or any(found.get(name) != state.finding.get(name) for name in TOLD):
        reason = "the rule tells otherwise of it, or fewer events"
        journal.add(state, "restated", state.status, reason=reason, **_members(state, found, view))
    if state.status == "resolved" and state.taken_back:
        journal.add(state, "reopened", "open", reason="it is found again", sequence=view.sequence)
        return "grown"
    return None


def _members(state: State, found: Row, view: View) -> Row:
    """The columns that say what a finding is: of its events only what comes after those that stay as they were."""
    kept = 0
    for before, after in zip(state.event_ids, found["event_ids"], strict=False):
        if before != after:
            break
        kept += 1
    text = written(found | {"snapshot_id": view.snapshot_id})
    return {"finding": text, "kept": kept, "event_ids": found["event_ids"][kept:], "sequence": view.sequence}


def _clear(journal: Journal, heirs: Sharing[str], view: View, looked: Looked, news: dict[str, str]) -> int:
    """Ends the findings that are no longer there, most often because another took their place; how many had none."""
    gone = [
        state
        for state in list(journal.states.values())
        if state.rule in looked.rules
        and state.id not in looked.standing
        and state.id not in news
        and not (state.status == "resolved" and state.taken_back)
        and state.sequence <= view.sequence
        and (looked.since is None or state.finding["first_seen"] > looked.since)
        and (view.beginning is None or state.finding["first_seen"] >= view.beginning)
    ]
    replaced: dict[str, list[tuple[str, State]]] = {}
    alone = 0
    for state in gone:
        sharing = heirs.of(state.finding, state.event_ids)
        if not sharing and looked.folding:
            sharing = heirs.of(state.finding, state.event_ids, looked.folding)
        if sharing:
            replaced.setdefault(sharing[0], []).append((state.status, state))
            reason = f"it is part of {sharing[0]} now"
            journal.add(state, "replaced", "resolved", reason=reason, successor=sharing[0], sequence=view.sequence)
        elif state.status != "resolved":
            reason = "the rule finds it no more in the log"
            journal.add(state, "resolved", "resolved", reason=reason, sequence=view.sequence)
            alone += 1
    for identity, before in replaced.items():
        _inherit(journal, journal.states[identity], before, news)
    return alone


def _inherit(journal: Journal, heir: State, before: list[tuple[str, State]], news: dict[str, str]) -> None:
    """Carries over to a finding what was said of those it replaces: of several, what leaves most to look at."""
    known = {each for _, state in before for each in state.event_ids}
    status, source = min(before, key=lambda each: _URGENCY.index(each[0]))
    grew = not known.issuperset(heir.event_ids)
    if news.get(heir.id) != "new":
        if status == "open" and heir.status in ("acknowledged", "resolved"):
            journal.add(heir, "reopened", "open", reason=f"{source.id}, which was open, is part of it now")
        return
    if grew:
        news[heir.id] = "grown"
    else:
        del news[heir.id]
    if status == "acknowledged" or (status == "resolved" and not grew):
        last = next(each for each in reversed(source.history) if each["change"] == status)
        reason = f"as {source.id} was" + (f": {last['reason']}" if last["reason"] else "")
        journal.add(heir, status, status, last["actor"], reason)
