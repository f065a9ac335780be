"""What investigators write down: named cases with their seeds, pinned events and notes, in the table `case_entries`.

Nothing is ever changed or deleted: taking a pin away is an entry too, so that the book shows who thought what when.
An entry is added by a commit that fails where somebody else added one meanwhile; so their numbers have no gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.errors import LakeError, NoDataError, UsageError
from pipeline.export.cells import UNSAFE, plain
from pipeline.lake import case_entries
from pipeline.machine import user

if TYPE_CHECKING:
    from pipeline.engines.duckdb import Engine
    from pipeline.lake.tables import Lake

# opened: `text` says what it is about; seed: `subject` is where to begin; pinned, unpinned: `subject` is an event id,
# `text` says why; noted: `text`.
CHANGES = ("opened", "seed", "pinned", "unpinned", "noted")
LONGEST = 10_000  # characters of a note
_NAME = re.compile(r"[\w][\w.\- ]{0,79}")
_ATTEMPTS = 20
_KNOWN = """
select distinct coalesce(eventID, record_sha256) as id
from events
where eventID in (select unnest($ids::varchar[])) or record_sha256 in (select unnest($ids::varchar[]))
"""
_OF_PINNED = ("eventTime", "eventName", "eventSource", "outcome", "principal_arn")
_PINNED = f"""
select coalesce(eventID, record_sha256) as eventID, {", ".join(f"min({name}) as {name}" for name in _OF_PINNED)}
from events
where eventID in (select unnest($ids::varchar[])) or record_sha256 in (select unnest($ids::varchar[]))
group by 1
"""


@dataclass(frozen=True)
class Entry:
    """One entry as it is written: `change` is one of CHANGES."""

    change: str
    subject: str | None = None
    text: str | None = None


@dataclass
class CaseFile:
    """A case as its entries leave it. `pins` are the last entries that pinned an event, by its id, in their order."""

    name: str
    entries: list[dict[str, Any]] = field(default_factory=list)
    seeds: list[str] = field(default_factory=list)
    pins: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)

    def add(self, entry: dict[str, Any]) -> None:
        """Takes account of the next entry."""
        self.entries.append(entry)
        if entry["change"] == "seed" and entry["subject"] not in self.seeds:
            self.seeds.append(entry["subject"])
        elif entry["change"] == "pinned":
            self.pins[entry["subject"]] = entry
        elif entry["change"] == "unpinned":
            self.pins.pop(entry["subject"], None)
        elif entry["change"] == "noted":
            self.notes.append(entry)

    @property
    def summary(self) -> dict[str, Any]:
        """One row of the list of cases."""
        first, last = self.entries[0], self.entries[-1]
        return {
            "case": self.name,
            "about": first["text"],
            "seeds": self.seeds,
            "pins": len(self.pins),
            "notes": len(self.notes),
            "opened_at": first["at"],
            "opened_by": first["actor"],
            "last_entry": last["at"],
        }


def cases(lake: Lake) -> dict[str, CaseFile]:
    """Every case by name, the one with the newest entry first."""
    found: dict[str, CaseFile] = {}
    for row in case_entries.entries(lake)[0]:
        found.setdefault(row["case"], CaseFile(row["case"])).add(row)
    return dict(sorted(found.items(), key=lambda each: (each[1].entries[-1]["at"], each[0]), reverse=True))


def case(lake: Lake, name: str) -> CaseFile:
    """The case of this name; raises NoDataError, with the names there are."""
    every = cases(lake)
    if name in every:
        return every[name]
    there = ", ".join(plain(each) for each in list(every)[:3])
    raise NoDataError(plain(name[:80]), "there is no such case", f"there are {there}" if there else "open it: case new")


def open_case(lake: Lake, name: str, seeds: Iterable[str], about: str = "", actor: str | None = None) -> CaseFile:
    """Opens a case; raises UsageError where the name is none, or there is a case of this name."""
    if not _NAME.fullmatch(name) or name != name.strip():
        raise UsageError("NAME", f"{plain(name[:80])!r} is no name of a case", "letters, digits, spaces, . _ - (80)")
    wanted = [_said(each, "--seed") for each in dict.fromkeys(seeds)]
    if not wanted:
        raise UsageError("--seed", "a case begins with something", "name a key, an ARN, an address, an event …")
    opening = [Entry("opened", text=_text(about, "--about")), *(Entry("seed", each) for each in wanted)]
    return _write(lake, name, opening, actor, new=True)


def write(lake: Lake, name: str, entries: Iterable[Entry], actor: str | None = None) -> CaseFile:
    """Adds entries to a case there is, all in one commit; the case as they leave it.

    Raises NoDataError for an unknown case, UsageError for an empty or far too long text.
    """
    return _write(lake, name, list(entries), actor, new=False)


def pin(
    lake: Lake, engine: Engine, name: str, ids: Iterable[str], note: str = "", actor: str | None = None
) -> CaseFile:
    """Pins events that the lake has; raises NoDataError for an id that no event has."""
    wanted = [_said(each, "EVENT_ID") for each in dict.fromkeys(ids)]
    known = {row["id"] for row in engine.rows(_KNOWN, {"ids": wanted}, "case")}
    if unknown := [each for each in wanted if each not in known]:
        raise NoDataError(plain(unknown[0][:80]), "no event of the lake has this id", "look at trailsift investigate")
    return write(lake, name, [Entry("pinned", each, _text(note, "--note")) for each in wanted], actor)


def unpin(lake: Lake, name: str, ids: Iterable[str], note: str = "", actor: str | None = None) -> CaseFile:
    """Takes pins away; raises UsageError for an event that is not pinned."""
    there = case(lake, name).pins
    wanted = list(dict.fromkeys(ids))
    if unknown := [each for each in wanted if each not in there]:
        raise UsageError("EVENT_ID", f"{plain(unknown[0][:80])} is not pinned", f"see trailsift case show {name}")
    return write(lake, name, [Entry("unpinned", each, _text(note, "--note")) for each in wanted], actor)


def add_note(lake: Lake, name: str, text: str, actor: str | None = None) -> CaseFile:
    """Writes a note."""
    if not text.strip():
        raise UsageError("TEXT", "a note says something", "write it after the name of the case")
    return write(lake, name, [Entry("noted", text=_text(text, "TEXT"))], actor)


def entries_of(found: CaseFile) -> list[dict[str, Any]]:
    """The entries of a case as a report has them: number, at, actor, change, subject, text."""
    members = ("number", "at", "actor", "change", "subject", "text")
    return [{name: row[name] for name in members} for row in found.entries]


def told(found: CaseFile, engine: Engine) -> dict[str, Any]:
    """A case as facts of an investigation: its summary, every entry, and `pinned` with what the events were."""
    wanted = list(found.pins)
    events = {row["eventID"]: row for row in engine.rows(_PINNED, {"ids": wanted}, "case")} if wanted else {}
    pinned = [
        {"eventID": each, "note": entry["text"], "pinned_at": entry["at"], "pinned_by": entry["actor"]}
        | {name: events.get(each, {}).get(name) for name in _OF_PINNED}
        for each, entry in found.pins.items()
    ]
    far = datetime.max.replace(tzinfo=UTC)
    pinned.sort(key=lambda each: (each["eventTime"] or far, each["eventID"]))
    return found.summary | {"pinned": pinned, "entries": entries_of(found)}


def _write(lake: Lake, name: str, entries: list[Entry], actor: str | None, new: bool) -> CaseFile:
    who = _said(actor, "--by") if actor is not None else user()
    try:
        lake.make()  # an older lake has no such table yet
        return _added(lake, name, entries, who, new)
    except OSError as error:
        problem = f"the entry cannot be stored ({error.strerror or error})"
        raise LakeError(lake.location, problem, "see that the lake can be written, and run it again") from None


def _added(lake: Lake, name: str, entries: list[Entry], who: str, new: bool) -> CaseFile:
    for _ in range(_ATTEMPTS):
        written, state = case_entries.entries(lake)
        found = CaseFile(name)
        for row in written:
            if row["case"] == name:
                found.add(row)
        if new and found.entries:
            raise UsageError(plain(name), "there is a case of this name", "name it otherwise, or add to it: case note")
        if not new and not found.entries:
            return case(lake, name)  # which says what there is
        now = max([datetime.now(UTC), *(each["at"] for each in found.entries[-1:])])  # even where a clock went back
        rows = [
            {"case": name, "number": number, "at": now, "actor": who} | vars(each)
            for number, each in enumerate(entries, len(found.entries) + 1)
        ]
        if case_entries.add(state, rows):
            for row in rows:
                found.add(row)
            return found
    raise LakeError(lake.location, "other writers kept the entry from being stored", "run the same command again")


def _said(text: str, place: str) -> str:
    """An argument that says something, without what could drive a terminal."""
    if not text.strip() or len(text) > 2048 or UNSAFE.search(text):
        problem = f"{plain(text[:80])!r} cannot stand in a case"
        raise UsageError(place, problem, "write one line of at most 2,048 characters")
    return text.strip()


def _text(text: str, place: str) -> str | None:
    if len(text) > LONGEST:
        raise UsageError(place, f"{len(text):,} characters are too many", f"write at most {LONGEST:,}")
    return text.strip() or None
