"""A proposal as text: JSON for programs, a diff for people, and the forms of the tools that manage policies."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.access.granted import allowed, parsed
from pipeline.access.rightsize.changes import Change
from pipeline.access.rightsize.infrastructure import cloudformation, terraform
from pipeline.access.rightsize.propose import Proposal
from pipeline.access.rightsize.rewrite import ordered, size
from pipeline.access.rightsize.texts import plain, pretty
from pipeline.iam.catalogue import load

_REASONS = 5  # that a diff tells


def policy(proposal: Proposal) -> str:
    """The whole proposal as one JSON object."""
    return pretty(proposal.as_json())


def diff(proposal: Proposal) -> str:
    """A unified diff of each policy that changes, under a head that counts."""
    dropped, assumed = len(proposal.dropped), len(proposal.assumed)
    lines = [
        f"# {proposal.principal.arn}",
        f"# window {proposal.facts['window']['from']} to {proposal.facts['window']['to']}",
        f"# dropped {dropped:,} permissions as unused or blocked" + (f", {assumed:,} by assumption" if assumed else ""),
        f"# kept {len(proposal.blind):,} that the log cannot show, {len(proposal.doubt):,} in doubt"
        + (f", {len(proposal.members):,} for other members of a group" if proposal.members else ""),
        *_reasons(proposal),
        *(f"# {note}" for note in proposal.notes),
    ]
    for change in proposal.changes:
        lines += ["", *_changed(change)]
    return "\n".join(plain(line) for line in lines) + "\n"


def _reasons(proposal: Proposal) -> list[str]:
    """Why permissions were kept that were not seen in use: the most frequent reasons."""
    rows = (*proposal.blind, *proposal.doubt, *proposal.members)
    counted = Counter(f"{row['verdict']}: {row['reason']}" for row in rows).most_common()
    lines = [f"#   {count:,} {reason}" for reason, count in counted[:_REASONS]]
    more = sum(count for _, count in counted[_REASONS:])
    return [*lines, f"#   {more:,} for other reasons (-o policy tells all)"] if more else lines


def _changed(change: Change) -> Iterator[str]:
    """The head and the diff of one policy."""
    old = change.holding.attached.document
    before = _granted([old])
    head = f"# {change.holding.place}: {change.kind}"
    if change.kind == "keep":
        yield f"{head}; {before:,} actions, {size(old):,} characters"
        return
    sizes = " + ".join(f"{size(each):,}" for each in change.documents) or "0"
    after = _granted(change.documents)
    yield f"{head}; {before:,} actions become {after:,}, {size(old):,} characters become {sizes}"
    left = pretty(ordered(old)).splitlines()
    names = change.names() or ["/dev/null"]
    for number, name in enumerate(names):
        right = pretty(ordered(change.documents[number])).splitlines() if change.documents else []
        yield from difflib.unified_diff(left if not number else [], right, change.holding.name, name, lineterm="")


def _granted(documents: list[Any]) -> int:
    """How many catalogued actions some statement allows."""
    bits = 0
    for each in documents:
        bits |= allowed(parsed(each).statements, load())
    return bits.bit_count()


FORMATS: dict[str, Callable[[Proposal], str]] = {
    "policy": policy,
    "json": policy,
    "diff": diff,
    "terraform": terraform,
    "cloudformation": cloudformation,
}
