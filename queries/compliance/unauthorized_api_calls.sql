-- /// query
-- title = "Unauthorized API calls"
-- question = "Whose calls were refused for lack of permission, and which?"
-- severity = "medium"
-- controls = ["CT-01"]
-- [columns]
-- account_id = "account whose log holds the call"
-- awsRegion = "region of the call"
-- principal_arn = "who called"
-- principal_type = "CloudTrail's userIdentity.type"
-- eventSource = "service called"
-- eventName = "call that was refused"
-- errorCode = "how the service put it"
-- count = "events, each counted once"
-- first_seen = "first of them (UTC)"
-- last_seen = "last of them (UTC)"
-- source_addresses = "where they came from"
-- event_ids = "all of the events"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
-- The benchmark's filter is written A || B && C && D, where AND binds first; what it means is (A or B) and C and D:
-- neither log deliveries nor the HeadBucket calls by which consoles probe for access count.
with refused as (
    select
        account_id, awsRegion, principal_arn, principal_type, eventSource, eventName, errorCode, eventTime,
        sourceIPAddress,
        coalesce(eventID, record_sha256) as event_id,
        coalesce(sharedEventID, eventID, record_sha256) as call_id
    from events
    where eventTime between $since and $until
      and (errorCode like '%UnauthorizedOperation' or errorCode like 'AccessDenied%')
      and sourceIPAddress is distinct from 'delivery.logs.amazonaws.com'
      and eventName is distinct from 'HeadBucket'
)
select
    account_id, awsRegion, principal_arn, principal_type, eventSource, eventName, errorCode,
    count(distinct call_id) as "count",
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    list(distinct sourceIPAddress order by sourceIPAddress) filter (sourceIPAddress is not null) as source_addresses,
    list(event_id order by eventTime, event_id) as event_ids
from refused
group by account_id, awsRegion, principal_arn, principal_type, eventSource, eventName, errorCode
order by "count" desc, last_seen desc, principal_arn, eventSource, eventName, errorCode, account_id, awsRegion
