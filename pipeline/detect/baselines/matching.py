"""From what is unusual back to the events: each part says what its events have, and they are looked up in one scan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa

from pipeline.detect.baselines.habits import AGENT, CALLER, OWN, WHO, role_of
from pipeline.detect.baselines.scoring import Part
from pipeline.engines.duckdb import Engine

_WANTED = pa.schema(
    [
        ("part", pa.int64()),
        *[(name, pa.string()) for name in ("principal_arn", "account_id", "attribute", "value", "folded")],
        ("begun", pa.timestamp("us", tz="UTC")),
        ("ended", pa.timestamp("us", tz="UTC")),
    ]
)

# What the view `behaviour` calls an attribute's value, of one event. A part may have several values, a line each; the
# attribute `day` stands for everything the principal did in the stretch.
_SQL = f"""
with asked as (
    select *, string_split(coalesce(value, ''), chr(10)) as vals
    from wanted
),
own as (
    select
        eventTime, coalesce(eventID, record_sha256) as event_id, {WHO} as who, account_id, awsRegion, eventSource,
        eventName, outcome, source_network, {AGENT} as agent,
        {CALLER} is not distinct from 'person' or agent is not distinct from 'browser' as person
    {OWN.replace("eventTime >= $begin and eventTime < $end", "eventTime between $begin and $end")}
      and principal_arn in (select folded from wanted)
),
taken as (  -- by itself, since requests are the greater part of a log
    select coalesce(eventID, record_sha256) as event_id, left(try(requestParameters ->> '$.roleArn'), 300) as role
    from lake."events"
    where eventTime between $begin and $end
      and eventSource = 'sts.amazonaws.com' and eventName = 'AssumeRole'
      and principal_arn in (select folded from wanted where attribute = 'role')
)
select distinct part, eventTime, own.event_id, awsRegion
from asked
join own on own.who = asked.principal_arn and own.account_id is not distinct from asked.account_id
    and own.eventTime between asked.begun and asked.ended
left join networks on networks.network = own.source_network
left join taken on taken.event_id = own.event_id
where case attribute
    when 'api' then list_contains(vals, eventSource || ':' || eventName)
    when 'denied' then outcome = 'denied' and list_contains(vals, eventSource || ':' || eventName)
    when 'service' then list_contains(vals, eventSource)
    when 'hour' then list_contains(vals, format('{{:02d}}', date_part('hour', eventTime)))
    when 'region' then list_contains(vals, awsRegion)
    when 'network' then list_contains(vals, source_network)
    when 'country' then list_contains(vals, country)
    when 'organization' then list_contains(vals, organization)
    when 'agent' then list_contains(vals, agent)
    when 'caller' then person
    when 'role' then list_contains(vals, role)
    when 'moved_session' then
        list_contains(list_transform(vals, lambda each: split_part(each, ' → ', 2)), source_network)
    when 'own_change' then list_contains(list_transform(vals, lambda each: split_part(each, ' ', 1)), eventName)
    when 'day' then true
    else false
end
"""


class Found(NamedTuple):
    """One event of a part."""

    time: datetime
    event_id: str
    region: str | None


def events_of(engine: Engine, parts: Sequence[Part], since: datetime | None, until: datetime) -> list[list[Found]]:
    """For each part its events within the window, in the order of time."""
    begins = [max(part.begin, since) if since else part.begin for part in parts]
    ends = [min(part.end, until) for part in parts]
    found: dict[int, list[Found]] = defaultdict(list)
    if parts:
        columns = ("principal_arn", "account_id", "attribute", "value")
        wanted = {name: [getattr(part, name) for part in parts] for name in columns}
        wanted |= {"part": list(range(len(parts))), "begun": begins, "ended": ends}
        wanted |= {"folded": [role_of(part.principal_arn) for part in parts]}
        engine.register("wanted", pa.Table.from_pydict(wanted, schema=_WANTED))
        for row in engine.query(_SQL, {"begin": min(begins), "end": max(ends)}, "events of findings").to_pylist():
            found[row["part"]].append(Found(row["eventTime"], row["event_id"], row["awsRegion"]))
    return [sorted(found[number]) for number in range(len(parts))]
