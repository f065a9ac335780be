"""What people do with findings: acknowledge, mute, resolve and reopen them. Each is a change in the history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.detect.store import change, now, states
from pipeline.detect.store.changes import Journal
from pipeline.detect.store.mutes import Mute, mutes, new
from pipeline.detect.store.states import State
from pipeline.errors import UsageError
from pipeline.lake.decided import append_decided, rows
from pipeline.machine import user
from pipeline.records.schema import MUTES
from pipeline.times import parse_duration, parse_time

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake

SHORTEST, LONGEST = 4, 2_000  # characters of an id's beginning, and of what somebody says
# Change -> from which statuses it can be made, and to which it leads.
_ALLOWED = {
    "acknowledged": (("open", "acknowledged"), "acknowledged"),
    "resolved": (("open", "acknowledged", "muted"), "resolved"),
    "reopened": (("acknowledged", "resolved"), "open"),
}
_FIRST = {
    "muted": "end the mute first: trailsift findings unmute",
    "resolved": "reopen it first: trailsift findings reopen",
    "open": "there is nothing to do",
}


def whoever(given: str | None = None) -> str:
    """Who makes a change: the name that was given, else the operating system's user."""
    return said(given, "--by") if given is not None else user()


def said(text: str | None, option: str) -> str:
    """What somebody has to say; raises UsageError where it is missing or too long."""
    if text is None or not text.strip():
        raise UsageError(option, "is missing", f'write {option} "…"')
    if len(text) > LONGEST:
        raise UsageError(option, f"is longer than {LONGEST:,} characters", "say it in fewer")
    return text.strip()


def mark(lake: Lake, ids: Sequence[str], made: str, actor: str, reason: str) -> list[State]:
    """Makes the change `made` (acknowledged, resolved or reopened) to all of these findings, or to none.

    Ids may be cut short where that leaves no doubt. Raises UsageError for one that is unknown or ambiguous, and where a
    finding is in no state for this change.
    """
    chosen: list[State] = []

    def decide(journal: Journal) -> None:
        journal.settle()
        chosen[:] = find(journal.states, ids)
        for each in chosen:
            allowed, status = _ALLOWED[made]
            if each.status not in allowed:
                raise UsageError(each.id, f"is {each.status}", _FIRST.get(each.status, "there is nothing to do"))
            journal.add(each, made, status, actor, reason)
        journal.settle()

    change(lake, decide)
    return chosen


def mute(
    lake: Lake, ids: Sequence[str], actor: str, reason: str, owner: str, until: datetime, **patterns: str | None
) -> list[Mute]:
    """Mutes these findings, or whatever fits all patterns (`rule`, `principal`, `account`), now and later."""
    known, _ = states(lake)
    scopes: list[dict[str, str | None]] = [{"finding_id": each.id} for each in find(known, ids)] if ids else [patterns]
    made = [new(now(), actor, reason, owner, until, scope) for scope in scopes]
    _append(lake, [_row(each, "muted") for each in made])
    change(lake, Journal.settle)
    return made


def unmute(lake: Lake, names: Sequence[str], actor: str, reason: str) -> list[Mute]:
    """Ends mutes before their time; each is named by its own id, or by that of the finding it is of."""
    known, muted = states(lake)
    force = [each for each in mutes(rows(lake, "mutes")) if each.in_force(muted.now)]
    ended: dict[str, Mute] = {}
    for name in names:
        named = [each for each in force if len(name) >= SHORTEST and each.mute_id.startswith(name)]
        ended |= {each.mute_id: each for each in named or _of_finding(name, known, force)}
        if len(named) > 1:
            raise UsageError(name, "is the beginning of several ids", "write more of it")
        if not named and (cover := muted.covering(find(known, [name])[0])) and cover.mute_id not in ended:
            problem = f"is muted by {cover.mute_id} ({cover.scope})"
            raise UsageError(name, problem, f"end that, which covers others too: findings unmute {cover.mute_id}")
    at = now()
    also = {"change": "unmuted", "at": at, "actor": actor, "reason": reason}
    _append(lake, [_row(each, "unmuted") | also for each in ended.values()])
    change(lake, Journal.settle)
    return list(ended.values())


def _of_finding(name: str, known: dict[str, State], force: Iterable[Mute]) -> list[Mute]:
    """The mutes of one finding, and of those it took the place of."""
    (state,) = find(known, [name])
    family = {state.id}
    while True:
        more = {each.id for each in known.values() if each.successor in family} - family
        if not more:
            break
        family |= more
    found = [each for each in force if each.finding_id in family]
    if not found and state.status != "muted":
        raise UsageError(name, "is not muted", "trailsift findings mutes lists what is")
    return found


def find(known: dict[str, State], ids: Sequence[str]) -> list[State]:
    """The findings of these ids, each once; raises UsageError for one that is unknown, ambiguous or replaced."""
    found: dict[str, State] = {}
    for identity in ids:
        state = one(known, identity)
        if state.successor:
            raise UsageError(identity, f"is part of {state.successor} now", "name that one")
        found[state.id] = state
    return list(found.values())


def one(known: dict[str, State], identity: str) -> State:
    """The finding of an id, which may be cut short where that leaves no doubt."""
    wanted = identity.strip().lower()
    fitting = [each for each in known if each == wanted or (len(wanted) >= SHORTEST and each.startswith(wanted))]
    if wanted in fitting:
        return known[wanted]
    if len(fitting) == 1:
        return known[fitting[0]]
    if fitting:
        raise UsageError(identity, f"is the beginning of {len(fitting)} ids", f"write more: {', '.join(fitting[:5])}")
    raise UsageError(identity, "is no finding's id", "trailsift findings --all lists them")


def ends(text: str | None, at: datetime) -> datetime:
    """The instant a mute ends: after a day (`2026-12-31`, its last), at a time, or a span such as `30d` from `at`."""
    text = said(text, "--until").strip()
    try:
        if text[-1:].isalpha() and text[:-1].isdigit():
            return at + parse_duration(text, "--until")
        moment = parse_time(text, at, "--until")
        return moment + timedelta(days=1) if len(text) == len("2026-12-31") else moment
    except OverflowError:
        raise UsageError("--until", f"{text!r} is too far away", "name a nearer day") from None


def _append(lake: Lake, made: list[dict[str, Any]]) -> None:
    append_decided(lake, "mutes", lambda _held: pa.Table.from_pylist(made, schema=MUTES))


def _row(mute: Mute, kind: str) -> dict[str, Any]:
    return {name: value for name, value in vars(mute).items() if name != "lifted"} | {"change": kind}
