"""IAM as it was at a time: documents into the lake's `iam_snapshots` table, and the newest state out of it.

One import is one snapshot and one commit. Its id is the hash of what it holds, so importing the same files again
changes nothing. A snapshot may hold some families only (`pipeline.access.documents.FAMILIES`), since they come from
different calls; an item of kind `collected` says which it was asked for: the newest state takes each family from the
account's newest snapshot that has it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from pipeline.access.documents import FAMILIES, Item, read
from pipeline.access.documents.owners import gather
from pipeline.errors import NoDataError, SnapshotError, UsageError
from pipeline.lake.snapshots import append_snapshot
from pipeline.records.schema import IAM_SNAPSHOTS
from pipeline.times import iso

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake


class Engine(Protocol):
    """What is needed of an engine: SQL with bound parameters in, Arrow out."""

    def query(self, sql: str, params: dict[str, Any] | None = None) -> pa.Table:
        """Rows of one SELECT."""
        ...


@dataclass
class Imported:
    """What an import did; `new` is false where the lake held this very snapshot before.

    `states` has what each account's families are: {(account, family): complete, refused or partial}. `refused` has a
    line for each item of a collection that cannot be read.
    """

    snapshot_id: str
    taken_at: datetime
    new: bool
    kinds: dict[str, int]
    accounts: list[str]
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    states: dict[tuple[str | None, str], str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The summary as the command prints it."""
        counts = {kind: self.kinds.get(kind, 0) for kinds in FAMILIES.values() for kind in kinds}
        facts = {"snapshot_id": self.snapshot_id, "taken_at": iso(self.taken_at), "new": self.new}
        families = [
            {"account_id": account, "family": family, "state": state}
            for (account, family), state in sorted(self.states.items(), key=lambda each: (each[0][0] or "", each[0][1]))
        ]
        told = {"accounts": self.accounts, "items": sum(counts.values()), **counts}
        return {**facts, **told, "families": families, "refused": len(self.refused)}

    def as_text(self) -> str:
        """One line for a person."""
        held = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.kinds.items())) or "no items"
        verb = "snapshot" if self.new else "already imported: snapshot"
        named = ", ".join(self.accounts) or "none named"
        return f"{verb} {self.snapshot_id[:12]} of {iso(self.taken_at)}: {held}; accounts: {named}"


def import_files(
    lake: Lake, paths: Sequence[str | Path], taken_at: datetime | None = None, account: str | None = None
) -> Imported:
    """Stores the items of all files as one snapshot, taken at `taken_at`, else the files' own date, else now.

    `account` owns what does not say whose it is. Raises UsageError for a missing file, SnapshotError for one that is
    none of the known documents; then nothing is stored.
    """
    documents = [read(_existing(path)) for path in paths]
    gathered = gather(documents, account)
    if not gathered.items:
        raise SnapshotError(", ".join(map(str, paths)), "holds no user, role, group, policy or credential", "check it")
    notes = []
    if gathered.truncated:
        notes.append("the files say that more pages follow; import all pages at once, or principals are missing")
    dated = taken_at or max((each.dated for each in documents if each.dated), default=None)
    items = _unique(gathered.items)
    snapshot_id = _identity(items, dated)
    moment = dated or datetime.now(UTC)
    found = [item for item, _ in items]
    known = append_snapshot(lake, snapshot_id, _rows(items, snapshot_id, moment))
    return Imported(
        snapshot_id,
        known or moment,
        known is None,
        dict(Counter(item.kind for item in found if item.kind != "collected")),
        sorted({item.account_id for item in found if item.account_id}),
        notes,
        gathered.refused,
        {(each.account_id, each.name): each.item["state"] for each in found if each.kind == "collected"},
    )


def _existing(path: str | Path) -> Path:
    found = Path(path).expanduser()
    if not found.exists():
        raise UsageError(path, "no such file", "name a saved IAM document")
    if found.is_dir():
        raise UsageError(path, "is a folder", "name the files in it")
    return found


def _unique(items: list[Item]) -> list[tuple[Item, str]]:
    """Items with their JSON, without those that several pages or files give alike, as AWS's managed policies come."""
    found: dict[tuple[str | None, ...], tuple[Item, str]] = {}
    for item in items:
        try:
            text = _json(item.item)
        except RecursionError:
            raise SnapshotError(item.source, "is nested too deep", "ask AWS for the file again") from None
        found[item.kind, item.account_id, item.arn, item.name, text] = item, text
    return list(found.values())


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _identity(items: list[tuple[Item, str]], dated: datetime | None) -> str:
    """The hash of a snapshot's content; its date is part of it where the files or the caller give one."""
    lines = sorted(f"{_json([item.kind, item.account_id, item.arn, item.name])}{text}" for item, text in items)
    digest = hashlib.sha256((dated.isoformat() if dated else "").encode())
    for line in lines:
        digest.update(b"\n" + line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _rows(items: list[tuple[Item, str]], snapshot_id: str, taken_at: datetime) -> pa.Table:
    now = datetime.now(UTC)
    columns: dict[str, list[Any]] = {
        "snapshot_id": [snapshot_id] * len(items),
        "taken_at": [taken_at] * len(items),
        "account_id": [item.account_id for item, _ in items],
        "kind": [item.kind for item, _ in items],
        "arn": [item.arn for item, _ in items],
        "name": [item.name for item, _ in items],
        "item": [text.encode("utf-8", "replace").decode() for _, text in items],
        "source_object": [item.source for item, _ in items],
        "imported_at": [now] * len(items),
    }
    return pa.table(columns, schema=IAM_SNAPSHOTS)


@dataclass(frozen=True)
class Snapshot:
    """The newest known state: items of AWS's own shape by kind, each with the account it was seen in.

    `dated` says when each family was taken, the newest account's; `states` what `asked` answers.
    """

    taken_at: datetime
    items: dict[str, list[dict[str, Any]]]
    dated: dict[str, datetime]
    states: dict[tuple[str, str | None], str] = field(default_factory=dict)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Items of one kind; each carries `account_id` beside AWS's members."""
        return self.items.get(kind, [])

    def asked(self, family: str, account_id: str | None) -> str | None:
        """Whether the family was asked for in that account, so that no item means that there is none.

        "complete": its items are all there are. "partial": there may be more. "refused": AWS said no whenever it was
        asked. None: no snapshot says. The organization was asked for in its management account.
        """
        return self.states.get((family, account_id))


_FAMILY = " ".join(
    f"when kind in ({', '.join(repr(kind) for kind in kinds)}) then '{family}'" for family, kinds in FAMILIES.items()
)
# A snapshot without a word on a family (those of old say none) counts as whole. One that was refused says nothing.
# One that is partial speaks only for the kinds it has, but for details, whose kinds come in one answer.
_LATEST = f"""
with families as (
    select *,
        case {_FAMILY} else item ->> '$.family' end as family,
        case kind when 'collected' then item ->> '$.state' end as state
    from lake.iam_snapshots
    where taken_at <= coalesce($at::timestamptz, 'infinity'::timestamptz)
),
said as (
    select family, account_id, snapshot_id, max(taken_at) as taken_at, max(imported_at) as imported_at,
        max(state) as state, list(distinct kind) as kinds
    from families
    group by family, account_id, snapshot_id
),
kinds as (
    select distinct family, account_id, kind from families where kind <> 'collected'
),
newest as (
    select k.family, k.account_id, k.kind,
        arg_max(s.snapshot_id, (s.taken_at, s.imported_at, s.snapshot_id)) as snapshot_id
    from kinds as k
    join said as s on s.family = k.family and s.account_id is not distinct from k.account_id
    where coalesce(s.state, 'complete') = 'complete'
        or s.state = 'partial' and (k.family = 'details' or list_contains(s.kinds, k.kind))
    group by k.family, k.account_id, k.kind
    union all
    select family, account_id, 'collected',
        arg_max(snapshot_id, (state is distinct from 'refused', taken_at, imported_at, snapshot_id))
    from said
    group by family, account_id
)
select f.kind, f.account_id, f.arn, f.name, f.item, f.taken_at, f.family
from families as f
join newest as n on n.family = f.family and n.kind = f.kind and n.snapshot_id = f.snapshot_id
    and n.account_id is not distinct from f.account_id
order by f.kind, f.arn, f.name, f.taken_at
"""


def latest(engine: Engine, at: datetime | None = None) -> Snapshot:
    """The newest state (at or before `at`), each account's families from the newest snapshot that has them.

    Raises NoDataError where the lake holds no snapshot.
    """
    rows = engine.query(_LATEST, {"at": at}).to_pylist()
    if not rows:
        remedy = "run trailsift iam collect, or trailsift iam import FILE…"
        raise NoDataError("iam_snapshots", "the lake holds no IAM snapshot", remedy)
    items: dict[str, list[dict[str, Any]]] = {}
    dated: dict[str, datetime] = {}
    states: dict[tuple[str, str | None], str] = {}
    for row in rows:
        item = {**json.loads(row["item"]), "account_id": row["account_id"]}
        items.setdefault(row["kind"], []).append(item)
        if row["kind"] == "collected":
            states[row["family"], row["account_id"]] = item["state"]
        if item.get("state") != "refused" or row["kind"] != "collected":
            dated[row["family"]] = max(dated.get(row["family"], row["taken_at"]), row["taken_at"])
    return Snapshot(dated.get("details", rows[0]["taken_at"]), items, dated, states)
