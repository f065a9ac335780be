"""What has been examined: which batches of events each rule has been asked about.

Batches are committed by several processes at once, so one that was begun earlier may be committed later: no clock
tells what is new. What tells is the batch's id, which every event carries. A rule has seen the batches of the runs in
which it was asked as it is now; one that is new, or whose meaning changed since it was last asked, has seen none.

Rules that are asked together are a pack. Its name says what its files hold, so that it can be looked up before any of
them is parsed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline import __version__
from pipeline.detect.sigma.correlations import RuleSet
from pipeline.detect.sigma.rules import files
from pipeline.detect.sigma.values import FOREIGN, OWN, Placeholders
from pipeline.detect.store.changes import View
from pipeline.engines.duckdb import Engine
from pipeline.errors import LakeError
from pipeline.lake.decided import append_decided
from pipeline.records.schema import EXAMINED

if TYPE_CHECKING:
    from pipeline.lake.tables import Lake


@dataclass(frozen=True)
class Asked:
    """A rule as it is asked now: its path, the key that names it for good, and the hash of what it asks."""

    id: str
    key: str
    hash: str


def asked(rules: RuleSet, placeholders: Placeholders) -> dict[str, Asked]:
    """Every rule of a set that makes findings, by its path.

    The hash is SHA-256 of the rule's document, of the values of the placeholders it names and, for a correlation, of
    the rules it is about; comments and layout of the file do not matter.
    """
    single = {each.about.id: _hash(each.document.values, placeholders) for each in rules.rules}
    found = {each.about.id: (each.about.key, single[each.about.id]) for each in rules.rules if each.shown}
    for each in rules.correlations:
        parts = [single[part] for part in each.parts]
        found[each.about.id] = (each.about.key, _hash([each.document.values, parts], placeholders))
    # Two rules may have been given the same id of Sigma's: their paths tell them apart.
    times = Counter(key for key, _ in found.values())
    return {
        identity: Asked(identity, key if times[key] == 1 else f"{key} {identity}", digest)
        for identity, (key, digest) in found.items()
    }


def _hash(values: Any, placeholders: Placeholders) -> str:
    text = json.dumps(values, sort_keys=True, default=str)
    named = {**placeholders, FOREIGN: placeholders.get(OWN, ())}
    used = {name: each for name, each in named.items() if f"%{name}%" in text}
    return hashlib.sha256(f"{text}\n{json.dumps(used, sort_keys=True)}".encode()).hexdigest()


@dataclass(frozen=True)
class Due:
    """What is left to examine: rules (by path) that have seen nothing as they are now, those that have, and the ids of
    the batches that some of the latter have not seen.

    `batches` are the ids of all that there is to look at for either, `through` the newest `ingested_at` of those.
    """

    fresh: frozenset[str]
    known: frozenset[str]
    unseen: list[str]
    batches: list[str]
    through: datetime | None


@dataclass
class _Pack:
    last: int
    rules: dict[str, str] = field(default_factory=dict)


def named(folder: Path | str, placeholders: Placeholders) -> str:
    """The name of the pack that the rules of a folder (or file) are: a hash of paths, bytes, placeholders and version.

    The same name is the same rules; another may be the same rules too. Raises UsageError where there is no folder.
    """
    base, paths = files(folder)
    digest = hashlib.sha256(json.dumps([__version__, base.name, dict(sorted(placeholders.items()))]).encode())
    for path in paths:
        try:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:  # the rules say so when they are read
            content = str(error)
        digest.update(json.dumps([path.relative_to(base).as_posix(), content]).encode())
    return digest.hexdigest()


def idle(engine: Engine, pack: str) -> frozenset[str] | None:
    """The keys of a pack's rules, if each was last asked as it is in the pack, and about every batch of events.

    None where something is left to ask, or where no such pack was ever asked.
    """
    known = _packs(engine).get(pack)
    if known is None or not known.rules:
        return None
    left = due(engine, [Asked(key, key, digest) for key, digest in known.rules.items()])
    return None if left.fresh or left.batches else frozenset(known.rules)


def due(engine: Engine, rules: Iterable[Asked], again: bool = False) -> Due:
    """What these rules have not been asked about yet; everything, if `again`."""
    packs = {} if again else _packs(engine)
    fresh: set[str] = set()
    seen: dict[frozenset[str], set[str]] = {}
    for each in rules:
        latest = max((pack for pack in packs.values() if each.key in pack.rules), key=lambda p: p.last, default=None)
        if latest is None or latest.rules[each.key] != each.hash:
            fresh.add(each.id)
        else:
            same = frozenset(name for name, pack in packs.items() if pack.rules.get(each.key) == each.hash)
            seen.setdefault(same, set()).add(each.id)
    unseen: dict[str, datetime | None] = {}
    for names in seen:
        unseen |= _unseen(engine, names)
    every = unseen | (_unseen(engine, ()) if fresh else {})
    known = frozenset(each for some in seen.values() for each in some)
    through = max((each for each in every.values() if each), default=None)
    return Due(frozenset(fresh), known, sorted(unseen), sorted(every), through)


def _unseen(engine: Engine, packs: Iterable[str]) -> dict[str, datetime | None]:
    """The batches that none of these packs has been asked about, with the newest `ingested_at` of each."""
    rows = engine.query(_UNSEEN, {"packs": sorted(packs)}, "examined").to_pylist()
    return {each["batch"]: each["through"] for each in rows}


_UNSEEN = """
    select coalesce(batch_id, '') as batch, max(ingested_at) as through
    from lake.events
    where coalesce(batch_id, '') not in (
        select unnest(batches) from lake.examined where pack in (select unnest($packs::varchar[])))
    group by all"""


def _packs(engine: Engine) -> dict[str, _Pack]:
    rows = engine.query("select number, pack, rules, hashes from lake.examined", {}, "examined").to_pylist()
    packs: dict[str, _Pack] = {}
    for each in rows:
        pack = packs.setdefault(each["pack"], _Pack(0))
        pack.last = max(pack.last, each["number"])
        if each["rules"] is not None:
            pack.rules = dict(zip(each["rules"], each["hashes"], strict=True))
    return packs


def remember(lake: Lake, rules: Iterable[Asked], due: Due, view: View, now: datetime, pack: str = "") -> None:
    """Stores that these rules have been asked about what was due.

    `pack` is their name (`named`); without one it is made of what they ask. A name that is new is stored even where
    nothing was due.
    """
    pairs = sorted((each.key, each.hash) for each in rules)
    if not pairs or not (due.batches or pack):
        return
    name = pack or hashlib.sha256(json.dumps(pairs).encode()).hexdigest()

    def row(held: pa.Table) -> pa.Table:
        known = name in held["pack"].to_pylist()
        if known and not due.batches:
            return EXAMINED.empty_table()
        one = {
            "number": max(held["number"].to_pylist(), default=0) + 1,
            "examined_at": now,
            "pack": name,
            "rules": None if known else [key for key, _ in pairs],
            "hashes": None if known else [digest for _, digest in pairs],
            "batches": due.batches,
            "through": due.through,
            "snapshot_id": view.snapshot_id,
            "sequence": view.sequence,
        }
        return pa.Table.from_pylist([one], schema=EXAMINED)

    try:
        append_decided(lake, "examined", row, ["number", "pack"])
    except (OSError, LakeError):
        if due.batches:
            raise  # a name alone is worth no error: without it the rules are read the next time too
