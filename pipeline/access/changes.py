"""What changed between two states of IAM: things added, removed and changed, and the actions that brings or takes.

What is only activity (when a role or key was last used) or a count of something else is no change. An account of
which one of the states holds nothing of a kind of document is not compared: what was never asked for is not removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from pipeline.access.documents import FAMILIES
from pipeline.access.effective import actions
from pipeline.access.folded import which
from pipeline.access.snapshots import Engine, Snapshot, latest
from pipeline.access.world import World
from pipeline.errors import NoDataError, UsageError
from pipeline.iam.catalogue import Catalogue
from pipeline.times import iso

ADDED, REMOVED, CHANGED, REPLACED = "added", "removed", "changed", "replaced"
_COMPARED = ("details", "credentials", "organization", "settings", "mfa", "trails")
# Activity and counts, by kind of thing; in credential reports all that ends so.
_PASSING = {
    "role": {"RoleLastUsed"},
    "user": {"PasswordLastUsed"},
    "policy": {"AttachmentCount", "PermissionsBoundaryUsageCount", "UpdateDate"},
}
_ACTIVITY = ("_last_used", "_last_used_date", "_last_used_region", "_last_used_service")
# Lists whose members have a name, by which they are told apart.
_NAMED = ("PolicyName", "PolicyArn", "VersionId", "Key", "TargetId", "RoleName", "InstanceProfileName")
_IDS = ("RoleId", "UserId", "GroupId", "PolicyId")
COLUMNS = ("change", "kind", "name", "arn", "account_id", "detail", "gained", "lost")


@dataclass
class Report:
    """The rows of COLUMNS, the two times, and what could not be compared."""

    rows: pa.Table
    before: datetime
    after: datetime
    notes: list[str] = field(default_factory=list)


_TIMES = """
select distinct taken_at
from lake.iam_snapshots
where taken_at <= coalesce($at::timestamptz, 'infinity'::timestamptz)
order by taken_at desc
limit 2
"""


def changes(engine: Engine, catalogue: Catalogue, since: datetime | None, until: datetime | None) -> Report:
    """Differences between the states at `since` and `until`; by default the last two times of which there is one.

    Raises NoDataError where the lake holds fewer than two states, UsageError where the times are of one state.
    """
    known = [row["taken_at"] for row in engine.query(_TIMES, {"at": until}).to_pylist()]
    if since is None and len(known) < 2:
        raise NoDataError("iam_snapshots", "there is no earlier IAM snapshot to compare with", "import or collect one")
    before = latest(engine, since or known[1])
    after = latest(engine, until)
    if before.taken_at == after.taken_at and before.items == after.items:
        raise UsageError(
            "iam changes", f"both times are of the state of {iso(after.taken_at)}", "name times further apart"
        )
    notes: list[str] = []
    rows = list(_rows(before, after, notes))
    _actions(rows, World(before, catalogue), World(after, catalogue))
    lists = dict.fromkeys(("gained", "lost"), pa.list_(pa.string()))
    schema = pa.schema([(name, lists.get(name, pa.string())) for name in COLUMNS])
    return Report(pa.Table.from_pylist(rows, schema), max(before.dated.values()), max(after.dated.values()), notes)


def shown(rows: pa.Table) -> pa.Table:
    """The rows for eyes: actions by number and name, or by service where they are many."""
    for name in ("gained", "lost"):
        texts = [f"{len(each):,}: {which(each)}" if each else "" for each in rows[name].to_pylist()]
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(texts, pa.string()))
    return rows.select(
        [name for name in COLUMNS if name != "arn" and (name == "change" or any(rows[name].to_pylist()))]
    )


Key = tuple[str, str, str]


def _rows(before: Snapshot, after: Snapshot, notes: list[str]) -> Iterator[dict[str, Any]]:
    for family in _COMPARED:
        old, new = (_things(state, FAMILIES[family]) for state in (before, after))
        accounts = _accounts(before, family, old), _accounts(after, family, new)
        for account in sorted(accounts[0] ^ accounts[1]):
            side = "later" if account in accounts[0] else "earlier"
            notes.append(f"{family} of account {account or '(none named)'}: not in the {side} state, so not compared")
        shared = accounts[0] & accounts[1]
        for key in sorted(key for key in {*old, *new} if key[0] in shared):
            yield from _row(key, old.get(key), new.get(key))


def _accounts(state: Snapshot, family: str, things: dict[Key, Any]) -> set[str]:
    """Accounts of which the state tells all of a family, be it that there is nothing."""
    asked = {account or "" for (name, account), how in state.states.items() if name == family and how == "complete"}
    return {key[0] for key in things} | asked


def _things(state: Snapshot, kinds: tuple[str, ...]) -> dict[Key, dict[str, Any]]:
    """Items by account, kind and what names them."""
    return {(each["account_id"] or "", kind, _title(kind, each)): each for kind in kinds for each in state.of(kind)}


def _title(kind: str, item: dict[str, Any]) -> str:
    for name in ("Arn", "arn", "TrailARN", "SerialNumber", "Id", "name", "user"):
        if isinstance(item.get(name), str):
            return str(item[name])
    return kind


def _row(key: Key, old: dict[str, Any] | None, new: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    account, kind, title = key
    made: dict[str, Any] = {
        "kind": kind,
        "account_id": account or None,
        "arn": title if title.startswith("arn:") else None,
    }
    made |= {"name": title.rpartition("/")[2].rpartition(":")[2], "gained": [], "lost": []}
    if old is None or new is None:
        yield made | {"change": ADDED if old is None else REMOVED, "detail": ""}
        return
    parts = list(_differences(kind, old, new))
    again = any(old.get(name) != new.get(name) for name in _IDS)
    if parts:
        yield made | {"change": REPLACED if again else CHANGED, "detail": "; ".join(parts)}


def _differences(kind: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """The members that differ, those of named lists one by one."""
    passing = _PASSING.get(kind, set())
    for name in sorted({*old, *new} - passing):
        one, other = old.get(name), new.get(name)
        if one == other or (kind == "credential" and name.endswith(_ACTIVITY)):
            continue
        if isinstance(one or [], list) and isinstance(other or [], list):
            yield from _listed(name, one or [], other or [])
        else:
            yield f"{name} {'set' if one is None else 'gone' if other is None else 'changed'}{_values(one, other)}"


def _values(one: Any, other: Any) -> str:
    """The two values where both are short."""
    plain = [each for each in (one, other) if isinstance(each, str | int | bool)]
    return f": {one} → {other}" if len(plain) == 2 and all(len(str(each)) <= 64 for each in plain) else ""


def _listed(name: str, one: list[Any], other: list[Any]) -> Iterator[str]:
    old, new = _by_name(one), _by_name(other)
    for each in sorted({*old, *new}):
        if each not in old:
            yield f"{name} + {each}"
        elif each not in new:
            yield f"{name} - {each}"
        elif old[each] != new[each]:
            yield f"{name} ~ {each}"


def _by_name(listed: list[Any]) -> dict[str, Any]:
    found = {}
    for each in listed:
        named = next((each[name] for name in _NAMED if name in each), None) if isinstance(each, dict) else None
        found[str(named) if named is not None else each if isinstance(each, str) else json.dumps(each)] = each
    return found


def _actions(rows: list[dict[str, Any]], before: World, after: World) -> None:
    """Adds to users and roles what they may do since, and no longer; to rows of their own where only a policy,
    group or SCP of theirs changed."""
    told = {row["arn"]: row for row in rows if row["kind"] in ("user", "role")}
    for arn in sorted({*before.principals, *after.principals}):
        old, new = (_allowed(world, arn) for world in (before, after))
        if old == new:
            continue
        row = told.get(arn)
        if row is None:
            if not (arn in before.principals and arn in after.principals):
                continue  # of an account that only one state holds
            who = after.principals[arn]
            row = {"change": CHANGED, "kind": who.kind, "name": who.name, "arn": arn, "account_id": who.account_id}
            row["detail"] = "by a policy, group or SCP of it"
            rows.append(row)
        row["gained"], row["lost"] = after.catalogue.names(new & ~old), after.catalogue.names(old & ~new)


def _allowed(world: World, arn: str) -> int:
    """Actions the principal is allowed, on condition or not; none where it is not there."""
    who = world.principals.get(arn)
    if who is None:
        return 0
    sure, maybe = actions(world.effective.of(who))
    return sure | maybe
