"""A policy document written again with less in it; what needs no change stays to the letter.

Deny statements, conditions, Sids and the order of statements are kept. A statement is cut in two only where some
of its actions are narrowed to fewer resources than the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.access.rightsize.wildcards import NAMES, written
from pipeline.iam.catalogue import Catalogue
from pipeline.iam.policy import Policy, Statement

Json = dict[str, Any]


@dataclass
class Cut:
    """What one Allow statement keeps: `kept` actions as bits, those of `narrowed` on fewer resources only.

    `dropped` and `assumed` are what goes, by the log and by assumption; the three are all the statement granted.
    """

    statement: Statement
    kept: int
    dropped: int = 0
    assumed: int = 0
    narrowed: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether the statement does not stay as it is."""
        return bool(self.dropped or self.assumed or self.narrowed)


def rewritten(
    document: Mapping[str, Any], policy: Policy, cuts: Mapping[int, Cut], unmapped: Sequence[str], catalogue: Catalogue,
    level: int = NAMES,
) -> Json | None:  # fmt: skip
    """The document after its cuts (by the statement's index); None where nothing of it is left."""
    given = document["Statement"]
    listed = given if isinstance(given, list) else [given]
    sids = {each.sid for each in policy.statements if each.sid}
    made: list[Json] = []
    for statement in policy.statements:
        cut, old = cuts.get(statement.index), listed[statement.index]
        if cut is None or not cut.changes:
            made.append(old)
        else:
            made += _statements(old, cut, unmapped, catalogue, level, sids)
    return {**document, "Statement": made} if made else None


def _statements(
    old: Json, cut: Cut, unmapped: Sequence[str], catalogue: Catalogue, level: int, sids: set[str]
) -> list[Json]:
    """What one statement becomes: those on the old resources, then those on fewer."""
    rest = cut.kept
    for bits in cut.narrowed.values():
        rest &= ~bits
    pieces = [(written(cut.statement, rest, unmapped, catalogue, level), None)]
    pieces += [
        (written(cut.statement, bits, (), catalogue, level), resources)  # type: ignore[misc]
        for resources, bits in sorted(cut.narrowed.items())
    ]
    # Patterns the catalogue does not know belong to the first piece alone.
    unknown = set(cut.statement.expand(catalogue).unknown)
    pieces[1:] = [([each for each in names if each not in unknown], where) for names, where in pieces[1:]]
    made: list[Json] = []
    for names, resources in pieces:
        if names:
            made.append(_statement(old, names, resources, sids if made else None))
    return made


def _statement(old: Json, names: list[str], resources: tuple[str, ...] | None, sids: set[str] | None) -> Json:
    """The old statement with other actions and maybe resources; a further one of the same Sid gets a number."""
    made: Json = {}
    for member, value in old.items():
        if member in ("Action", "NotAction"):
            made["Action"] = one(names)
        elif member == "Resource" and resources is not None:
            made["Resource"] = one(list(resources))
        elif member == "Sid" and sids is not None and value:
            made["Sid"] = _fresh(value, sids)
        else:
            made[member] = value
    return made


def _fresh(sid: str, taken: set[str]) -> str:
    stem = re.sub(r"[^A-Za-z0-9]", "", sid)
    found = next(name for number in range(2, len(taken) + 3) if (name := f"{stem}{number}") not in taken)
    taken.add(found)
    return found


def one(values: list[str]) -> str | list[str]:
    """A list as policies write it: a single member stands alone."""
    return values[0] if len(values) == 1 else values


_ORDER = ("Version", "Id", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
          "Resource", "NotResource", "Condition")  # fmt: skip


def ordered(document: Any) -> Any:
    """The document with its members in the order AWS writes them; a snapshot keeps none."""

    def of(value: Mapping[str, Any]) -> Json:
        return {name: value[name] for name in sorted(value, key=(*_ORDER, *value).index)}

    given = document["Statement"]
    statements = [of(each) for each in given] if isinstance(given, list) else of(given)
    return of({**document, "Statement": statements})


def size(document: object) -> int:
    """Characters as IAM counts them against its quotas: without white space outside of texts."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
