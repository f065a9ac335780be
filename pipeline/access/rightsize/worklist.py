"""Whose permissions to trim first: every principal with what its unused part could do, how sure that is, and the work.

    score = risk × confidence ÷ (1 + effort / 20)

risk (0 to 100) adds three parts: the worst way to more permissions that would be closed, the kinds of sensitive calls
that would go, and how many actions would; the points are data (risk.toml). What a boundary or SCP blocks counts only
among how many: nobody can use it now, and everybody who reads the policy must think of it.
confidence (0 to 1) is the share of unused among all that were not used, times the window's share of 90 days.
effort counts the policies to change: 1 for an own one, 2 to replace one that is shared or AWS's, 3 for a group's, 5
where they are written by a permission set of IAM Identity Center, which reaches everybody it is assigned to.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import pyarrow as pa

from pipeline.access.granted import Principal
from pipeline.access.ground import Ground
from pipeline.access.rightsize.fates import Fates
from pipeline.access.rightsize.holdings import IDENTITY_CENTER, Holders
from pipeline.access.verdicts import BLIND, BLOCKED, DENIED, LOW, UNUSED, USED
from pipeline.iam.catalogue import Catalogue
from pipeline.iam.escalation import Escalation, table

_ENOUGH_DAYS = 90
_TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("principal_arn", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
        ("risk", pa.float64()),
        ("effort", pa.int64()),
        ("confidence", pa.float64()),
        ("unused", pa.int64()),
        ("kept_not_observable", pa.int64()),
        ("in_doubt", pa.int64()),
        ("blocked", pa.int64()),
        ("services_unused", pa.int64()),
        ("risk_escalation", pa.float64()),
        ("risk_access", pa.float64()),
        ("risk_breadth", pa.float64()),
        ("escalations", pa.list_(pa.string())),
        ("sensitive", pa.list_(pa.string())),
        ("policies", pa.list_(pa.string())),
        ("last_used", _TIME),
        ("window_start", _TIME),
        ("window_end", _TIME),
    ]
)
# What a person reads at a glance.
BRIEF = ("rank", "principal_arn", "score", "risk", "effort", "confidence", "unused", "kept_not_observable")
Row = dict[str, Any]


@dataclass(frozen=True)
class Points:
    """risk.toml over a catalogue: each way to more permissions as the sets it needs one of each of, with its points;
    kinds of sensitive calls with theirs."""

    ways: tuple[tuple[Escalation, tuple[int, ...], float], ...]
    kinds: tuple[tuple[str, int, float], ...]
    breadth: float
    services: tuple[int, ...]


@lru_cache(maxsize=4)
def points(catalogue: Catalogue) -> Points:
    """The points of risk.toml, ready to be asked with sets of actions."""
    text = resources.files("pipeline.access.rightsize").joinpath("risk.toml").read_text("utf-8")
    given = tomllib.loads(text)
    worth = given["escalation"]
    ways = tuple((way, tuple(map(catalogue.match, way.actions)), float(worth[way.gain])) for way in table())
    kinds = tuple(
        (kind["name"], catalogue.expand(kind["actions"].split()).bits, float(kind["points"])) for kind in given["kinds"]
    )
    services = tuple(catalogue.match(f"{prefix}:*") for prefix in catalogue.services)
    return Points(ways, kinds, float(given["breadth"]["points"]), services)


def worklist(ground: Ground) -> pa.Table:
    """One row of SCHEMA a principal, the most worthwhile first; service-linked roles, which are AWS's, left out.

    `unused`, `kept_not_observable`, `in_doubt` and `blocked` count permissions: actions × scopes.
    """
    principals = ground.library.principals()
    holders = Holders(ground.library, principals)
    rows = [_row(ground, holders, each) for each in principals if not each.service_linked]
    rows.sort(key=lambda row: (-row["score"], -row["risk"], -row["unused"] - row["blocked"], row["principal_arn"]))
    for rank, row in enumerate(rows, 1):
        row["rank"] = rank
    return pa.Table.from_pylist(rows, SCHEMA)


@dataclass
class _Sums:
    """Sets and counts over all scopes of one principal."""

    before: int = 0
    after: int = 0
    used: int = 0
    unused: int = 0
    blocked: int = 0
    counts: dict[str, int] | None = None


def _row(ground: Ground, holders: Holders, principal: Principal) -> Row:
    fates = Fates(ground, principal)
    sums = _summed(fates)
    counts = sums.counts or {}
    gone = sums.unused & ~sums.after
    found = points(fates.catalogue)
    ways = list(_closed(sums, found))
    kinds = [(name, worth) for name, bits, worth in found.kinds if bits & gone]
    fewer = (sums.unused | sums.blocked) & ~sums.after
    breadth = found.breadth * math.log1p(fewer.bit_count()) / math.log1p(len(fates.catalogue.actions))
    escalation = max((worth for _, worth in ways), default=0.0)
    access = sum(worth for _, worth in kinds)
    risk = escalation + access + breadth
    confidence = _confidence(ground, counts)
    policies, effort = _work(holders, principal, fates)
    days = [use.last for use in fates.judge.activity.uses.values() if use.last]
    return {
        "principal_arn": principal.arn,
        "score": round(risk * confidence / (1 + effort / 20), 1),
        "risk": round(risk, 1),
        "effort": effort,
        "confidence": round(confidence, 2),
        "unused": counts[UNUSED],
        "kept_not_observable": counts[BLIND],
        "in_doubt": counts[LOW] + counts[DENIED],
        "blocked": counts[BLOCKED],
        "services_unused": sum(1 for bits in found.services if bits & gone and not bits & (sums.used | sums.after)),
        "risk_escalation": escalation,
        "risk_access": access,
        "risk_breadth": round(breadth, 1),
        "escalations": [f"{' + '.join(way.actions)}: {way.how}" for way, _ in ways],
        "sensitive": [name for name, _ in kinds],
        "policies": policies,
        "last_used": max(days, default=None),
        "window_start": ground.start,
        "window_end": ground.end,
    }


def _summed(fates: Fates) -> _Sums:
    sums = _Sums(counts=dict.fromkeys((USED, DENIED, UNUSED, LOW, BLIND, BLOCKED), 0))
    assert sums.counts is not None
    for scope in fates.scopes:
        fate = fates.on(scope)
        by = {verdict: fate.bits(verdict) for verdict in sums.counts}
        for verdict, bits in by.items():
            sums.counts[verdict] += bits.bit_count()
        sums.before |= fate.granted & ~by[BLOCKED]
        sums.after |= fate.granted & ~fate.drop
        sums.used |= by[USED]
        sums.unused |= by[UNUSED]
        sums.blocked |= by[BLOCKED]
    return sums


def _closed(sums: _Sums, found: Points) -> Iterator[tuple[Escalation, float]]:
    """Ways to more permissions that are open now and would not be, the worst first."""
    shut = [
        (way, worth)
        for way, needs, worth in found.ways
        if all(need & sums.before for need in needs) and not all(need & sums.after for need in needs)
    ]
    yield from sorted(shut, key=lambda each: -each[1])


def _confidence(ground: Ground, counts: dict[str, int]) -> float:
    sure = counts[UNUSED] + counts[BLOCKED]
    unsure = counts[BLIND] + counts[LOW] + counts[DENIED]
    days = (ground.end - ground.start).total_seconds() / 86400
    return sure / (sure + unsure) * min(1.0, days / _ENOUGH_DAYS) if sure else 0.0


def _work(holders: Holders, principal: Principal, fates: Fates) -> tuple[list[str], int]:
    """The policies that would lose something, in words, and the effort."""
    places, effort = [], 0
    touched = fates.losing()
    identity_center = principal.path.startswith(IDENTITY_CENTER)
    for holding in holders.of(principal):
        if holding.attached.by in touched:
            places.append(holding.place)
            effort += 5 if identity_center else 3 if holding.group else 1 if holding.editable else 2
    return places, effort
