"""What a report says of its own ground: whether the log files it stands on were verified, and with what result."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pipeline.assurance.integrity import Integrity, integrity
from pipeline.times import iso

if TYPE_CHECKING:
    from pipeline.engines.duckdb import Engine

_NAMED = 3  # problems told one by one


def statement(engine: Engine, start: datetime | None, end: datetime) -> list[str]:
    """What verifications say of [start, end), in words; where there were none, that."""
    return told(integrity(engine, start, end))


def told(found: Integrity) -> list[str]:
    """A summary of verifications in words."""
    if found.verified_at is None:
        return ["integrity: no digest of the window was verified (trailsift verify)"]
    lines = [
        f"integrity: of {found.logs_listed:,} log objects that digests list, {found.logs_in_lake:,} are in the lake "
        f"and {found.logs_valid:,} hashes match; {_signatures(found)}; verified {iso(found.verified_at)}"
    ]
    wrong = [*found.problems, *found.gaps]
    lines += [f"integrity: {each.kind}: {each.object}: {each.detail}" for each in wrong[:_NAMED]]
    if len(wrong) > _NAMED:
        lines.append(f"integrity: and {len(wrong) - _NAMED:,} more (trailsift verify)")
    if found.newer_objects:
        lines.append(f"integrity: {found.newer_objects:,} log objects came into the lake after that")
    return lines


def _signatures(found: Integrity) -> str:
    if not found.signed:
        return "no signature is valid"
    first, last = min(each[1] for each in found.signed), max(each[2] for each in found.signed)
    return f"signatures valid from {iso(first)} to {iso(last)}" + (" with gaps" if found.uncovered else "")
