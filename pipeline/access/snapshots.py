"""IAM as it was at a time: documents into the lake's `iam_snapshots` table, and the newest state out of it.

One import is one snapshot and one commit. Its id is the hash of what it holds, so importing the same files again
changes nothing. Authorization details, credential reports and organization policies come from different calls:
the newest state takes each family from the newest snapshot of the account that has it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from pipeline.access.documents import Document, Item, read
from pipeline.errors import NoDataError, SnapshotError, UsageError
from pipeline.lake.snapshots import append_snapshot
from pipeline.records.schema import IAM_SNAPSHOTS
from pipeline.times import iso

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake

FAMILIES = {
    "details": ("user", "group", "role", "policy"),
    "credentials": ("credential",),
    "organization": ("scp", "rcp"),
}


class Engine(Protocol):
    """What is needed of an engine: SQL with bound parameters in, Arrow out."""

    def query(self, sql: str, params: dict[str, Any] | None = None) -> pa.Table:
        """Rows of one SELECT."""
        ...


@dataclass
class Imported:
    """What an import did; `new` is false where the lake held this very snapshot before."""

    snapshot_id: str
    taken_at: datetime
    new: bool
    kinds: dict[str, int]
    accounts: list[str]
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The summary as the command prints it."""
        counts = {kind: self.kinds.get(kind, 0) for kinds in FAMILIES.values() for kind in kinds}
        facts = {"snapshot_id": self.snapshot_id, "taken_at": iso(self.taken_at), "new": self.new}
        return {**facts, "accounts": self.accounts, "items": sum(counts.values()), **counts}

    def as_text(self) -> str:
        """One line for a person."""
        held = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.kinds.items()))
        verb = "snapshot" if self.new else "already imported: snapshot"
        named = ", ".join(self.accounts) or "none named"
        return f"{verb} {self.snapshot_id[:12]} of {iso(self.taken_at)}: {held}; accounts: {named}"


def import_files(lake: Lake, paths: Sequence[str | Path], taken_at: datetime | None = None) -> Imported:
    """Stores the items of all files as one snapshot, taken at `taken_at`, else the files' own date, else now.

    Raises UsageError for a missing file, SnapshotError for one that is none of the known documents; then nothing
    is stored.
    """
    documents = [read(_existing(path)) for path in paths]
    items = _unique(_owned(documents))
    notes = []
    if any(each.truncated for each in documents) and not any(each.complete for each in documents):
        notes.append("the files say that more pages follow; import all pages at once, or principals are missing")
    if not items:
        raise SnapshotError(", ".join(map(str, paths)), "holds no user, role, group, policy or credential", "check it")
    dated = taken_at or max((each.dated for each in documents if each.dated), default=None)
    snapshot_id = _identity(items, dated)
    moment = dated or datetime.now(UTC)
    kinds: dict[str, int] = {}
    for item in items:
        kinds[item.kind] = kinds.get(item.kind, 0) + 1
    accounts = sorted({item.account_id for item in items if item.account_id})
    known = append_snapshot(lake, snapshot_id, _rows(items, snapshot_id, moment))
    return Imported(snapshot_id, known or moment, known is None, kinds, accounts, notes)


def _existing(path: str | Path) -> Path:
    found = Path(path).expanduser()
    if not found.exists():
        raise UsageError(path, "no such file", "name a saved IAM document")
    if found.is_dir():
        raise UsageError(path, "is a folder", "name the files in it")
    return found


def _owned(documents: list[Document]) -> list[Item]:
    """All items; AWS's own managed policies, whose ARNs name no account, belong to the account they came with."""
    every = {item.account_id for each in documents for item in each.items if item.account_id}
    owned = []
    for document in documents:
        accounts = {item.account_id for item in document.items if item.account_id} or every
        account = accounts.pop() if len(accounts) == 1 else None
        for item in document.items:
            fits = item.kind == "policy" and item.account_id is None
            owned.append(replace(item, account_id=account) if fits else item)
    return owned


def _unique(items: list[Item]) -> list[Item]:
    """Items without those that several pages or files give alike; AWS's managed policies come with several pages."""
    return list({(item.kind, item.account_id, item.arn, item.name, _json(item.item)): item for item in items}.values())


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _identity(items: list[Item], dated: datetime | None) -> str:
    """The hash of a snapshot's content; its date is part of it where the files or the caller give one."""
    lines = sorted(_json([item.kind, item.arn, item.name, item.item]) for item in items)
    digest = hashlib.sha256((dated.isoformat() if dated else "").encode())
    for line in lines:
        digest.update(b"\n" + line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _rows(items: list[Item], snapshot_id: str, taken_at: datetime) -> pa.Table:
    now = datetime.now(UTC)
    columns: dict[str, list[Any]] = {
        "snapshot_id": [snapshot_id] * len(items),
        "taken_at": [taken_at] * len(items),
        "account_id": [item.account_id for item in items],
        "kind": [item.kind for item in items],
        "arn": [item.arn for item in items],
        "name": [item.name for item in items],
        "item": [_json(item.item).encode("utf-8", "replace").decode() for item in items],
        "source_object": [item.source for item in items],
        "imported_at": [now] * len(items),
    }
    return pa.table(columns, schema=IAM_SNAPSHOTS)


@dataclass(frozen=True)
class Snapshot:
    """The newest known state: items of AWS's own shape by kind, each with the account it was seen in."""

    taken_at: datetime
    items: dict[str, list[dict[str, Any]]]
    dated: dict[str, datetime]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Items of one kind; each carries `account_id` beside AWS's members."""
        return self.items.get(kind, [])


_LATEST = """
with family as (
    select *,
        case kind when 'credential' then 'credentials'
            when 'scp' then 'organization' when 'rcp' then 'organization' else 'details' end as family
    from lake.iam_snapshots
    where taken_at <= coalesce($at::timestamptz, 'infinity'::timestamptz)
),
newest as (
    select family, account_id, arg_max(snapshot_id, (taken_at, imported_at)) as snapshot_id
    from family
    group by family, account_id
)
select f.kind, f.account_id, f.arn, f.name, f.item, f.taken_at, f.family
from family as f
join newest as n on n.family = f.family and n.snapshot_id = f.snapshot_id
    and n.account_id is not distinct from f.account_id
order by f.kind, f.arn, f.name, f.taken_at
"""


def latest(engine: Engine, at: datetime | None = None) -> Snapshot:
    """The newest state (at or before `at`), each account's families from the newest snapshot that has them.

    Raises NoDataError where the lake holds no snapshot.
    """
    rows = engine.query(_LATEST, {"at": at}).to_pylist()
    if not rows:
        raise NoDataError("iam_snapshots", "the lake holds no IAM snapshot", "run trailsift iam import FILE…")
    items: dict[str, list[dict[str, Any]]] = {}
    dated: dict[str, datetime] = {}
    for row in rows:
        items.setdefault(row["kind"], []).append({**json.loads(row["item"]), "account_id": row["account_id"]})
        dated[row["family"]] = max(dated.get(row["family"], row["taken_at"]), row["taken_at"])
    return Snapshot(dated.get("details", rows[0]["taken_at"]), items, dated)
