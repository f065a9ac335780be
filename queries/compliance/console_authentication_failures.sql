-- /// query
-- title = "Console authentication failures"
-- question = "Whose console sign-ins failed, how often and from where?"
-- severity = "medium"
-- controls = ["CT-06"]
-- [columns]
-- account_id = "account signed in to"
-- awsRegion = "region of the sign-in page"
-- principal_arn = "who tried; unknown where AWS hides a name that does not exist"
-- principal_type = "CloudTrail's userIdentity.type"
-- errorMessage = "what AWS answered"
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
with failures as (
    select
        account_id, awsRegion, principal_arn, principal_type, errorMessage, eventTime, sourceIPAddress,
        coalesce(eventID, record_sha256) as event_id,
        coalesce(sharedEventID, eventID, record_sha256) as call_id
    from events
    where eventTime between $since and $until
      and eventName = 'ConsoleLogin'
      and errorMessage = 'Failed authentication'
)
select
    account_id, awsRegion, principal_arn, principal_type, errorMessage,
    count(distinct call_id) as "count",
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    list(distinct sourceIPAddress order by sourceIPAddress) filter (sourceIPAddress is not null) as source_addresses,
    list(event_id order by eventTime, event_id) as event_ids
from failures
group by account_id, awsRegion, principal_arn, principal_type, errorMessage
order by "count" desc, last_seen desc, principal_arn, account_id, awsRegion
