"""A proposal as text: JSON for programs, a diff for people."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.access.rightsize.changes import Change
from pipeline.access.rightsize.propose import Proposal
from pipeline.access.rightsize.rewrite import ordered, size
from pipeline.iam.catalogue import load


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
        *(f"# {note}" for note in proposal.notes),
    ]
    for change in proposal.changes:
        lines += ["", *_changed(change)]
    return "\n".join(_plain(line) for line in lines) + "\n"


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
    from pipeline.access.granted import allowed, parsed

    bits = 0
    for each in documents:
        bits |= allowed(parsed(each).statements, load())
    return bits.bit_count()


def pretty(value: object) -> str:
    """JSON for reading; characters that could drive a terminal are escaped by JSON itself."""
    return json.dumps(value, indent=2, ensure_ascii=False).translate(_ESCAPES) + "\n"


# What JSON leaves as it is and a terminal may obey: delete, C1 controls, marks of direction.
_MARKS = [*range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ESCAPES = {code: f"\\u{code:04x}" for code in _MARKS}


def _plain(line: str) -> str:
    """A line without control characters; a name of the snapshot may hold any."""
    return "".join(letter if letter.isprintable() else "�" for letter in line)


FORMATS: dict[str, Callable[[Proposal], str]] = {"policy": policy, "json": policy, "diff": diff}
