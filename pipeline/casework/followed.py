"""What a case follows: keys, principals, sessions, addresses …, and the parameters by which their events are asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.times import iso

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Followed:
    """One thing to follow. `since` bounds what is followed by a name that may have been another's before.

    `kind` is one of those that case_events.sql takes, or `resource`, for which case_mentions.sql is asked.
    """

    kind: str
    value: str
    since: datetime | None = None


def questions(followed: Iterable[Followed]) -> list[dict[str, Any]]:
    """The parameters of case_events.sql for each kind that is followed; resources stay out."""
    kinds: dict[str, list[Followed]] = {}
    for each in followed:
        if each.kind != "resource":
            kinds.setdefault(each.kind, []).append(each)
    return [
        {
            "kind": kind,
            "values": [each.value for each in those],
            "moments": [iso(each.since or _BEGINNING) for each in those],
        }
        for kind, those in kinds.items()
    ]


def mentions(followed: Iterable[Followed]) -> dict[str, Any] | None:
    """The parameters of case_mentions.sql; None where no resource is followed. Texts are as JSON may write them."""
    names = [each.value for each in followed if each.kind == "resource"]
    if not names:
        return None
    texts = list(dict.fromkeys(json.dumps(each, ensure_ascii=ascii) for each in names for ascii in (False, True)))
    core = min(texts, key=len)[1:-1]
    return {"names": names, "texts": texts, "core": core if all(core in each for each in texts) else ""}
