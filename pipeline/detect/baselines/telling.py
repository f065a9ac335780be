"""Episodes as findings: what was usual, what is not, how much each part counts, and the events behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pipeline.catalog import Query
from pipeline.catalog.header import SEVERITIES
from pipeline.detect.baselines.asking import Judging
from pipeline.detect.baselines.habits import role_of
from pipeline.detect.baselines.matching import Found, events_of
from pipeline.detect.baselines.scoring import Episode, Part
from pipeline.engines.duckdb import Engine

RULE = "anomalies/behaviour"
MAX_PARTS = 30  # lines of evidence; the rest is counted
# Times the threshold from which an episode is so grave.
_GRAVE = ((2.5, "critical"), (1.5, "high"))


def findings(
    engine: Engine,
    queries: Mapping[str, Query],
    episodes: Sequence[Episode],
    judging: Judging,
    since: datetime | None,
    until: datetime,
) -> list[dict[str, Any]]:
    """The finding of each episode that has events in the window; their events are read in one scan."""
    everything = [part for episode in episodes for part in episode.parts]
    matched = iter(events_of(engine, everything, since, until))
    found = []
    for episode in episodes:
        events = [next(matched) for _ in episode.parts]
        if any(events):
            found.append(_finding(queries, episode, events, judging))
    return found


def _finding(
    queries: Mapping[str, Query], episode: Episode, events: list[list[Found]], judging: Judging
) -> dict[str, Any]:
    every = sorted({each for some in events for each in some})
    first = episode.parts[0]
    told = episode.by_points()
    leading = queries[told[0].rule]
    signs = len({part.rule for part in told}) - 1
    begun = "|".join(str(each) for each in (RULE, first.principal_arn, first.account_id, every[0].event_id))
    return {
        "id": hashlib.sha256(begun.encode(errors="replace")).hexdigest()[:16],
        "rule": RULE,
        "title": leading.title + (f", and {signs} more signs" if signs > 1 else ", and one more sign" if signs else ""),
        "severity": next((name for times, name in _GRAVE if episode.score >= times * judging.threshold), "medium"),
        "status": "open",
        "principal_arn": first.principal_arn,
        "account": first.account_id,
        "region": ", ".join(sorted({each.region for each in every if each.region})),
        "first_seen": every[0].time,
        "last_seen": every[-1].time,
        "count": len(every),
        "event_ids": list(dict.fromkeys(each.event_id for each in every)),
        "evidence": _evidence(queries, episode, told, judging),
        "controls": list(dict.fromkeys(each for part in told for each in queries[part.rule].controls)),
        "mitre": list(dict.fromkeys(each for part in told for each in queries[part.rule].mitre)),
        "action": leading.action,
        "score": episode.score,
        "parts": [_part(part, judging) for part in told],
    }


def _part(part: Part, judging: Judging) -> dict[str, Any]:
    return {
        "rule": part.rule,
        "attribute": part.attribute,
        "usual": judging.names.told(part.usual),
        "unusual": judging.names.told(part.unusual),
        "class": part.commonness,
        "points": part.points,
        "first_seen": part.begin,
    }


def _evidence(queries: Mapping[str, Query], episode: Episode, told: list[Part], judging: Judging) -> list[str]:
    """A line for each part (unusual, usual, and what it counts), and whose it is where that has a name."""
    names = judging.names
    first = episode.parts[0]
    whose = [
        *([f"owner: {owner}"] if (owner := names.owner(role_of(first.principal_arn))) else []),
        *([f"account: {name}"] if (name := names.account(first.account_id)) else []),
    ]
    lines = [
        f"{queries[part.rule].title}: {names.told(part.unusual)}; usual: {names.told(part.usual)}"
        f" ({part.commonness}, {part.points} points)"
        for part in told[:MAX_PARTS]
    ]
    left = len(told) - len(lines)
    total = f"{episode.score:,} points, told from {judging.threshold:,}"
    return [total, *lines, *([f"and {left:,} more"] if left else []), *whose]


def folded(found: list[dict[str, Any]], budget: int) -> list[dict[str, Any]]:
    """At most `budget` findings a principal and week (ISO, UTC); the others of that week become one that tells them.

    The gravest stay as they are, then those with the most points, then the earliest. Nothing is dropped: the finding
    that folds has the gravest severity, and all events, of those it stands for.
    """
    weeks: dict[tuple[str | None, int, int], list[dict[str, Any]]] = {}
    for each in found:
        weeks.setdefault((each["principal_arn"], *each["first_seen"].isocalendar()[:2]), []).append(each)
    kept: list[dict[str, Any]] = []
    for (principal, year, week), some in weeks.items():
        some.sort(key=lambda each: (SEVERITIES.index(each["severity"]), -(each.get("score") or 0), each["first_seen"]))
        kept += some[:budget]
        if len(some) > budget:
            kept.append(_folding(principal, f"{year}-W{week:02d}", some[budget:]))
    return kept


def in_roles(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings with people of IAM Identity Center told as their role, as everywhere else, and named beside it."""
    for each in found:
        role = role_of(each["principal_arn"] or "")
        if role != (each["principal_arn"] or ""):
            person = each["principal_arn"][len(role) + 1 :]
            each |= {"principal_arn": role, "evidence": [f"person: {person}", *each["evidence"]]}
    return found


def _folding(principal: str | None, week: str, some: list[dict[str, Any]]) -> dict[str, Any]:
    def joined(key: str) -> list[Any]:
        return list(dict.fromkeys(value for each in some for value in each[key]))

    rule = "anomalies/more"
    events = joined("event_ids")
    number = "one more finding" if len(some) == 1 else f"{len(some):,} more findings"
    return {
        "id": hashlib.sha256(f"{rule}|{principal}|{week}".encode(errors="replace")).hexdigest()[:16],
        "rule": rule,
        "title": f"And {number} in week {week}",
        "severity": min((each["severity"] for each in some), key=SEVERITIES.index),
        "status": "open",
        "principal_arn": principal,
        "account": ", ".join(sorted({each["account"] for each in some if each["account"]})),
        "region": ", ".join(sorted({name for each in some for name in each["region"].split(", ") if name})),
        "first_seen": min(each["first_seen"] for each in some),
        "last_seen": max(each["last_seen"] for each in some),
        "count": len(events),
        "event_ids": events,
        "evidence": [f"{each['first_seen']:%Y-%m-%d %H:%M} {each['severity']}: {each['title']}" for each in some],
        "controls": joined("controls"),
        "mitre": joined("mitre"),
        "action": "Look at this principal's other findings of the week first; a larger budget tells these one by one.",
        "score": max((each.get("score") or 0 for each in some), default=0) or None,
        "parts": [part for each in some for part in each.get("parts") or []],
    }
