"""The report of unused permissions: one row a principal × action × granting scope, with verdict and reason.

A snapshot of 200 administrators is four million rows, so columns are built as arrays of codes into small
dictionaries, principal by principal, and stay Arrow all the way out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.access import used
from pipeline.access.exclusions import Exclusions, covered
from pipeline.access.granted import Grant, Principal, grants
from pipeline.access.ground import survey
from pipeline.access.verdicts import BLIND, USED, Judge, mask
from pipeline.assurance.coverage import gaps
from pipeline.engines.duckdb import Engine
from pipeline.errors import UsageError
from pipeline.times import iso

COLUMNS = (
    *("principal_arn", "service", "action", "resource_scope", "verdict", "reason"),
    *("first_used", "last_used", "count", "granted_by", "window_start", "window_end", "excluded"),
)
_TEXTS = ("principal_arn", "service", "action", "resource_scope", "verdict", "reason", "granted_by", "excluded")
_TIME = pa.timestamp("us", tz="UTC")
_NEVER = np.datetime64("NaT", "us")


@dataclass
class Report:
    """The rows, what they rest on, and what a reader must be told beside them."""

    rows: pa.Table
    start: datetime
    end: datetime
    snapshot: datetime
    catalogue: str
    notes: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def verdicts(self) -> dict[str, int]:
        """Rows by verdict."""
        counted = self.rows["verdict"].value_counts().to_pylist()
        return {each["values"]: each["counts"] for each in counted}


class _Words:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def array(self) -> pa.Array:
        return pa.array(list(self.numbers), pa.string())


class Rows:
    """Collects columns of codes; `table()` makes them one Arrow table of COLUMNS."""

    def __init__(self) -> None:
        self.words = {name: _Words() for name in _TEXTS}
        self.parts: dict[str, list[npt.NDArray[np.generic]]] = {
            name: [] for name in (*_TEXTS, "first_used", "last_used", "count")
        }

    def add(self, size: int, **columns: npt.NDArray[np.generic] | str) -> None:
        """Appends `size` rows; a text stands for a column of it, an array of a text column holds its numbers."""
        for name, part in self.parts.items():
            value = columns[name]
            if isinstance(value, str):
                value = np.full(size, self.words[name].number(value), np.int32)
            part.append(value)

    def numbers(self, name: str, texts: Iterable[str]) -> npt.NDArray[np.int32]:
        """The numbers of some texts in one text column."""
        return np.array([self.words[name].number(text) for text in texts], np.int32)

    def table(self, start: datetime, end: datetime) -> pa.Table:
        """All rows so far, texts as dictionaries."""
        size = sum(len(part) for part in self.parts["count"])
        columns: dict[str, pa.Array] = {}
        for name in (*COLUMNS[:10], "excluded"):
            joined = np.concatenate(self.parts[name]) if self.parts[name] else np.zeros(0, np.int32)
            if name in _TEXTS:
                columns[name] = pa.DictionaryArray.from_arrays(pa.array(joined, pa.int32()), self.words[name].array())
            elif name == "count":
                columns[name] = pa.array(joined, pa.int64())
            else:
                columns[name] = pa.array(joined.astype("datetime64[us]"), pa.timestamp("us")).cast(_TIME)
        for name, moment in (("window_start", start), ("window_end", end)):
            columns[name] = pa.repeat(pa.scalar(moment, _TIME), size)
        return pa.table({name: columns[name] for name in COLUMNS})


def unused(
    engine: Engine,
    start: datetime,
    end: datetime,
    arn: str | None = None,
    used_too: bool = False,
    excluded: Exclusions | None = None,
    grace: timedelta | None = None,
) -> Report:
    """Verdicts of every principal of the newest snapshot, or of one, over the window [start, end].

    `grace` is how old a permission must be to be called unused; None: as old as the window.
    Rows that are `used`, or covered by an exclusion, are left out unless `used_too`. Service-linked roles, whose
    policies nobody can change, are left out unless named. Raises NoDataError without a snapshot, UsageError for an
    ARN it does not hold.
    """
    ground = survey(engine, start, end, excluded, grace)
    chosen, notes = _choose(ground.library.principals(), arn)
    rows, shared = Rows(), _Shared(excluded, used_too)
    for principal in chosen:
        _principal_rows(rows, ground.judge(principal), shared)
    notes += _missing(chosen) + shared.notes()
    if not start <= ground.snapshot.taken_at <= end + timedelta(days=1):
        taken = iso(ground.snapshot.taken_at)
        notes.append(f"the IAM snapshot is of {taken}, outside the window: grants may have changed since")
    lacking = gaps(ground.covered, start, end, {principal.account_id for principal in chosen})
    version = ground.observe.catalogue.version
    return Report(rows.table(start, end), start, end, ground.snapshot.taken_at, version, notes, lacking)


def _choose(principals: list[Principal], arn: str | None) -> tuple[list[Principal], list[str]]:
    if arn:
        named = [each for each in principals if each.arn == arn]
        if not named:
            raise UsageError(arn, "the newest IAM snapshot has no such user or role", "check trailsift iam import")
        return named, []
    chosen = [each for each in principals if not each.service_linked]
    left = len(principals) - len(chosen)
    note = f"{left:,} service-linked roles left out: AWS owns their policies (name one by its ARN to see it)"
    return chosen, [note] if left else []


def _missing(principals: list[Principal]) -> list[str]:
    """One line for what the snapshot mentions and does not hold; grants through it are unknown."""
    found = sorted({each for principal in principals for each in principal.missing})
    if not found:
        return []
    listed = ", ".join(found[:3]) + (f" and {len(found) - 3:,} more" if len(found) > 3 else "")
    return [f"the snapshot lacks {listed}: what they grant or limit is not in this report"]


class _Shared:
    """What every principal's rows share: what is asked for, and the catalogue's numbers in the report's columns."""

    def __init__(self, excluded: Exclusions | None, used_too: bool) -> None:
        self.excluded, self.used_too = excluded, used_too
        self.left_out: Counter[str] = Counter()
        self.actions: npt.NDArray[np.int32] | None = None
        self.services: npt.NDArray[np.int32] | None = None

    def numbers(self, rows: Rows, names: tuple[str, ...]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        if self.actions is None or self.services is None:
            self.actions = rows.numbers("action", names)
            self.services = rows.numbers("service", (name.partition(":")[0] for name in names))
        return self.actions, self.services

    def notes(self) -> list[str]:
        """What exclusions left out, and which have ended."""
        told = [f"{count:,} permissions left out: {text}" for text, count in sorted(self.left_out.items()) if count]
        return told + (self.excluded.notes() if self.excluded else [])


def _principal_rows(rows: Rows, judge: Judge, shared: _Shared) -> None:
    """All rows of one principal, by scope."""
    exclusions = shared.excluded.of(judge.principal) if shared.excluded else []
    by_scope: dict[str, list[Grant]] = {}
    for grant in grants(judge.principal, judge.catalogue, judge.context.new_since):
        by_scope.setdefault(grant.scope, []).append(grant)
    for scope in sorted(by_scope):
        kept_for = covered(exclusions, by_scope[scope], judge.catalogue)
        _scope_rows(rows, judge, shared, by_scope[scope], kept_for)
        _unknown_rows(rows, judge, by_scope[scope])


def _scope_rows(rows: Rows, judge: Judge, shared: _Shared, scope: list[Grant], kept_for: list[tuple[int, str]]) -> None:
    granted = 0
    for grant in scope:
        granted |= grant.bits
    judged = judge.judge(scope)
    told = np.array([shared.used_too or verdict != USED for verdict, _ in judged.reasons], np.bool_)[judged.codes]
    told &= mask(granted, judge.size)
    excluded = np.full(judge.size, rows.words["excluded"].number(""), np.int32)
    for bits, text in kept_for:
        shared.left_out[text] += 0 if shared.used_too else int(np.count_nonzero(told & mask(bits, judge.size)))
        excluded[mask(bits, judge.size)] = rows.words["excluded"].number(text)
        told &= shared.used_too | ~mask(bits, judge.size)
    places = np.flatnonzero(told)
    if not len(places):
        return
    actions, services = shared.numbers(rows, judge.catalogue.actions)
    codes = judged.codes[places]
    verdicts = rows.numbers("verdict", (verdict for verdict, _ in judged.reasons))
    reasons = rows.numbers("reason", (reason for _, reason in judged.reasons))
    first, last, count = _uses(judged.uses, places)
    rows.add(
        len(places),
        principal_arn=judge.principal.arn,
        service=services[places],
        action=actions[places],
        resource_scope=scope[0].scope,
        verdict=verdicts[codes],
        reason=reasons[codes],
        first_used=first,
        last_used=last,
        count=count,
        granted_by=_granted_by(rows, scope, places, judge.size),
        excluded=excluded[places],
    )


def _uses(
    uses: dict[int, used.Use], places: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic], npt.NDArray[np.generic]]:
    """First and last use and the count of calls that were not denied, for each place."""
    first = np.full(len(places), _NEVER)
    last = np.full(len(places), _NEVER)
    count = np.zeros(len(places), np.int64)
    for place, use in uses.items():
        at = int(np.searchsorted(places, place))
        if at < len(places) and places[at] == place and (use.ok or use.error):
            first[at] = np.datetime64(use.first.replace(tzinfo=None), "us") if use.first else _NEVER
            last[at] = np.datetime64(use.last.replace(tzinfo=None), "us") if use.last else _NEVER
            count[at] = use.ok + use.error
    return first, last, count


def _granted_by(rows: Rows, scope: list[Grant], places: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.int32]:
    """The number of the text that lists the policies granting each action; few combinations, so each is made once."""
    combination = np.zeros(len(places), np.int64)
    texts: list[tuple[str, ...]] = [()]
    for grant in scope:
        grants_it = mask(grant.bits, size)[places]
        pairs = combination * 2 + grants_it
        known, combination = np.unique(pairs, return_inverse=True)
        texts = [(*texts[pair // 2], grant.by) if pair % 2 else texts[pair // 2] for pair in known.tolist()]
    numbers = rows.numbers("granted_by", ("; ".join(dict.fromkeys(each)) for each in texts))
    return numbers[combination]


def _unknown_rows(rows: Rows, judge: Judge, scope: list[Grant]) -> None:
    """Rows for patterns that name nothing in the catalogue: what they grant cannot be known."""
    by: dict[str, list[str]] = {}
    for grant in scope:
        for pattern in grant.unknown:
            by.setdefault(pattern, []).append(grant.by)
    for pattern, policies in sorted(by.items()):
        text = f"unknown action: {judge.catalogue.version} knows none of this name"
        rows.add(
            1,
            principal_arn=judge.principal.arn,
            service=pattern.partition(":")[0].lower(),
            action=pattern,
            resource_scope=scope[0].scope,
            verdict=BLIND,
            reason=text,
            first_used=np.array([_NEVER]),
            last_used=np.array([_NEVER]),
            count=np.zeros(1, np.int64),
            granted_by="; ".join(dict.fromkeys(policies)),
            excluded="",
        )
