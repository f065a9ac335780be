"""A verdict for every granted action of one principal, with the reason in words.

Never `unused` where the log could not have shown the use. Verdicts are laid over each other from the weakest
reason to the strongest, over all of the catalogue's actions at once; used and denied actions, of which there are
few, come last. Rules: the design's section 6; facts/iam.md, "Usage semantics".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pipeline.access.attempts import Attempts
from pipeline.access.granted import Block, Grant, Principal
from pipeline.access.selectors import Selected
from pipeline.access.used import Activity, Seen, Use, reaches
from pipeline.assurance.coverage import GLOBAL_SERVICES, Coverage
from pipeline.iam.observable import DataEvents, Observability

USED, DENIED, UNUSED, LOW, BLIND, BLOCKED = (
    "used",
    "denied_only",
    "unused",
    "unused_low_confidence",
    "not_observable",
    "blocked",
)
Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
# Last-accessed data lags by hours, and is asked for now and then.
_LAG = timedelta(days=2)
# A trail can leave these two out of its management events ("Logging management events", CloudTrail guide).
_EXCLUDABLE = {"kms": "kms.amazonaws.com", "rds-data": "rdsdata.amazonaws.com"}


@dataclass(frozen=True)
class Context:
    """What all principals of an account are judged by; `attempts` is IAM's record of this one, and
    `selected` what the account's trails are known to record; what came
    after `settled` (or `start`) is new."""

    observe: Observability
    coverage: Coverage
    seen: Seen
    start: datetime
    end: datetime
    attempts: Attempts | None = None
    selected: Selected | None = None
    settled: datetime | None = None

    @property
    def new_since(self) -> datetime:
        """What was granted or made after this is too new to be called unused."""
        return self.settled or self.start


@dataclass
class Judged:
    """One scope's verdicts: `reasons[codes[i]]` is (verdict, reason) of the action at place i of the catalogue.

    `partly` are actions whose data events are known to be logged for some of the scope's resources only.
    """

    codes: Codes
    reasons: list[tuple[str, str]]
    uses: dict[int, Use] = field(default_factory=dict)
    partly: int = 0


@lru_cache(maxsize=1024)
def mask(bits: int, size: int) -> Mask:
    """A set of actions as a read-only array of booleans, one a catalogue action."""
    raw = np.frombuffer(bits.to_bytes((size + 7) // 8, "little"), np.uint8)
    found = np.unpackbits(raw, bitorder="little", count=size).astype(np.bool_)
    found.setflags(write=False)
    return found


class Judge:
    """Judges one principal; what does not depend on the scope of a grant is worked out once."""

    def __init__(self, principal: Principal, activity: Activity, blocked: list[Block], context: Context) -> None:
        self.principal, self.activity, self.blocked, self.context = principal, activity, blocked, context
        self.catalogue = context.observe.catalogue
        self.size = len(self.catalogue.actions)
        self.codes: Codes = np.zeros(self.size, np.int32)
        self.reasons: list[tuple[str, str]] = [self._base()]
        self._observability()
        self.strong: Codes = np.zeros(self.size, np.int32)
        self._blocks()

    def judge(self, scope: list[Grant]) -> Judged:
        """Verdicts for grants of one scope; actions they do not grant carry codes of no meaning."""
        codes, reasons = self.codes.copy(), list(self.reasons)
        weak = _Layer(codes, reasons, self.size)
        partly = self._data_events(weak, scope)
        self._selected(weak, scope)
        self._fresh(weak, scope)
        self._attempts(weak)
        codes = np.where(self.strong > 0, self.strong, codes)
        uses: dict[int, Use] = {}
        for place, use in self.activity.uses.items():
            on_scope = any(reaches(each.resources, each.not_resource, use.touched) for each in scope)
            self._one(codes, reasons, place, use, on_scope, uses)
        return Judged(codes, reasons, uses, partly)

    def _base(self) -> tuple[str, str]:
        context = self.context
        doubt = context.coverage.doubt(context.start, context.end)
        if doubt:
            return LOW, f"{doubt}; no call was seen"
        created = self.principal.created
        if created and created > context.new_since:
            made = f"the {self.principal.kind} was made on {created:%Y-%m-%d}"
            return LOW, f"newer than the {self._measure}: {made}; no call was seen"
        return UNUSED, "no call in the window, and the log records this action"

    @property
    def _measure(self) -> str:
        """By what something is new, in words."""
        return "window" if self.context.new_since == self.context.start else "grace"

    def _set(self, bits: int, verdict: str, reason: str, codes: Codes | None = None) -> None:
        """Lays one verdict over the actions of a set."""
        target = self.codes if codes is None else codes
        self.reasons.append((verdict, reason))
        target[mask(bits, self.size)] = len(self.reasons) - 1

    def _observability(self) -> None:
        """What the log could not have shown of this account, whatever the scope; weakest reason first."""
        context, every = self.context, self.catalogue.everything
        self._maybe_needed()
        for prefix, event in self.activity.unmapped.items():
            text = f"unmapped events in that service: {event} of this principal maps to no catalogued action"
            self._set(self.catalogue.match(f"{prefix}:*"), BLIND, text)
        if not context.coverage.global_region:
            for prefix in GLOBAL_SERVICES:
                text = f"region missing: {prefix} is logged in us-east-1, which delivered nothing for this account"
                self._set(self.catalogue.match(f"{prefix}:*"), BLIND, text)
        for prefix, source in _EXCLUDABLE.items():
            if source not in context.seen.sources and not self._recorded(source):
                text = f"source excluded: no event of {source} was ever seen; the trail may leave it out"
                self._set(self.catalogue.match(f"{prefix}:*"), BLIND, text)
        reading, writing = _classes(context.observe)
        if not context.seen.read:
            self._set(reading, BLIND, "read events off: the log holds no read-only management event of this account")
        if not context.seen.write:
            self._set(writing, BLIND, "write events off: the log holds no write management event of this account")
        if not context.seen.read and not context.seen.write and not context.seen.data:
            self._set(every, BLIND, f"account missing: the log holds no event of account {self.principal.account_id}")
        for kind in context.observe.data_events:
            classes = context.seen.data_classes.get(kind.resource_type, set())
            for reads, bits, name in ((True, reading, "read"), (False, writing, "write")):
                if reads not in classes and kind.bits & bits:
                    text = f"data events off: no {name} event of {kind.resource_type} was ever seen for this account"
                    self._set(kind.bits & bits, BLIND, f"{text}; a trail must select them")
        for reason, bits in _silent(context.observe).items():
            self._set(bits & ~context.seen.actions, BLIND, f"no such event exists: {reason}")

    def _maybe_needed(self) -> None:
        """Actions that the reference lists as needed by calls that were seen: their absence proves less."""
        for place, use in self.activity.uses.items():
            if use.ok or use.error:
                bits = 0
                for need in self.catalogue.dependents.get(place, ()):
                    bits |= self.catalogue.match(need)
                if bits:
                    text = f"{self.catalogue.actions[place]}, which was called, may need it too; no event of its own"
                    self._set(bits, LOW, text)

    def _blocks(self) -> None:
        for block in reversed(self.blocked):
            self._set(block.bits, BLOCKED, f"{block.reason}; the grant has no effect", self.strong)

    def _fresh(self, layer: _Layer, scope: list[Grant]) -> None:
        old = 0
        for grant in scope:
            old |= grant.bits & ~grant.fresh
        for grant in scope:
            if grant.fresh and grant.fresh_since:
                given = f"{grant.by} grants it since {grant.fresh_since:%Y-%m-%d}"
                layer.lower(grant.fresh & ~old, f"newer than the {self._measure}: {given}; no call was seen")

    def _data_events(self, layer: _Layer, scope: list[Grant]) -> int:
        """Data events are selected by bucket, table or function: only those seen can vouch for an absence.

        Returns the actions of kinds that were seen for others of the scope's resources, or for some of them.
        """
        granted = partly = 0
        for grant in scope:
            granted |= grant.bits
        for kind in self.context.observe.data_events:
            seen = self.context.seen.data.get(kind.resource_type)
            if seen is None or not kind.member or not kind.bits & granted:
                continue
            known, named = _named(kind, scope[0], seen)
            if named and not known:
                layer.blind(kind.bits, f"data events off: none was ever seen for {', '.join(sorted(named)[:3])}")
            elif not named or named - known:
                listed = ", ".join(sorted(seen)[:3]) or "some resources"
                text = f"data events were seen for {listed} only; other resources of this scope may not be logged"
                layer.lower(kind.bits, f"{text}; no call was seen")
                partly |= kind.bits
        return partly

    def _recorded(self, source: str) -> bool:
        """Whether the account's trails are known to record all management events of a source."""
        known = self.context.selected
        return known is not None and known.management == {True, False} and source not in known.left_out

    def _selected(self, layer: _Layer, scope: list[Grant]) -> None:
        """Data events that the trails select for all of a scope: none seen means none happened."""
        known = self.context.selected
        if known is None or any(grant.not_resource for grant in scope):
            return
        doubtful = 0
        for prefix in self.activity.unmapped:
            doubtful |= self.catalogue.match(f"{prefix}:*")
        reading, writing = _classes(self.context.observe)
        verdict, reason = self.reasons[0]
        for kind in self.context.observe.data_events:
            for reads, bits in ((True, reading), (False, writing)):
                if known.records(kind.resource_type, reads, scope[0].resources):
                    text = f"{reason}; {', '.join(known.trails)} selects its data events"
                    layer.restore(kind.bits & bits & ~doubtful, verdict, text)

    def _attempts(self, layer: _Layer) -> None:
        """What the log cannot show, IAM's own record of attempts may rule out; what it alone has is a doubt."""
        known = self.context.attempts
        if known is None:
            return
        shown = 0
        for place in self.activity.uses:
            shown |= 1 << place
        services = {self.catalogue.actions[place].partition(":")[0] for place in self.activity.uses}
        # A record from before the window's end cannot say "never" of what came after it.
        current = known.taken >= self.context.end - _LAG
        for bits, reason in known.never(self.catalogue, services | set(self.activity.unmapped)) if current else ():
            layer.rule_out(bits, reason)
        for bits, reason in known.unexplained(self.catalogue, self.context.start, shown):
            layer.lower(bits, reason)

    def _one(
        self, codes: Codes, reasons: list[tuple[str, str]], place: int, use: Use, on_scope: bool, uses: dict[int, Use]
    ) -> None:
        """The verdict of one action that the log shows something of."""
        verdict, reason = reasons[codes[place]]
        if use.ok or use.error:
            if not on_scope:
                if verdict in (UNUSED, LOW):
                    reasons.append((verdict, f"{reason} on these resources; it was called on others"))
                    codes[place] = len(reasons) - 1
                return
            reasons.append((USED, _used(self.catalogue.actions[place], use, reason if verdict == BLOCKED else "")))
        elif verdict == BLOCKED:
            reasons.append((BLOCKED, f"{reason}; {_calls(use.denied)} denied"))
        else:
            reasons.append((DENIED, f"every call was denied: {_calls(use.denied)} in the window"))
        codes[place] = len(reasons) - 1
        uses[place] = use


class _Layer:
    """Lays weaker verdicts over one scope: only `unused` may be lowered, only a doubt may become blindness."""

    def __init__(self, codes: Codes, reasons: list[tuple[str, str]], size: int) -> None:
        self.codes, self.reasons, self.size = codes, reasons, size

    def lower(self, bits: int, reason: str) -> None:
        """`unused` becomes unused_low_confidence."""
        self._lay(bits, (UNUSED,), LOW, reason)

    def blind(self, bits: int, reason: str) -> None:
        """`unused` and unused_low_confidence become not_observable."""
        self._lay(bits, (UNUSED, LOW), BLIND, reason)

    def rule_out(self, bits: int, reason: str) -> None:
        """not_observable becomes `unused`, by another source than the log."""
        self._lay(bits, (BLIND,), UNUSED, reason)

    def restore(self, bits: int, verdict: str, reason: str) -> None:
        """A doubt is lifted: the verdict is what the whole account's log says."""
        self._lay(bits, (BLIND, LOW), verdict, reason)

    def _lay(self, bits: int, over: tuple[str, ...], verdict: str, reason: str) -> None:
        old = np.array([each[0] in over for each in self.reasons], np.bool_)
        self.reasons.append((verdict, reason))
        self.codes[mask(bits, self.size) & old[self.codes]] = len(self.reasons) - 1


def _named(kind: DataEvents, grant: Grant, seen: set[str]) -> tuple[set[str], set[str]]:
    """Containers a scope names outright: those seen with data events, and all; nothing where one is a pattern."""
    if grant.not_resource:
        return set(), set()
    named = set()
    for each in grant.resources:
        name = _container(kind, each)
        if name is None or "*" in name or "?" in name or "$" in name:
            return set(), set()
        named.add(name)
    return named & seen, named


def _container(kind: DataEvents, arn: str) -> str | None:
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return None
    if kind.member == "bucketName":
        return parts[5].removeprefix("bucket/").split("/")[0] if "accesspoint" not in parts[5] else None
    lead = "function:" if kind.member == "functionName" else "table/"
    return parts[5].removeprefix(lead).replace(":", "/").split("/")[0] if parts[5].startswith(lead) else None


@lru_cache(maxsize=4)
def _classes(observe: Observability) -> tuple[int, int]:
    """Management actions by the class of event they leave: read-only, and the rest."""
    reading = writing = 0
    for place, access in enumerate(observe.catalogue.access):
        if access in ("Read", "List"):
            reading |= 1 << place
        else:
            writing |= 1 << place
    return reading, writing


@lru_cache(maxsize=4)
def _silent(observe: Observability) -> dict[str, int]:
    """Sets of actions that leave no event, by reason."""
    found: dict[str, int] = {}
    for place, reason in observe.silent.items():
        found[reason] = found.get(reason, 0) | 1 << place
    return found


def _calls(count: int) -> str:
    return f"{count:,} call{'' if count == 1 else 's'}"


def _used(action: str, use: Use, blocked: str) -> str:
    """Why an action counts as used: how often, how surely, and through which services."""
    shown = _calls(use.ok or use.error)
    if action == "iam:PassRole":
        text = f"{shown} passed a role"
    elif use.inferred:
        text = f"{shown} may have needed it"
    elif use.ok:
        text = shown
    else:
        text = f"weak: {shown}, failed for another reason than permission"
    if use.ok and use.error:
        text += f"; {use.error:,} more failed for another reason than permission"
    if use.denied:
        text += f"; {use.denied:,} denied"
    if use.via:
        text += f"; through {', '.join(sorted(use.via))}"
    return text + (f"; now {blocked}" if blocked else "")
