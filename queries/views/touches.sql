-- /// view
-- title = "Touches"
-- question = "Which resources were named by whom, one row a data file of the lake?"
-- [columns]
-- file = "data file of the lake that has the events"
-- principal_arn = "who: session issuer, user, root or service"
-- who = "number that stands for the key, session, address and program of that principal, as in the view sightings"
-- resource = "ARN of a resource that the records list; null for all events, whatever they list"
-- events = "number of events"
-- denied = "of these, refused for lack of permission"
-- writes = "of these, not only reading"
-- first_seen = "first of them"
-- last_seen = "last of them"
-- first_row = "row of the first in the file, from 0"
-- ///
-- A data file never changes, nor does what was named in it: `pipeline.casework.sightings` keeps these rows.
with named as (
    select
        file, row, principal_arn,
        hash(
            principal_type, session_name, access_key_id, sourceIPAddress, source_network, userAgent, via_service
        ) as who,
        unnest([null] || coalesce(
            list_distinct(list_transform(resources, lambda each: each.ARN)), []
        )) as resource,
        outcome, readOnly, eventTime
    from events_by_file
)
select
    file, principal_arn, who, resource,
    count(*) as events,
    count(*) filter (outcome = 'denied') as denied,
    count(*) filter (readOnly = false) as writes,
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    arg_min(row, (eventTime, row)) as first_row
from named
group by all
