"""What a case follows: keys, principals, sessions, addresses …, and the parameters by which their events are asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.times import iso

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
# kind -> parameter of queries/investigate/case_events.sql
_PARAMETERS = {
    "access_key": "keys",
    "principal": "principals",
    "console": "console_users",
    "session": "sessions",
    "role_session": "role_sessions",
    "address": "addresses",
    "network": "networks",
    "agent": "agents",
}
# kind -> parameter of the times from which on its values count
_SINCE = {"principal": "principals_since", "console": "console_since", "session": "sessions_since"}
# kinds that case_mentions.sql asks for instead
_NAMED = ("resource", "event")


@dataclass(frozen=True)
class Followed:
    """One thing to follow. `since` bounds what is followed by a name that may have been another's before."""

    kind: str
    value: str
    since: datetime | None = None


def parameters(followed: Iterable[Followed]) -> dict[str, Any]:
    """The lists that case_events.sql takes; those of case_mentions.sql stay out."""
    found: dict[str, Any] = {name: [] for name in (*_PARAMETERS.values(), "callers")}
    found |= {name: [] for name in _SINCE.values()}
    for each in followed:
        if each.kind in _NAMED:
            continue
        found[_PARAMETERS[each.kind]].append(each.value)
        if each.kind in _SINCE:
            found[_SINCE[each.kind]].append(iso(each.since or _BEGINNING))
    return found


def mentions(followed: Iterable[Followed]) -> dict[str, Any] | None:
    """The lists that case_mentions.sql takes; None where nothing is followed by it."""
    there = list(followed)
    names = [each.value for each in there if each.kind == "resource"]
    events = [each.value for each in there if each.kind == "event"]
    if not names and not events:
        return None
    return {"names": names, "texts": [json.dumps(each, ensure_ascii=False) for each in names], "event_ids": events}
