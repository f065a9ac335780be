-- /// query
-- title = "Others at the same address or with the same program"
-- question = "Which other principals came from these addresses or with these programs?"
-- [columns]
-- shared = "address or user agent that they share"
-- principal_arn = "who else"
-- events = "number of events"
-- denied = "of these, refused for lack of permission"
-- first_seen = "first event"
-- last_seen = "last event"
-- sample_event_id = "the first of these events"
-- [params.since]
-- type = "timestamp"
-- default = "0001-01-01"
-- help = "start of the window"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- help = "end of the window"
-- [params.addresses]
-- type = "list"
-- default = "[]"
-- help = "source addresses"
-- [params.agents]
-- type = "list"
-- default = "[]"
-- help = "user agents"
-- [params.principals]
-- type = "list"
-- default = "[]"
-- help = "principals that are known already"
-- [params.at_most]
-- type = "integer"
-- default = "200"
-- help = "rows at most, those with most events first"
-- ///
-- AWS services are left out: they share everybody's addresses and programs.
select
    case when sourceIPAddress in (select unnest($addresses::varchar[])) then sourceIPAddress else userAgent end as shared,
    principal_arn,
    sum(events)::bigint as events,
    sum(denied)::bigint as denied,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen,
    arg_min(first_event, (first_seen, first_event)) as sample_event_id
from sightings
where first_seen >= $since and last_seen <= $until
  and (
    sourceIPAddress in (select unnest($addresses::varchar[])) or userAgent in (select unnest($agents::varchar[]))
  )
  and principal_arn not in (select unnest($principals::varchar[]))
  and principal_type <> 'AWSService'
  and principal_arn <> 'unknown'
  and via_service is null
  and source_network is not null
group by shared, principal_arn
order by sum(sightings.events) desc, shared, principal_arn
limit $at_most
