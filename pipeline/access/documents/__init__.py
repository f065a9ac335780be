"""What AWS hands out about IAM, recognised by its content and taken apart into items.

One file a family of documents; each says by `recognise` which JSON values are its answers, by `items` what they
hold, and by `state` whether files show all of it. `FAMILIES` names the kinds of items of each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.access.documents import (
    collected,
    credentials,
    details,
    last_accessed,
    mfa,
    organization,
    settings,
    trails,
)
from pipeline.access.documents.collected import Collected
from pipeline.access.documents.shapes import KNOWN, Answer, Item, moment
from pipeline.errors import SnapshotError

__all__ = ["FAMILIES", "MODULES", "Answer", "Collected", "Document", "Item", "family_of", "read"]

MODULES: dict[str, ModuleType] = {
    each.FAMILY: each for each in (details, credentials, settings, mfa, trails, organization, last_accessed)
}
FAMILIES: dict[str, tuple[str, ...]] = {name: each.KINDS for name, each in MODULES.items()}

_BLANK = re.compile(r"\s*")


@dataclass
class Document:
    """One file: its answers by family and its own date if it carries one; or what `iam collect` kept."""

    path: Path
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    dated: datetime | None = None
    collected: Collected | None = None


def family_of(kind: str) -> str:
    """The family that a kind of item belongs to."""
    return next(name for name, kinds in FAMILIES.items() if kind in kinds)


def read(path: Path) -> Document:
    """The answers in one file. Raises SnapshotError, naming the file, for anything that is none of the known."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SnapshotError(path, f"cannot be read ({error.strerror})", "name a file that can be") from None
    except UnicodeDecodeError:
        raise SnapshotError(path, "is no text", f"give {KNOWN}") from None
    if collected.is_one(text):
        return _collected(text, path)
    if credentials.report(text):
        return Document(path, {"credentials": [Answer("GetCredentialReport", {"Content": text}, str(path))]})
    values = list(_values(text, path))
    if not values:
        raise SnapshotError(path, "is empty", f"give {KNOWN}")
    made = Document(path)
    for value in values:
        _recognise(value, made)
    return made


def _collected(text: str, path: Path) -> Document:
    kept = collected.load(text, path)
    module = MODULES.get(kept.family)
    stray = [each for each in kept.answers if module and each.operation not in module.OPERATIONS]
    if module is None or stray:
        place = stray[0].source if stray else f"{path}:1"
        raise SnapshotError(place, f"does not belong to the family {kept.family!r:.40}", "collect again")
    return Document(path, {kept.family: kept.answers}, kept.taken_at, kept)


def _values(text: str, path: Path) -> Iterator[Any]:
    """Every JSON value of a file: one, several on end (pages saved one after another), or the members of a list."""
    decoder, place = json.JSONDecoder(), 0
    while (place := _blank(text, place)) < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise SnapshotError(path, f"is neither JSON nor a credential report ({error})", f"give {KNOWN}") from None
        yield from value if isinstance(value, list) else [value]


def _blank(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place


def _recognise(value: Any, made: Document) -> None:
    """Puts the answers of one JSON value with those of its family."""
    if not isinstance(value, dict):
        raise SnapshotError(made.path, "holds something that is no JSON object", f"give {KNOWN}")
    for family, module in MODULES.items():
        if found := module.recognise(value, str(made.path)):
            made.answers.setdefault(family, []).extend(found)
            if family == "credentials":
                dated = moment(value.get("GeneratedTime"), f"{made.path}#GeneratedTime")
                made.dated = max(filter(None, (made.dated, dated)), default=None)
            return
    if value.get("Policies") != []:
        raise SnapshotError(made.path, "is none of the documents this reads", f"give {KNOWN}")
