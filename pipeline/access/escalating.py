"""Which principals can come by permissions nobody gave them, by which known ways, and whether they ever did.

The ways are the knowledge of `pipeline.iam.escalation`; what a principal may do is evaluated, boundary and SCPs
included. A way counts where every action of it is allowed on something, `conditional` where one hangs on keys of the
request. Its use is judged by the log: used, unused, or what the log cannot tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.access.effective import ALLOWED, CONDITIONAL, TRUST, Effective, Permission
from pipeline.access.granted import Grant, Principal, grants
from pipeline.access.ground import Ground
from pipeline.access.verdicts import BLIND, LOW, UNUSED, USED, Judge, Judged
from pipeline.iam.catalogue import Catalogue
from pipeline.iam.escalation import Escalation, escalations

_TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("principal_arn", "gain", "how", "decision")],
        *[(name, pa.list_(pa.string())) for name in ("actions", "scopes", "conditions")],
        ("use", pa.string()),
        ("last_used", _TIME),
        *[(name, pa.string()) for name in ("granted_by", "meaning", "source")],
    ]
)
# The weakest use of a way's actions is the use of the way, since it needs all of them.
_ORDER = (UNUSED, LOW, BLIND, USED)


@dataclass(frozen=True)
class _Step:
    """One action of a way, as one principal has it."""

    action: str
    permissions: tuple[Permission, ...]

    @property
    def sure(self) -> bool:
        """Whether it is allowed whatever the request brings; of a role's trust policy the way itself takes care."""
        return any(each.decision == ALLOWED or each.keys == (TRUST,) for each in self.permissions)


def ways(ground: Ground, principals: list[Principal]) -> pa.Table:
    """One row a principal × way, in the order of SCHEMA; ways that only lead to oneself are left out."""
    catalogue = ground.observe.catalogue
    effective = Effective(ground.library, catalogue)
    rows: list[dict[str, Any]] = []
    for principal in principals:
        permissions = effective.of(principal)
        bits = 0
        for each in permissions:
            bits |= each.bits
        found = escalations(bits, catalogue)
        if found:
            uses = _Uses(ground.judge(principal), ground.start)
            made = (_row(principal, way, permissions, catalogue, uses) for way in found)
            rows += [each for each in made if each is not None]
    return pa.Table.from_pylist(rows, SCHEMA)


def _row(
    principal: Principal, way: Escalation, permissions: list[Permission], catalogue: Catalogue, uses: _Uses
) -> dict[str, Any] | None:
    steps = [_step(principal, way, action, permissions, catalogue) for action in way.actions]
    if any(not each.permissions for each in steps):
        return None
    sure = all(each.sure for each in steps)
    keys = {key for step in steps if not step.sure for each in step.permissions for key in each.keys}
    use, last = uses.of([catalogue.index[each.action.lower()] for each in steps])
    scopes = [
        f"{step.action} on {scope}" for step in steps for scope in dict.fromkeys(p.scope for p in step.permissions)
    ]
    return {
        "principal_arn": principal.arn,
        "gain": way.gain,
        "how": way.how,
        "decision": ALLOWED if sure else CONDITIONAL,
        "actions": [each.action for each in steps],
        "scopes": scopes,
        "conditions": sorted(keys - {TRUST}),
        "use": use,
        "last_used": last,
        "granted_by": "; ".join(dict.fromkeys(by for step in steps for p in step.permissions for by in p.granted_by)),
        "meaning": way.meaning,
        "source": way.source,
    }


def _step(
    principal: Principal, way: Escalation, action: str, permissions: list[Permission], catalogue: Catalogue
) -> _Step:
    """The permissions that give an action of a way; one's own credentials lead nowhere new."""
    bit = catalogue.match(action)
    found = tuple(each for each in permissions if each.bits & bit)
    if way.gain == "credentials" and action.startswith("iam:") and principal.kind == "user":
        found = tuple(each for each in found if not _own(each.scope, principal))
    return _Step(catalogue.canonical(action) or action, found)


def _own(scope: str, principal: Principal) -> bool:
    """Whether a scope is the principal itself and nobody else."""
    return all(
        each == principal.arn or each.replace("${aws:username}", principal.name) == principal.arn
        for each in scope.split(", ")
    )


class _Uses:
    """Verdicts on single actions over all scopes that grant them: used on any, else the least sure of `unused`."""

    def __init__(self, judge: Judge, start: datetime) -> None:
        self.judge = judge
        by_scope: dict[str, list[Grant]] = {}
        for grant in grants(judge.principal, judge.catalogue, start):
            by_scope.setdefault(grant.scope, []).append(grant)
        self.scopes: list[tuple[int, Judged]] = []
        for listed in by_scope.values():
            bits = 0
            for each in listed:
                bits |= each.bits
            self.scopes.append((bits, judge.judge(listed)))

    def of(self, places: list[int]) -> tuple[str, datetime | None]:
        """The use of a way that needs the actions at these places, and when its actions were last all used."""
        told = [self._one(place) for place in places]
        verdict = min((each for each, _ in told), key=lambda each: _ORDER.index(each) if each in _ORDER else 0)
        times = [last for _, last in told if last is not None]
        return verdict, min(times) if verdict == USED and times else None

    def _one(self, place: int) -> tuple[str, datetime | None]:
        verdicts = [
            judged.reasons[int(np.int32(judged.codes[place]))][0] for bits, judged in self.scopes if bits >> place & 1
        ]
        use = self.judge.activity.uses.get(place)
        if USED in verdicts:
            return USED, use.last if use else None
        return max(verdicts, key=lambda each: _ORDER.index(each) if each in _ORDER else 0, default=UNUSED), None
