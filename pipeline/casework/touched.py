"""The resources that the events of a case name, those of most events first.

What the index of `touches` counts is taken from it wherever the case has all that one principal did in a data file
with one key, from one place …; only the events of the rest are read.
"""

from __future__ import annotations

from typing import Any

from pipeline.casework import late
from pipeline.casework.seeds import Place
from pipeline.casework.words import first

_WHO = "hash(principal_type, session_name, access_key_id, sourceIPAddress, source_network, userAgent, via_service)"
_OWN = f"""
select
    spot >> 32 as number, ($paths::varchar[])[spot >> 32] as file, principal_arn, {_WHO} as who,
    count(*) as events, bool_and(carried) as carried
from story
group by all
"""
# What the index has of these; a row without a resource counts all events, whatever they name.
_NEAR = """
select
    number, principal_arn, who, resource, touches.events, denied, writes, first_seen, last_seen,
    resource is null and touches.events = own_touches.events as whole,
    number::bigint * {size} + first_row as first_spot
from touches
join own_touches using (file, principal_arn, who)
where first_seen >= $since and last_seen <= $until
"""
# Where what was done in a file is of the case as a whole.
_WHOLE = "select number, principal_arn, who from near_touches where whole"
# The files of which events have to be read.
_LEFT = """
select distinct number
from own_touches
anti join whole_touches using (number, principal_arn, who)
where not carried
"""
_READ = """
with left_over as (
    select spot, story.* exclude (spot)
    from (select *, {who} as who, spot >> 32 as number from story) as story
    anti join whole_touches using (number, principal_arn, who)
),
there as (select resources, {spot} as spot from events_by_file where len(resources) > 0),
listed as (
    select list_transform(resources, lambda each: each.ARN) as named, left_over.*
    from there
    join left_over using (spot)
    where not carried
    union all
    select arns as named, left_over.*
    from left_over
    where carried
)
select
    unnest(list_distinct(named)) as resource, 1::bigint as events,
    (outcome = 'denied')::bigint as denied, coalesce(readOnly = false, false)::bigint as writes,
    eventTime as first_seen, eventTime as last_seen, spot as first_spot
from listed
"""
_MOST = """
with counted_touches as (
    select resource, events, denied, writes, first_seen, last_seen, first_spot
    from near_touches
    semi join whole_touches using (number, principal_arn, who)
),
named as (select * from read_touches union all by name select * from counted_touches)
select
    resource, sum(events)::bigint as events, sum(denied)::bigint as denied, sum(writes)::bigint as writes,
    min(first_seen) as first_seen, max(last_seen) as last_seen,
    arg_min(first_spot, (first_seen, first_spot)) as sample
from named
where resource is not null
group by resource
order by sum(named.events) desc, resource
limit $most
"""


def resources(place: Place, most: int, cut: list[str]) -> list[dict[str, Any]]:
    """Each with how often it was named, in what was denied and what writes, from when to when, and its first event.

    `cut` is told where there are more than `most`.
    """
    engine = place.engine
    window = {"since": place.since, "until": place.until, "paths": place.paths}
    engine.keep("own_touches", _OWN, window)
    engine.keep("near_touches", _NEAR.format(size=1 << 32), window)
    engine.keep("whole_touches", _WHOLE)
    with engine.reading(place.files_of(row["number"] << 32 for row in engine.rows(_LEFT))):
        engine.keep("read_touches", _READ.format(who=_WHO, spot=place.spot), window)
    rows = first(engine.rows(_MOST, {"most": most + 1}), most, "resources, those of most events,", cut)
    ids = late.ids(place, (row["sample"] for row in rows))
    for row in rows:
        row["sample_event_id"] = ids[row.pop("sample")]
    return rows
