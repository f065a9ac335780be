"""The story in plain words: every sentence says what the log has, and names the events that it stands on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pipeline.casework.gather import Gathered
from pipeline.casework.seeds import Place
from pipeline.times import iso

SENTENCES = 60
_IDS = 1000  # event ids a sentence names
_BURST = 5  # different calls refused in one visit that are told on their own
_NAMED = 4
_ONE_BY_ONE = 8  # things of a kind that are told one by one
_VISITS_READ = 500
_VISITS_TOLD = 3  # visits from one network that are told one by one; the later ones share a sentence

# A visit: what one holder did from one network without a pause of over six hours.
_VISITS = """
with own as (
    select
        *, case when starts_with(access_key_id, 'AKIA') then access_key_id else principal_arn end as holder
    from story
    where source_network is not null and via_service is null and principal_type <> 'AWSService'
),
spaced as (
    select *, eventTime - lag(eventTime) over (partition by holder, source_network order by eventTime) > interval 6 hour
        as begins
    from own
    semi join (select unnest($wanted::varchar[]) as place) as wanted on holder || ' ' || source_network = wanted.place
),
numbered as (
    select *, count(*) filter (begins) over (
        partition by holder, source_network order by eventTime, eventID
    ) as visit
    from spaced
),
ranked as (
    select *,
        row_number() over (partition by holder, source_network, visit order by eventTime, eventID) as number,
        row_number() over (
            partition by holder, source_network, visit, outcome = 'denied' order by eventTime, eventID
        ) as denied_number,
        row_number() over (
            partition by holder, source_network, visit, eventCategory = 'Data' order by eventTime, eventID
        ) as data_number
    from numbered
)
select
    holder, source_network, visit, min(eventTime) as first_seen, max(eventTime) as last_seen, count(*) as events,
    list(distinct sourceIPAddress order by sourceIPAddress) as addresses,
    count(*) filter (outcome = 'denied') as denied,
    count(distinct (eventSource, eventName)) filter (outcome = 'denied') as denied_calls,
    list(distinct awsRegion order by awsRegion) filter (outcome = 'denied') as denied_regions,
    min(eventTime) filter (outcome = 'denied') as denied_first,
    max(eventTime) filter (outcome = 'denied') as denied_last,
    count(*) filter (eventCategory = 'Data' and outcome = 'ok') as data,
    list(distinct eventName order by eventName) filter (eventCategory = 'Data' and outcome = 'ok') as data_calls,
    min(eventTime) filter (eventCategory = 'Data' and outcome = 'ok') as data_first,
    list(eventID order by number) filter (number <= $ids) as event_ids,
    list(eventID order by number) filter (outcome = 'denied' and denied_number <= $ids) as denied_ids,
    list(eventID order by number) filter (eventCategory = 'Data' and outcome = 'ok' and data_number <= $ids)
        as data_ids
from ranked
group by holder, source_network, visit
order by first_seen, holder, source_network
limit $most
"""

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
    (list(eventID order by eventTime, eventID))[1:$ids] as event_ids
from story
join refused using (eventSource, eventName)
where principal_arn = $who and outcome = 'ok' and eventTime > $moment
"""
_BY_TIME = """
select
    via_service, principal_arn, min(eventTime) as first_seen, count(*) as events,
    list(distinct eventName order by eventName) as calls,
    (list(eventID order by eventTime, eventID))[1:$ids] as event_ids
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
    told += [_habit(each) for each in holders if each["earliest"] and each["holder"] not in made][:_NAMED]
    strange = [each for each in holders if not each["earliest"] or each["holder"] in made]
    told += _visits(place, strange, made)
    told += [_gain(each) for each in found.gained] + _now_allowed(place, found.gained)
    told += _things(found.created)
    told += _on_behalf(place)
    return _bounded(told)


def _bounded(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most SENTENCES, in order of time; what was made, gained or refused is kept before the rest."""
    kept = sorted(told, key=lambda each: (not each["notable"], each["at"], each["text"]))[:SENTENCES]
    kept.sort(key=lambda each: (each["at"], each["text"]))
    if len(told) > len(kept):
        last = kept[-1]
        kept.append(_say(last["at"], f"{len(told) - len(kept):,} more sentences are left out.", last["event_ids"][:1]))
    return [{name: each[name] for name in ("at", "text", "event_ids")} for each in kept]


def _say(at: datetime, text: str, event_ids: list[str], notable: bool = False) -> dict[str, Any]:
    return {"at": at, "text": text, "event_ids": event_ids, "notable": notable}


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
        found.append(_say(each["eventTime"], f"{begin}: {each['text']}.", list(dict.fromkeys(ids))))
    return found[:_NAMED]


def _habit(row: dict[str, Any]) -> dict[str, Any]:
    whose = f" of {row['principal_arn']}" if row["holder"] != row["principal_arn"] else ""
    text = (
        f"{row['holder']}{whose} is first seen from {row['source_network']}: "
        f"{_many(row['events'], 'event')} from there up to {iso(row['last_seen'])}."
    )
    return _say(row["first_seen"], text, [row["first_event"]])


def _visits(place: Place, strange: list[dict[str, Any]], made: set[str]) -> list[dict[str, Any]]:
    """What was done from networks that a holder had not been seen from before, visit by visit."""
    known = {(each["holder"], each["source_network"]): each for each in strange}
    wanted = [f"{holder} {network}" for holder, network in known]
    rows = place.engine.rows(_VISITS, {"wanted": wanted, "ids": _IDS, "most": _VISITS_READ})
    found: list[dict[str, Any]] = []
    later: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row["visit"] >= _VISITS_TOLD and row["denied_calls"] < _BURST:
            later.setdefault((row["holder"], row["source_network"]), []).append(row)
        else:
            found += _visit(row, known[row["holder"], row["source_network"]], row["holder"] in made)
    for (holder, network), visits in later.items():
        text = f"{holder} is used on {_many(len(visits), 'later visit')} from {network}, the last until "
        text += f"{iso(visits[-1]['last_seen'])}: {_many(sum(each['events'] for each in visits), 'event')}."
        ids = [event for each in visits for event in each["event_ids"]][:_IDS]
        found.append(_say(visits[0]["first_seen"], text, ids))
    return found


def _visit(row: dict[str, Any], network: dict[str, Any], is_new: bool) -> list[dict[str, Any]]:
    """One visit: that it happened, then what was refused, then what was done with data."""
    holder, where = row["holder"], _list(row["addresses"])
    first = network["first_event"] in row["event_ids"]
    if first and is_new and network["earliest"]:
        how = f"The new key {holder} is used from {where}"
    elif first:
        how = f"From {where}, in a network not seen before with it, {holder} is used"
    else:
        how = f"{holder} is used again from {where}"
    text = f"{how}: {_many(row['events'], 'event')} until {iso(row['last_seen'])}"
    text += f", {row['denied']:,} of them denied." if row["denied"] else "."
    found = [_say(row["first_seen"], text, row["event_ids"], notable=first)]
    if row["denied_calls"] >= _BURST:
        regions = f" in {len(row['denied_regions'])} regions" if len(row["denied_regions"]) > 1 else ""
        burst = f"{holder} is denied {row['denied_calls']} different calls{regions} until {iso(row['denied_last'])}."
        found.append(_say(row["denied_first"], burst, row["denied_ids"], notable=True))
    if row["data"]:
        data = f"{holder} makes {_many(row['data'], 'call')} on data ({_list(row['data_calls'])})."
        found.append(_say(row["data_first"], data, row["data_ids"]))
    return found


def _gain(row: dict[str, Any]) -> dict[str, Any]:
    what = f" ({row['what']})" if row["what"] else ""
    of = f"the {row['target']} {row['of']}" if row["of"] else f"a {row['target']} that the record does not name"
    itself = ", which is itself" if row["to_itself"] else ""
    return _say(
        row["eventTime"], f"{row['by']} {row['text']} {of}{itself}{what}: {row['eventName']}.", [row["eventID"]]
    )


def _on_behalf(place: Place) -> list[dict[str, Any]]:
    """What services did for the case's principals that only the time ties to it, one sentence a service."""
    return [
        _say(
            row["first_seen"],
            f"Within a minute of such calls {row['via_service']} made {_many(row['events'], 'call')} "
            f"for {row['principal_arn']} ({_list(row['calls'])}); their records do not name the key.",
            row["event_ids"],
        )
        for row in place.engine.rows(_BY_TIME, {"ids": _IDS, "most": _NAMED * 2})
    ]


def _now_allowed(place: Place, gained: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """After the first change to a caller's own permissions: calls of his that were refused before and no longer are."""
    first: dict[str, datetime] = {}
    for each in gained:
        if each["to_itself"]:
            first.setdefault(each["by"], each["eventTime"])
    found = []
    for who, moment in list(first.items())[:_NAMED]:
        (row,) = place.engine.rows(_NOW_ALLOWED, {"who": who, "moment": moment, "ids": _IDS})
        if row["calls"]:
            text = f"After that {_many(len(row['calls']), 'call')} that {who} had been denied succeed: "
            text += f"{_list(row['calls'])}."
            found.append(_say(row["first_seen"], text, row["event_ids"], notable=True))
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
        text = f"{len(things):,} things of the kind {kind} were made: {_list(names)}."
        found.append(_say(things[0]["eventTime"], text, [each["eventID"] for each in things][:_IDS], notable=True))
    return found


def _thing(made: dict[str, Any]) -> dict[str, Any]:
    name = f" ({made['name']})" if made["name"] and made["name"] != made["id"] else ""
    text = f"{made['by']} made the {made['kind']} {made['id']}{name}: {made['eventName']}."
    if made["events"]:
        text += f" It was used in {_many(made['events'], 'event')}"
        text += f" from {iso(made['first_used'])} to {iso(made['last_used'])}."
    if made["used_before"]:
        text += " The log has it before it was made."
    ids = [made["eventID"], made["first_event"]] if made["first_event"] else [made["eventID"]]
    return _say(made["eventTime"], text, ids, notable=True)


def _sessions(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not sessions:
        return []
    used = sum(1 for each in sessions if each["events"])
    named = [str(each["name"]) for each in sessions if each["name"]]
    roles = sorted({each.rpartition("/")[0] or each for each in named})
    text = f"{_many(len(sessions), 'session')} began, {used:,} of them used in the window: {_list(roles)}."
    return [_say(sessions[0]["eventTime"], text, [each["eventID"] for each in sessions][:_IDS])]


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _list(names: list[str]) -> str:
    some = ", ".join(names[:_NAMED])
    return f"{some} and {len(names) - _NAMED} more" if len(names) > _NAMED else some or "unknown"
