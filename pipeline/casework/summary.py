"""The story in plain words: every sentence says what the log has, and names the events that it stands on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pipeline.casework import late
from pipeline.casework.gather import Gathered
from pipeline.casework.seeds import Place
from pipeline.casework.visits import visits
from pipeline.casework.words import IDS, NAMED, listed, many, say
from pipeline.times import iso

SENTENCES = 60
_ONE_BY_ONE = 8  # things of a kind that are told one by one

_NOW_ALLOWED = """
with refused as (
    select eventSource, eventName
    from story
    where principal_arn = $who
    group by all
    having bool_or(outcome = 'denied' and eventTime <= $moment) and not bool_or(outcome = 'ok' and eventTime <= $moment)
)
select
    min(eventTime) as first_seen,
    list(distinct eventName order by eventName) as calls,
    arg_min(spot, (eventTime, spot), $ids) as event_ids
from story
join refused using (eventSource, eventName)
where principal_arn = $who and outcome = 'ok' and eventTime > $moment
"""
_BY_TIME = """
select
    via_service, principal_arn, min(eventTime) as first_seen, count(*) as events,
    list(distinct eventName order by eventName) as calls,
    arg_min(spot, (eventTime, spot), $ids) as event_ids
from story
where by_time
group by via_service, principal_arn
order by first_seen, via_service, principal_arn
limit $most
"""


def sentences(
    place: Place, found: Gathered, holders: list[dict[str, Any]], links: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Sentences in order of time: `at`, `text`, `event_ids` (some where there are very many)."""
    made = {each["id"] for each in found.created}
    told = _origins(links)
    told += [_habit(each) for each in holders if each["earliest"] and each["holder"] not in made][:NAMED]
    strange = [each for each in holders if not each["earliest"] or each["holder"] in made]
    told += visits(place, strange, made, found.cut)
    told += [_gain(each) for each in found.gained] + _now_allowed(place, found.gained)
    told += _things(found.created)
    told += _on_behalf(place)
    return _with_ids(_bounded(told), place)


def _with_ids(told: list[dict[str, Any]], place: Place) -> list[dict[str, Any]]:
    """Sentences with the ids of the events that they know by their spots so far."""
    ids = late.ids(place, (each for one in told for each in one["event_ids"] if isinstance(each, int)))
    for one in told:
        one["event_ids"] = [ids[each] if isinstance(each, int) else each for each in one["event_ids"]]
    return told


def _bounded(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most SENTENCES, in order of time; what was made, gained or refused is kept before the rest."""
    kept = sorted(told, key=lambda each: (not each["notable"], each["at"], each["text"]))[:SENTENCES]
    kept.sort(key=lambda each: (each["at"], each["text"]))
    if len(told) > len(kept):
        last = kept[-1]
        kept.append(say(last["at"], f"{len(told) - len(kept):,} more sentences are left out.", last["event_ids"][:1]))
    return [{name: each[name] for name in ("at", "text", "event_ids")} for each in kept]


def _origins(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each chain of more than one link, who began it."""
    found = []
    for each in links:
        if not each["origin"] or not each["depth"] or each["eventTime"] is None:
            continue
        ids = [link["eventID"] for link in links if link["of"] == each["of"] and link["eventID"]]
        who = each.get("name") or each["principal_arn"]
        known = each["kind"] != "unknown"
        begin = f"{each['of']} belongs to {who}" if known else f"Who is behind {each['of']} is unknown"
        found.append(say(each["eventTime"], f"{begin}: {each['text']}.", list(dict.fromkeys(ids))))
    return found[:NAMED]


def _habit(row: dict[str, Any]) -> dict[str, Any]:
    whose = f" of {row['principal_arn']}" if row["holder"] != row["principal_arn"] else ""
    text = (
        f"{row['holder']}{whose} is first seen from {row['source_network']}: "
        f"{many(row['events'], 'event')} from there up to {iso(row['last_seen'])}."
    )
    return say(row["first_seen"], text, [row["first_event"]])


def _gain(row: dict[str, Any]) -> dict[str, Any]:
    what = f" ({row['what']})" if row["what"] else ""
    of = f"the {row['target']} {row['of']}" if row["of"] else f"a {row['target']} that the record does not name"
    itself = ", which is itself" if row["to_itself"] else ""
    return say(row["eventTime"], f"{row['by']} {row['text']} {of}{itself}{what}: {row['eventName']}.", [row["eventID"]])


def _on_behalf(place: Place) -> list[dict[str, Any]]:
    """What services did for the case's principals that only the time ties to it, one sentence a service."""
    return [
        say(
            row["first_seen"],
            f"Within a minute of such calls {row['via_service']} made {many(row['events'], 'call')} "
            f"for {row['principal_arn']} ({listed(row['calls'])}); their records do not name the key.",
            row["event_ids"],
        )
        for row in place.engine.rows(_BY_TIME, {"ids": IDS, "most": NAMED * 2})
    ]


def _now_allowed(place: Place, gained: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """After the first change to a caller's own permissions: calls of his that were refused before and no longer are."""
    first: dict[str, datetime] = {}
    for each in gained:
        if each["to_itself"]:
            first.setdefault(each["by"], each["eventTime"])
    found = []
    for who, moment in list(first.items())[:NAMED]:
        (row,) = place.engine.rows(_NOW_ALLOWED, {"who": who, "moment": moment, "ids": IDS})
        if row["calls"]:
            text = f"After that {many(len(row['calls']), 'call')} that {who} had been denied succeed: "
            text += f"{listed(row['calls'])}."
            found.append(say(row["first_seen"], text, row["event_ids"], notable=True))
    return found


def _things(created: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was made: a sentence a thing, one for all of a kind of which there are many, and one for all sessions."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for each in created:
        kinds.setdefault(each["kind"], []).append(each)
    found = _sessions(kinds.pop("session", []))
    for kind, things in kinds.items():
        if len(things) <= _ONE_BY_ONE:
            found += [_thing(each) for each in things]
            continue
        names = [each["id"] for each in things]
        text = f"{len(things):,} things of the kind {kind} were made: {listed(names)}."
        found.append(say(things[0]["eventTime"], text, [each["eventID"] for each in things][:IDS], notable=True))
    return found


def _thing(made: dict[str, Any]) -> dict[str, Any]:
    name = f" ({made['name']})" if made["name"] and made["name"] != made["id"] else ""
    text = f"{made['by']} made the {made['kind']} {made['id']}{name}: {made['eventName']}."
    if made["events"]:
        text += f" It was used in {many(made['events'], 'event')}"
        text += f" from {iso(made['first_used'])} to {iso(made['last_used'])}."
    if made["used_before"]:
        text += " The log has it before it was made."
    ids = [made["eventID"], made["first_event"]] if made["first_event"] else [made["eventID"]]
    return say(made["eventTime"], text, ids, notable=True)


def _sessions(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not sessions:
        return []
    used = sum(1 for each in sessions if each["events"])
    named = [str(each["name"]) for each in sessions if each["name"]]
    roles = sorted({each.rpartition("/")[0] or each for each in named})
    text = f"{many(len(sessions), 'session')} began, {used:,} of them used in the window: {listed(roles)}."
    return [say(sessions[0]["eventTime"], text, [each["eventID"] for each in sessions][:IDS])]
