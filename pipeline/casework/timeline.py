"""The events of a case in order, as many as are told: those that tell something before the others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from pipeline.casework import effects, late
from pipeline.casework.gather import Gathered
from pipeline.casework.seeds import Place
from pipeline.casework.story import HOLDER
from pipeline.casework.words import first

# The first time that a principal ever made a call, by the roll-up, which covers the whole lake.
_CHOSEN = f"""
with firsts as (
    select principal_arn, eventSource, eventName, min(first_seen) as eventTime
    from lake.usage
    where principal_arn between list_min($who) and list_max($who) and list_contains($who, principal_arn)
    group by all
),
first_calls as (
    select min(spot) as spot
    from story
    join firsts using (principal_arn, eventSource, eventName, eventTime)
    group by principal_arn, eventSource, eventName
),
named as (
    select distinct unnest($telling::bigint[]) as spot
),
telling as (
    select spot from named
    union
    select spot from first_calls
    union
    select spot
    from (select *, {HOLDER} as holder from story where list_contains($moments::timestamptz[], eventTime))
    join first_networks using (holder, source_network, eventTime)
)
select spot, by_time, carried, first_calls.spot is not null as is_first
from story
left join first_calls using (spot)
left join telling using (spot)
left join named using (spot)
order by
    named.spot is not null desc,
    (outcome = 'denied' or coalesce(readOnly = false, false) or telling.spot is not null) desc, eventTime, spot
limit $most
"""
_TOLD = f"""
    eventTime, {late.ID} as eventID, eventSource, eventName, outcome, principal_arn, sourceIPAddress, access_key_id,
    session_name, account_id, awsRegion, errorCode, via_service, userAgent, readOnly,
    sessionCredentialFromConsole = 'true' as console,
    list_filter(list_transform(resources, lambda each: each.ARN), lambda arn: arn is not null) as resources
"""
# The same of events that the story has whole.
_CARRIED = """
select
    eventTime, id as eventID, eventSource, eventName, outcome, principal_arn, sourceIPAddress, access_key_id,
    session_name, account_id, awsRegion, errorCode, via_service, userAgent, readOnly, console, arns as resources,
    told_events.by_time, told_events.is_first
from story
join told_events using (spot)
where told_events.carried
"""
# What no entry tells, call by call; $most of them.
_LEFT_OUT = """
select
    principal_arn, eventSource, eventName, outcome,
    count(*) as events, min(eventTime) as first_seen, max(eventTime) as last_seen
from story
anti join told_events using (spot)
group by principal_arn, eventSource, eventName, outcome
order by events desc, principal_arn, eventSource, eventName, outcome
limit $most
"""
_AT = "select spot from story where list_contains($moments::timestamptz[], eventTime)"
_FIRST_NETWORKS = pa.schema(
    [("holder", pa.string()), ("source_network", pa.string()), ("eventTime", pa.timestamp("us", "UTC"))]
)


def entries(
    place: Place, found: Gathered, holders: list[dict[str, Any]], most: int, pinned: dict[str, datetime]
) -> list[dict[str, Any]]:
    """The events in order, at most so many; `pinned` are ids of events, with their times, that are told anyway."""
    made = {each["eventID"] for each in found.created}
    networks = {each["first_event"] for each in holders}
    rows = _rows(place, found, holders, most, pinned | found.seed.moments)
    rows.sort(key=lambda each: (each["eventTime"], each["eventID"], each["account_id"] or ""))
    changes = set(effects.names("changed"))
    known = {"seed": {found.seed.text}, "pinned": set(pinned), "first_network": networks, "created": made}
    return [_entry(row, _marks(row, known, changes)) for row in rows]


def _rows(
    place: Place, found: Gathered, holders: list[dict[str, Any]], most: int, wanted: dict[str, datetime]
) -> list[dict[str, Any]]:
    """The events that are told; of those of one second that are wanted by their ids, ids are read to find them."""
    effective = {each["eventID"] for each in (*found.created, *found.gained)}
    telling = [spot for identity, spot in found.spots.items() if identity in effective]
    if wanted:
        there = place.engine.rows(_AT, {"moments": sorted(set(wanted.values()))})
        ids = late.ids(place, (each["spot"] for each in there))
        telling += [spot for spot, identity in ids.items() if identity in wanted]
    since = [
        {"holder": e["holder"], "source_network": e["source_network"], "eventTime": e["first_seen"]} for e in holders
    ]
    place.engine.register("first_networks", pa.Table.from_pylist(since, _FIRST_NETWORKS))
    who = [each["principal_arn"] for each in place.engine.rows("select distinct principal_arn from story order by all")]
    moments = sorted({each["first_seen"] for each in holders})
    given = {"who": who, "telling": telling, "moments": moments, "most": most}
    chosen = place.engine.query(_CHOSEN, given)
    place.engine.register("told_events", chosen)
    fetched = chosen.filter(pa.array([not each for each in chosen["carried"].to_pylist()], pa.bool_()))
    return place.engine.rows(_CARRIED) + late.rows(place, _TOLD, fetched, more="by_time is_first")


def left_out(place: Place, most: int, cut: list[str]) -> list[dict[str, Any]]:
    """What `entries` had no room for: how often who made which call with what outcome, from when to when.

    `cut` is told where there are more than `most` of these.
    """
    return first(place.engine.rows(_LEFT_OUT, {"most": most + 1}), most, "kinds of calls left out", cut)


def _marks(row: dict[str, Any], known: dict[str, set[str]], changes: set[str]) -> list[str]:
    """What stands out in an event, always in this order; `known` are the ids of events by mark."""
    told = {
        "seed": row["eventID"] in known["seed"],
        "pinned": row["eventID"] in known["pinned"],
        "write": row["readOnly"] is False,
        "denied": row["outcome"] == "denied",
        "error": row["outcome"] == "error",
        "first_seen": row["is_first"],
        "first_network": row["eventID"] in known["first_network"],
        "console": bool(row["console"]) or row["eventSource"] == "signin.amazonaws.com",
        "via_service": row["via_service"] is not None,
        "by_time": row["by_time"],
        "created": row["eventID"] in known["created"],
        "permission_change": row["eventSource"] == "iam.amazonaws.com" and row["eventName"] in changes,
    }
    return [name for name, holds in told.items() if holds]


def _entry(row: dict[str, Any], marks: list[str]) -> dict[str, Any]:
    names = ("eventTime", "eventID", "eventSource", "eventName", "outcome", "principal_arn", "sourceIPAddress")
    more = ("access_key_id", "session_name", "account_id", "awsRegion", "errorCode", "via_service", "userAgent")
    entry = {name: row[name] for name in names} | {"resources": row["resources"] or [], "marks": marks}
    return entry | {name: row[name] for name in more}
