"""How the sentences of a story are made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

NAMED = 4  # things of a kind that a sentence names
IDS = 1000  # events that a sentence names


def say(at: datetime, text: str, event_ids: Sequence[str | int], notable: bool = False) -> dict[str, Any]:
    """A sentence; what it stands on are ids of events, or spots, of which the ids are found out at last."""
    return {"at": at, "text": text, "event_ids": event_ids, "notable": notable}


def first(rows: list[Any], most: int, what: str, cut: list[str]) -> list[Any]:
    """The first of `rows`, of which one more than `most` was asked for; `cut` is told where there are more."""
    if len(rows) > most:
        cut.append(f"only {most:,} {what} are told; there are more")
    return rows[:most]


def many(count: int, noun: str) -> str:
    """A number of things in words."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    some = ", ".join(names[:NAMED])
    return f"{some} and {len(names) - NAMED} more" if len(names) > NAMED else some or "unknown"
