"""The resources that the events of a case name, those of most events first."""

from __future__ import annotations

from typing import Any

from pipeline.casework import late
from pipeline.casework.seeds import Place

_TOUCHED = """
with there as (select resources, {spot} as spot from events_by_file where len(resources) > 0),
touched as (
    select unnest(list_transform(resources, lambda each: each.ARN)) as resource, spot, eventTime, outcome, readOnly
    from there
    join story using (spot)
)
select
    resource, count(*) as events, count(*) filter (outcome = 'denied') as denied,
    count(*) filter (readOnly = false) as writes,
    min(eventTime) as first_seen, max(eventTime) as last_seen,
    arg_min(spot, (eventTime, spot)) as sample
from touched
where resource is not null
group by resource
order by events desc, resource
limit $most
"""


def resources(place: Place, most: int) -> list[dict[str, Any]]:
    """Each with how often it was named, in what was denied and what writes, from when to when, and its first event."""
    numbers = [row["number"] for row in place.engine.rows("select distinct spot >> 32 as number from story")]
    with place.engine.reading(place.files_of(each << 32 for each in numbers)):
        rows = place.engine.rows(_TOUCHED.format(spot=place.spot), {"paths": place.paths, "most": most})
    ids = late.ids(place, (row["sample"] for row in rows))
    for row in rows:
        row["sample_event_id"] = ids[row.pop("sample")]
    return rows
