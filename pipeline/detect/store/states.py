"""What became of each finding: the history of `lake.findings`, folded into states.

A change is a row and no row is ever changed. The state of a finding is what its rows say one after another; only
whether it is muted also hangs on the time at which one looks (`pipeline.detect.store.mutes`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow as pa

from pipeline.detect.anomalies import SCHEMA, SEVERITIES
from pipeline.records.schema import FINDINGS, TEXT, TIME

STATUSES = ("open", "acknowledged", "muted", "resolved")
CHANGES = ("found", "grew", "restated", "acknowledged", "muted", "unmuted", "resolved", "reopened", "replaced")
# Who makes the changes that follow from the log or from the calendar.
SELF = "trailsift"
# What a finding says, apart from which it is, its events and what became of it.
TOLD = tuple(each for each in SCHEMA.names if each not in ("id", "status", "event_ids"))
# What is kept beside it: which rule exactly, and the snapshot of `events` it was computed from.
BESIDE = ("rule_key", "rule_hash", "snapshot_id")
# A stored finding as a row: what goes with its status follows what it says. It was stored first at `found_at`, and what
# it says, or its status, changed last at `updated_at`.
LISTED = pa.schema(
    [*SCHEMA, ("muted_until", TIME), ("owner", TEXT), ("note", TEXT), ("found_at", TIME), ("updated_at", TIME)]
)
# A change as a row: what became of a finding, without what the finding says.
CHANGED = pa.schema([each for each in FINDINGS if each.name not in ("sequence", "finding", "kept", "event_ids")])
Row = dict[str, Any]


@dataclass
class State:
    """One finding as its history leaves it.

    `event_ids` are the ids of all its events in the order of time, `text` is the JSON text of what it says besides.
    `sequence` is that of the newest snapshot of `events` that anything was concluded from.
    """

    id: str
    text: str = "{}"
    event_ids: list[str] = field(default_factory=list)
    status: str = "open"
    sequence: int = 0
    successor: str | None = None
    history: list[Row] = field(default_factory=list)

    @cached_property
    def finding(self) -> Row:
        """Its members `TOLD` and `BESIDE`."""
        return read(self.text)

    @property
    def rule(self) -> str:
        """The key of the rule that finds it."""
        return key_of(self.finding)

    @property
    def number(self) -> int:
        """How many changes it has had."""
        return len(self.history)

    @property
    def taken_back(self) -> bool:
        """Whether it was resolved because the log no longer shows it, rather than by somebody."""
        settled = [each for each in self.history if each["change"] in ("resolved", "reopened", "replaced")]
        return bool(settled) and settled[-1]["change"] != "reopened" and settled[-1]["actor"] == SELF

    @property
    def note(self) -> str:
        """The reason somebody gave last."""
        said = [each["reason"] for each in self.history if each["reason"] and each["actor"] != SELF]
        return said[-1] if said else ""

    def apply(self, row: Row) -> None:
        """Lets one more change happen."""
        self.history.append(row)
        self.status = row["status"]
        self.sequence = max(self.sequence, row["sequence"] or 0)
        if row["change"] in ("replaced", "reopened"):
            self.successor = row["successor"]
        if row["finding"] is not None:
            self.text = row["finding"]
            self.__dict__.pop("finding", None)  # read when it is asked for: most of a long history never is
            self.event_ids = self.event_ids[: row["kept"]] + list(row["event_ids"] or ())

    def told(self, status: str, until: datetime | None = None, owner: str | None = None) -> Row:
        """The finding as a dict of `SCHEMA`'s members and those of `BESIDE`, with its status and what belongs to it."""
        members = {"id": self.id, **self.finding, "event_ids": self.event_ids, "status": status}
        moments = {"found_at": self.history[0]["at"], "updated_at": self.history[-1]["at"]} if self.history else {}
        return members | {"muted_until": until, "owner": owner, "note": self.note} | moments


def fold(rows: pa.Table) -> dict[str, State]:
    """The state of every finding, from all rows of `lake.findings` in any order."""
    states: dict[str, State] = {}
    for row in sorted(rows.to_pylist(), key=lambda each: (each["finding_id"], each["number"])):
        states.setdefault(row["finding_id"], State(row["finding_id"])).apply(row)
    return states


def table(findings: list[Row]) -> pa.Table:
    """Findings as rows of `LISTED`, the gravest first, then by time."""
    ranked = sorted(findings, key=lambda each: (SEVERITIES.index(each["severity"]), each["first_seen"], each["id"]))
    return pa.Table.from_pylist(ranked, schema=LISTED)


def history(changes: list[Row]) -> pa.Table:
    """Changes of findings as rows of `CHANGED`."""
    return pa.Table.from_pylist(changes, schema=CHANGED)


def predecessors(states: dict[str, State]) -> dict[str, list[str]]:
    """By the id of a finding that came into being in their place, those that it replaced in the same run."""
    found: dict[str, list[str]] = {}
    for state in states.values():
        heir = states.get(state.successor or "")
        if heir is not None and heir.history[0]["batch"] == state.history[-1]["batch"]:
            found.setdefault(heir.id, []).append(state.id)
    return found


def key_of(finding: Row) -> str:
    """What names the rule behind a finding for good: Sigma's own id where the rule has one, else the rule's path."""
    return str(finding.get("rule_key") or finding["rule"])


def written(finding: Row) -> str:
    """The members `TOLD` and `BESIDE` as JSON text, with times in ISO's form."""
    said = {name: finding.get(name) for name in (*TOLD, *BESIDE)}
    return json.dumps(said, default=lambda moment: moment.isoformat())


def read(text: str) -> Row:
    """The reverse of `written`; which texts are times, `SCHEMA` tells."""
    said: Row = json.loads(text)
    return {name: _revived(each, _KINDS.get(name)) for name, each in said.items()}


def _revived(value: Any, kind: Any) -> Any:
    if value is None or kind is None:
        return value
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(value)
    if pa.types.is_list(kind):
        return [_revived(each, kind.value_type) for each in value]
    if pa.types.is_struct(kind):
        inner = {each.name: each.type for each in kind}
        return {name: _revived(each, inner.get(name)) for name, each in value.items()}
    return value


_KINDS = {each.name: each.type for each in SCHEMA}
