"""Visits: what a holder did from a network that it had not been seen from before, as sentences."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pyarrow as pa

from pipeline.casework.seeds import Place
from pipeline.casework.story import HOLDER
from pipeline.casework.words import IDS, first, listed, many, say
from pipeline.times import iso

_BURST = 5  # different calls refused in one visit that are told on their own
_VISITS_READ = 500
_VISITS_TOLD = 3  # visits from one network that are told one by one; the later ones share a sentence

_TEXTS = [(name, pa.string()) for name in ("holder", "source_network")]
_PLACE = pa.schema(_TEXTS)
_VISIT = pa.schema([*_TEXTS, *((name, pa.timestamp("us", "UTC")) for name in ("first_seen", "last_seen"))])

# What one holder did from one network in an hour. Hours are far fewer than events, and a pause of over six hours
# never lies within one.
_OWN = f"""
    select *, {HOLDER} as holder
    from story
    where source_network is not null and via_service is null and principal_type <> 'AWSService'
"""
# A visit: what one holder did from one network without a pause of over six hours.
_VISITS = f"""
with own as ({_OWN}),
hours as (
    select
        holder, source_network, min(eventTime) as first_seen, max(eventTime) as last_seen, count(*) as events,
        list(distinct sourceIPAddress) as addresses,
        count(*) filter (outcome = 'denied') as denied,
        list(distinct eventSource || ' ' || eventName) filter (outcome = 'denied') as denied_calls,
        list(distinct awsRegion) filter (outcome = 'denied' and awsRegion is not null) as denied_regions,
        min(eventTime) filter (outcome = 'denied') as denied_first,
        max(eventTime) filter (outcome = 'denied') as denied_last,
        count(*) filter (eventCategory = 'Data' and outcome = 'ok') as data,
        list(distinct eventName) filter (eventCategory = 'Data' and outcome = 'ok') as data_calls,
        min(eventTime) filter (eventCategory = 'Data' and outcome = 'ok') as data_first
    from own
    semi join wanted_visits using (holder, source_network)
    group by holder, source_network, date_trunc('hour', eventTime)
),
spaced as (
    select *, first_seen - lag(last_seen) over (partition by holder, source_network order by first_seen)
        > interval 6 hour as begins
    from hours
),
numbered as (
    select *, count(*) filter (begins) over (partition by holder, source_network order by first_seen) as visit
    from spaced
)
select
    holder, source_network, visit, min(first_seen) as first_seen, max(last_seen) as last_seen,
    sum(events)::bigint as events, list_sort(list_distinct(flatten(list(addresses)))) as addresses,
    sum(denied)::bigint as denied,
    coalesce(len(list_distinct(flatten(list(denied_calls) filter (denied > 0)))), 0) as denied_calls,
    list_sort(list_distinct(flatten(list(denied_regions) filter (denied_regions is not null)))) as denied_regions,
    min(denied_first) as denied_first, max(denied_last) as denied_last,
    sum(data)::bigint as data, list_sort(list_distinct(flatten(list(data_calls) filter (data > 0)))) as data_calls,
    min(data_first) as data_first
from numbered
group by holder, source_network, visit
order by first_seen, holder, source_network
limit $most
"""
# The first events of visits, of what was refused in them and of what was done with data.
_OF_VISITS = f"""
with own as ({_OWN})
select
    number,
    arg_min(spot, (eventTime, spot), $ids) as spots,
    arg_min(spot, (eventTime, spot), $ids) filter (outcome = 'denied') as denied_spots,
    arg_min(spot, (eventTime, spot), $ids) filter (eventCategory = 'Data' and outcome = 'ok') as data_spots
from own
join told_visits using (holder, source_network)
where eventTime between told_visits.first_seen and told_visits.last_seen
group by number
"""


def visits(place: Place, strange: list[dict[str, Any]], made: set[str], cut: list[str]) -> list[dict[str, Any]]:
    """What was done from networks that a holder had not been seen from before, visit by visit.

    `cut` is told where there are more visits than are read.
    """
    known = {(each["holder"], each["source_network"]): each for each in strange}
    pairs = [dict(zip(_PLACE.names, each, strict=True)) for each in known]
    place.engine.register("wanted_visits", pa.Table.from_pylist(pairs, _PLACE))
    rows = place.engine.rows(_VISITS, {"most": _VISITS_READ + 1}) if known else []
    rows = first(rows, _VISITS_READ, "visits, the earliest,", cut)
    later: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row["visit"] >= _VISITS_TOLD and row["denied_calls"] < _BURST:
            later.setdefault((row["holder"], row["source_network"]), []).append(row)
    single = [each for each in rows if each["visit"] < _VISITS_TOLD or each["denied_calls"] >= _BURST]
    named = [each for some in later.values() for each in _with_enough(some)]
    _find_events(place, single + named)
    found: list[dict[str, Any]] = []
    for row in single:
        found += _visit(row, known[row["holder"], row["source_network"]], row["holder"] in made)
    for (holder, network), visits in later.items():
        text = f"{holder} is used on {many(len(visits), 'later visit')} from {network}, the last until "
        text += f"{iso(visits[-1]['last_seen'])}: {many(sum(each['events'] for each in visits), 'event')}."
        spots = [spot for each in _with_enough(visits) for spot in each["spots"]][:IDS]
        found.append(say(visits[0]["first_seen"], text, spots))
    return found


def _with_enough(those: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first visits that together have as many events as a sentence names."""
    before = accumulate((each["events"] for each in those), initial=0)
    return [each for each, events in zip(those, before, strict=False) if events < IDS]


def _find_events(place: Place, those: list[dict[str, Any]]) -> None:
    """Adds to each visit the spots of its first events: `spots`, `denied_spots`, `data_spots`."""
    names = ("holder", "source_network", "first_seen", "last_seen")
    table = pa.Table.from_pylist([{name: each[name] for name in names} for each in those], _VISIT)
    place.engine.register("told_visits", table.append_column("number", pa.array(range(len(those)), pa.int64())))
    for row in place.engine.rows(_OF_VISITS, {"ids": IDS}) if those else []:
        those[row.pop("number")] |= row


def _visit(row: dict[str, Any], network: dict[str, Any], is_new: bool) -> list[dict[str, Any]]:
    """One visit: that it happened, then what was refused, then what was done with data."""
    holder, where = row["holder"], listed(row["addresses"])
    begins = network["first_seen"] == row["first_seen"]
    if begins and is_new and network["earliest"]:
        how = f"The new key {holder} is used from {where}"
    elif begins:
        how = f"From {where}, in a network not seen before with it, {holder} is used"
    else:
        how = f"{holder} is used again from {where}"
    text = f"{how}: {many(row['events'], 'event')} until {iso(row['last_seen'])}"
    text += f", {row['denied']:,} of them denied." if row["denied"] else "."
    found = [say(row["first_seen"], text, row["spots"], notable=begins)]
    if row["denied_calls"] >= _BURST:
        there = row["denied_regions"] or []
        regions = f" in {len(there)} regions" if len(there) > 1 else ""
        burst = f"{holder} is denied {row['denied_calls']} different calls{regions} until {iso(row['denied_last'])}."
        found.append(say(row["denied_first"], burst, row["denied_spots"], notable=True))
    if row["data"]:
        data = f"{holder} makes {many(row['data'], 'call')} on data ({listed(row['data_calls'])})."
        found.append(say(row["data_first"], data, row["data_spots"]))
    return found
