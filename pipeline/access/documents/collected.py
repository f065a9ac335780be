"""The files that `trailsift iam collect` keeps: one an account and family, a JSON object a line.

    {"trailsift_collection": 1, "account_id", "family", "taken_at", "asked": {…}}
    {"operation": "ListUsers", "given": {…}, "answer": {…}}       AWS's answer as it came, a line a call
    {"state": "complete" | "refused" | "partial", "detail": …}    once the family is through

Lines are appended as answers come in. A file that was cut off loses its last line at most, and has no end: what it
holds is then partial.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.access.documents.shapes import Answer, mapping, moment
from pipeline.errors import SnapshotError

FIRST = "trailsift_collection"
VERSION = 1
STATES = ("complete", "refused", "partial")


@dataclass(frozen=True)
class Collected:
    """What one such file says: `state` is None where its end is missing."""

    account_id: str
    family: str
    taken_at: datetime
    asked: dict[str, Any]
    answers: list[Answer]
    state: str | None
    detail: str | None
    path: Path


def is_one(text: str) -> bool:
    """Whether a file's text begins as these do."""
    return text.startswith(f'{{"{FIRST}":')


def load(text: str, path: Path) -> Collected:
    """The file taken apart; raises SnapshotError where it is not as collect writes it."""
    lines = text.split("\n")
    values = [_value(line, f"{path}:{number}") for number, line in enumerate(lines[:-1], 1)]  # the last is cut off
    if not values:
        raise SnapshotError(path, "is cut off in its first line", "collect again")
    first, end = values[0], values[-1] if "state" in values[-1] else {}
    account, family = first.get("account_id"), first.get("family")
    taken = moment(first.get("taken_at"), f"{path}#taken_at")
    if first.get(FIRST) != VERSION or not isinstance(account, str) or not isinstance(family, str) or taken is None:
        raise SnapshotError(f"{path}:1", "is not as iam collect writes it", "collect again")
    state = end.get("state")
    if end and state not in STATES:
        raise SnapshotError(f"{path}:{len(values)}", f"{state!r:.40} is no state", f"write {', '.join(STATES)}")
    answers = []
    for number, value in enumerate(values[1:-1] if end else values[1:], 2):
        operation, answer = value.get("operation"), value.get("answer")
        if not isinstance(operation, str) or not isinstance(answer, dict):
            raise SnapshotError(f"{path}:{number}", "is no call with its answer", "collect again")
        answers.append(Answer(operation, answer, f"{path}:{number}", mapping(value.get("given"))))
    detail = end.get("detail")
    asked = mapping(first.get("asked"))
    return Collected(account, family, taken, asked, answers, state, str(detail) if detail else None, path)


def _value(line: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SnapshotError(place, f"is no JSON ({error})", "collect again") from None
    if not isinstance(value, dict):
        raise SnapshotError(place, "is no JSON object", "collect again")
    return value
