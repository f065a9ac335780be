"""What is to be done with each policy: kept, changed in place, replaced by a copy for one principal, or removed.

AWS's own policies cannot be edited, and editing a shared one would reach others: both are replaced by a customer
managed policy for this principal (or group) alone. Documents over IAM's limits are shortened by wildcards first, then
parted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.access.granted import Principal
from pipeline.access.rightsize.holdings import AWS, CUSTOMER, INLINE, Holding
from pipeline.access.rightsize.judging import Reviewed
from pipeline.access.rightsize.limits import INLINE as INLINE_LIMITS
from pipeline.access.rightsize.limits import MANAGED, parted
from pipeline.access.rightsize.rewrite import ordered, rewritten, size
from pipeline.access.rightsize.wildcards import LETTERS, NAMES, WORDS
from pipeline.iam.catalogue import Catalogue
from pipeline.iam.policy import decode

KEEP, CHANGE, REPLACE, REMOVE = "keep", "change", "replace", "remove"
_VERSIONS = 5  # versions of a managed policy, "IAM and AWS STS quotas"
_NAME = 128  # characters of a policy's name, "IAM and AWS STS quotas"


@dataclass
class Change:
    """One policy of the principal, before and after; `documents` are what stands in its place, none if removed.

    `managed` says whether they are managed policies; `notes` are for people.
    """

    holding: Holding
    kind: str
    documents: list[dict[str, Any]]
    managed: bool
    notes: list[str] = field(default_factory=list)
    new_name: str = ""

    def names(self) -> list[str]:
        """Names of the policies that stand in its place."""
        name = self.new_name if self.kind == REPLACE else self.holding.name
        numbers = range(2, len(self.documents) + 1)
        return [name, *(f"{name[: _NAME - 4]}-{number}" for number in numbers)][: len(self.documents)]

    def policies(self) -> Iterator[dict[str, Any]]:
        """One object a policy that stands in its place."""
        kind = self.holding.kind if self.kind == KEEP else CUSTOMER if self.managed else INLINE
        for number, (name, document) in enumerate(zip(self.names(), self.documents, strict=True)):
            same = self.kind in (KEEP, CHANGE) and not number
            yield {
                "name": name,
                "document": ordered(document),
                "change": self.kind,
                "kind": kind,
                "arn": self.holding.arn if same else None,
                "group": self.holding.group,
                "replaces": None if same else self.holding.arn or self.holding.name,
                "size": size(document),
            }

    def removal(self) -> dict[str, Any]:
        """What is to be taken off the principal or group, and why."""
        reason = "nothing of it is used" if self.kind == REMOVE else "replaced"
        others = list(self.holding.others)
        return {
            "name": self.holding.name, "kind": self.holding.kind, "arn": self.holding.arn,
            "group": self.holding.group, "reason": reason, "also_attached_to": others,
        }  # fmt: skip


def changes(principal: Principal, reviewed: list[Reviewed], catalogue: Catalogue) -> list[Change]:
    """A change for each policy of the principal, in their order."""
    made = [_change(each, catalogue) for each in reviewed]
    for group in dict.fromkeys(each.holding.group for each in reviewed):
        pairs = [(a, b) for a, b in zip(made, reviewed, strict=True) if a.holding.group == group]
        _inline(pairs, INLINE_LIMITS["group" if group else principal.kind], catalogue)
    _name(made, principal)
    return made


def _name(made: list[Change], principal: Principal) -> None:
    """Names the new policies after the old ones and their owner; AWS's may share a name under different paths."""
    taken: set[str] = set()
    for change in made:
        owner = re.sub(r"[^A-Za-z0-9+=,.@_-]", "-", change.holding.group or principal.name)
        stem = f"{change.holding.name}-{owner}"[: _NAME - 4]
        number = 1
        while (name := stem if number == 1 else f"{stem}.{number}").lower() in taken:
            number += 1
        change.new_name = name
        taken.add(name.lower())


def _change(reviewed: Reviewed, catalogue: Catalogue) -> Change:
    holding = reviewed.holding
    document = _document(holding)
    if not reviewed.changes:
        return Change(holding, KEEP, [document], holding.kind != INLINE)
    after = _shortened(reviewed, catalogue, NAMES)
    if after is None:
        return Change(holding, REMOVE, [], holding.kind != INLINE, _shared(holding))
    if holding.kind == INLINE:
        return Change(holding, CHANGE, [after], False)
    kind = CHANGE if holding.editable else REPLACE
    made = Change(holding, kind, [after], True, _shared(holding))
    _fit_managed(made, reviewed, catalogue)
    return made


def _document(holding: Holding) -> dict[str, Any]:
    document = decode(holding.attached.document)
    assert isinstance(document, dict)  # it has been parsed as a policy
    return document


def _shortened(reviewed: Reviewed, catalogue: Catalogue, level: int) -> dict[str, Any] | None:
    """The rewritten document, None where nothing is left that allows or denies."""
    holding = reviewed.holding
    return rewritten(
        _document(holding), holding.attached.policy, reviewed.cuts, reviewed.unmapped, catalogue, level
    )  # fmt: skip


def _shared(holding: Holding) -> list[str]:
    if holding.kind == AWS:
        return [f"{holding.place}: AWS owns it, so a customer managed policy takes its place"]
    if not holding.others:
        full = holding.kind == CUSTOMER and len(holding.attached.older) + 1 >= _VERSIONS
        return [f"{holding.place}: has {_VERSIONS} versions; delete one before a new one is made"] if full else []
    listed = ", ".join(holding.others[:3]) + (f" and {len(holding.others) - 3:,} more" if holding.others[3:] else "")
    return [f"{holding.place}: it stays as it is for {listed}; a copy takes its place here"]


def _fit_managed(made: Change, reviewed: Reviewed, catalogue: Catalogue) -> None:
    """Shortens a managed policy that is over the limit, and parts it where that is not enough."""
    for level in (WORDS, LETTERS):
        if size(made.documents[0]) > MANAGED:
            shorter = _shortened(reviewed, catalogue, level)
            made.documents = [shorter] if shorter else made.documents
    if size(made.documents[0]) > MANAGED:
        made.documents = parted(made.documents[0])
        made.notes.append(
            f"{made.holding.place}: parted into {len(made.documents)}, since AWS takes {MANAGED:,} characters a policy"
        )


def _inline(pairs: list[tuple[Change, Reviewed]], limit: int, catalogue: Catalogue) -> None:
    """Keeps the inline policies of one owner, which count together, within their limit."""
    held = [(a, b) for a, b in pairs if not a.managed and a.documents]
    total = sum(size(a.documents[0]) for a, _ in held)
    for level in (WORDS, LETTERS):
        for change, reviewed in held:
            if total > limit and change.kind == CHANGE:
                shorter = _shortened(reviewed, catalogue, level)
                assert shorter is not None  # as it was at the first level
                total += size(shorter) - size(change.documents[0])
                change.documents = [shorter]
    for change, reviewed in sorted(held, key=lambda pair: -size(pair[0].documents[0])):
        if total > limit and change.kind == CHANGE:
            total -= size(change.documents[0])
            change.managed, change.kind = True, REPLACE
            change.notes.append(
                f"{change.holding.place}: too long to stay inline ({limit:,} characters together); made managed"
            )
            _fit_managed(change, reviewed, catalogue)
