"""Findings with a memory: what was found, what became of it, and what has been examined.

Three tables of the lake that stand alone. `findings` is the append-only history of every finding, `mutes` says what
nobody needs to see until when, `examined` which batches of events the rules have been asked about. A run stores its
findings first, in one commit, and then what it examined: one that is killed in between examines the same again, finds
the same, and adds nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.detect.store.changes import Journal, Looked, Recorded, View, compare
from pipeline.detect.store.mutes import Muted, mutes
from pipeline.detect.store.states import STATUSES, Row, State, fold, history, predecessors, table, written
from pipeline.lake.decided import append_decided, rows
from pipeline.records.schema import FINDINGS

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake

__all__ = [
    "STATUSES",
    "Journal",
    "Looked",
    "Recorded",
    "Row",
    "View",
    "change",
    "current",
    "history",
    "judged",
    "now",
    "record",
    "replaced",
    "states",
    "table",
]


def now() -> datetime:
    """The instant at which changes happen and mutes end."""
    return datetime.now(UTC)


def record(lake: Lake, found: Sequence[Row], view: View | None = None, looked: Sequence[Looked] = ()) -> Recorded:
    """Stores what a run found, and gives what of it is news. Safe to repeat, and beside others that do the same.

    `found` are findings as dicts of `pipeline.detect.anomalies.SCHEMA`; those that are stored already and say the same
    add nothing. `view` is the log they were computed from (`View.of(engine)`), by which a run that saw less of it is
    told from one that saw more. `looked` says of which rules the run knows every finding: what it did not find of
    those is resolved, or replaced by what took its place. Mutes that ended are written into the history.
    Raises LakeError where other writers keep winning.
    """
    recorded = Recorded()

    def decide(journal: Journal) -> None:
        nonlocal recorded
        recorded = compare(journal, found, view or View(), looked)

    change(lake, decide)
    return recorded


def change(lake: Lake, decide: Callable[[Journal], None]) -> None:
    """Lets `decide` add to the history, all in one commit; where somebody else was first, it decides again."""
    batch = uuid.uuid4().hex

    def append(held: pa.Table) -> pa.Table:
        journal = Journal(fold(held), mutes(rows(lake, "mutes")), now(), batch)
        decide(journal)
        return pa.Table.from_pylist(journal.rows, schema=FINDINGS)

    append_decided(lake, "findings", append)


def states(lake: Lake) -> tuple[dict[str, State], Muted]:
    """Every finding there has ever been, with its history, and the mutes in force now."""
    found = fold(rows(lake, "findings"))
    return found, Muted(mutes(rows(lake, "mutes")), now(), predecessors(found))


def current(lake: Lake, statuses: Sequence[str] = STATUSES) -> list[Row]:
    """Stored findings of these statuses as they are now: `SCHEMA`'s members with the status in force, and besides
    them `rule_key`, `rule_hash`, `snapshot_id`, `found_at`, `updated_at`, and `muted_until`, `owner` and `note` (None
    or "" where there is none).

    One that another took the place of is not among them.
    """
    found, muted = states(lake)
    told = [muted.told(each) for each in found.values() if each.successor is None]
    return [each for each in told if each["status"] in statuses]


def replaced(lake: Lake) -> list[Row]:
    """Stored findings that another took the place of, which have no state of their own any more: as `current` has
    them, resolved. They are for those who were told of them."""
    found, muted = states(lake)
    gone = [each for each in found.values() if each.successor is not None]
    return [muted.told(each) | {"note": each.history[-1]["reason"]} for each in gone]


def judged(lake: Lake, found: Sequence[Row]) -> list[Row]:
    """Findings that are not stored, with the status and the times they have or would have: those of a stored one of the
    same id; else `muted` where a mute covers them, and found now."""
    known, muted = states(lake)
    told = []
    for each in found:
        if state := known.get(each["id"]):
            stored = muted.told(state)
            told.append(each | {name: stored[name] for name in ("status", "found_at", "updated_at")})
        else:
            status = muted.status(State(each["id"], written(each)))
            told.append(each | {"status": status, "found_at": muted.now, "updated_at": muted.now})
    return told
