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
    case when list_contains($addresses, sourceIPAddress) then sourceIPAddress else userAgent end as shared,
    principal_arn,
    count(*) as events,
    count(*) filter (outcome = 'denied') as denied,
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    arg_min(coalesce(eventID, record_sha256), (eventTime, coalesce(eventID, record_sha256))) as sample_event_id
from events
where eventTime between $since and $until
  and (list_contains($addresses, sourceIPAddress) or list_contains($agents, userAgent))
  and not list_contains($principals, principal_arn)
  and principal_type <> 'AWSService'
  and principal_arn <> 'unknown'
  and via_service is null
  and source_network is not null
group by shared, principal_arn
order by events desc, shared, principal_arn
limit $at_most
