"""What becomes of each granted action: dropped, kept because it is used, or kept because the log cannot tell.

Works on the verdicts of `access.verdicts`, scope by scope, as sets of actions (bits over the catalogue), so that
an administrator's 20,000 actions cost no more than a reader's ten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipeline.access.exclusions import covered
from pipeline.access.granted import Grant, Principal, grants
from pipeline.access.ground import Ground
from pipeline.access.verdicts import BLIND, BLOCKED, DENIED, LOW, UNUSED, USED, Judge, Judged, Mask
from pipeline.iam.catalogue import Catalogue

DROPPED = (UNUSED, BLOCKED)
# What may be taken for unused where the log does not say: services without any observed use; actions that leave no
# event; actions that cannot be shown, on other resources than calls to their service named; whatever was not seen.
SERVICES, EVENTLESS, ELSEWHERE, ALL = "services", "eventless", "elsewhere", "all"
ASSUMPTIONS = (SERVICES, EVENTLESS, ELSEWHERE, ALL)
_VERDICTS = (USED, DENIED, UNUSED, LOW, BLIND, BLOCKED)


@dataclass
class Fate:
    """The verdicts of one scope; `granted` are the actions some statement of the principal allows on it, `kept` those
    of them that an exclusion covers."""

    judged: Judged
    granted: int
    kept: int = 0
    _bits: dict[str, int] = field(default_factory=dict)

    def bits(self, *verdicts: str) -> int:
        """The granted actions of these verdicts."""
        found = 0
        for verdict in verdicts:
            if verdict not in self._bits:
                self._bits[verdict] = to_bits(self._numbers == _VERDICTS.index(verdict)) & self.granted
            found |= self._bits[verdict]
        return found

    @cached_property
    def _numbers(self) -> npt.NDArray[np.uint8]:
        """The verdict of each action, as its place in _VERDICTS."""
        numbers = np.array([_VERDICTS.index(verdict) for verdict, _ in self.judged.reasons], np.uint8)
        return numbers[self.judged.codes]

    @cached_property
    def drop(self) -> int:
        """Actions of no use here: unused where the log would have shown it, or blocked, and answered for by nobody."""
        return self.bits(*DROPPED) & ~self.kept

    @cached_property
    def blind(self) -> int:
        """Actions whose use the log could not have shown."""
        return self.bits(BLIND)

    @cached_property
    def partly(self) -> int:
        """Actions not seen, whose use the log would have shown on some of the scope's resources only."""
        return self.judged.partly & self.bits(LOW)

    @cached_property
    def used(self) -> int:
        """Actions that were used here."""
        return self.bits(USED)

    def told(self, place: int) -> tuple[str, str]:
        """Verdict and reason of the action at a place of the catalogue."""
        return self.judged.reasons[int(self.judged.codes[place])]


def to_bits(flags: Mask) -> int:
    """An array of booleans, one a catalogue action, as a set of actions."""
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


class Fates:
    """The fates of one principal's permissions by scope, each worked out when asked for."""

    def __init__(self, ground: Ground, principal: Principal) -> None:
        self.principal = principal
        self.judge: Judge = ground.judge(principal)
        self.catalogue: Catalogue = ground.observe.catalogue
        self.observe = ground.observe
        self._scopes: dict[str, list[Grant]] = {}
        for grant in grants(principal, self.catalogue, ground.settled):
            self._scopes.setdefault(grant.scope, []).append(grant)
        self._made: dict[str, Fate] = {}
        tried = ground.attempts.get(principal.arn)
        self._accessed = {prefix.lower() for prefix, last in tried.services.items() if last} if tried else set()
        self.exclusions = ground.exclusions.of(principal) if ground.exclusions else []

    @property
    def scopes(self) -> list[str]:
        """The scopes on which something is granted, sorted."""
        return sorted(self._scopes)

    def on(self, scope: str) -> Fate:
        """The fate of the actions of one scope; nothing is granted on a scope the principal does not have."""
        if scope not in self._made:
            scoped = self._scopes.get(scope, [])
            granted = 0
            for grant in scoped:
                granted |= grant.bits
            judged = self.judge.judge(scoped) if scoped else Judged(self.judge.codes, self.judge.reasons)
            kept = 0
            for bits, _ in covered(self.exclusions, scoped, self.catalogue):
                kept |= bits
            self._made[scope] = Fate(judged, granted, kept)
        return self._made[scope]

    def losing(self) -> set[str]:
        """The policies (`Attached.by`) that grant something that is dropped."""
        return {
            grant.by for scope, scoped in self._scopes.items() for grant in scoped if grant.bits & self.on(scope).drop
        }

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Prefixes of services of which the principal's log holds events that map to no catalogued action."""
        return tuple(sorted(self.judge.activity.unmapped))

    @cached_property
    def idle(self) -> int:
        """Every action of the services that the principal showed no use of, neither in the log nor by last access.

        A denied call or an unmapped event is no sign of being idle: somebody wants that service.
        """
        busy = set(self.unmapped) | self._accessed
        busy |= {self.catalogue.actions[place].partition(":")[0] for place in self.judge.activity.uses}
        bits = self.catalogue.everything
        for prefix in busy:
            bits &= ~self.catalogue.match(f"{prefix}:*")
        return bits

    @cached_property
    def eventless(self) -> int:
        """Actions that leave no event of their own, less those that calls seen may have needed beside their own.

        Passing a role is not among them: other calls' events show it.
        """
        bits = 0
        for place in self.observe.silent:
            bits |= 1 << place
        for place, use in self.judge.activity.uses.items():
            for need in self.catalogue.dependents.get(place, ()) if use.ok or use.error else ():
                bits &= ~self.catalogue.match(need)
        return bits & ~self.catalogue.match("iam:PassRole")

    def assumed(self, scope: str, assume: frozenset[str]) -> int:
        """Actions of a scope that are taken for unused by these of ASSUMPTIONS, though the log does not say so."""
        fate, gone = self.on(scope), 0
        if SERVICES in assume:
            gone |= (fate.blind | fate.partly) & self.idle
        if EVENTLESS in assume:
            gone |= fate.blind & self.eventless
        if ALL in assume:
            gone |= fate.bits(BLIND, LOW)
        return gone & ~fate.kept
