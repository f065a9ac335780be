-- /// query
-- title = "KMS keys disabled or scheduled for deletion"
-- question = "Who disabled a customer managed key or scheduled its deletion?"
-- severity = "high"
-- controls = ["CT-07"]
-- [columns]
-- account_id = "account whose log holds the call"
-- awsRegion = "region of the call"
-- principal_arn = "who called"
-- eventSource = "service called"
-- eventName = "the change"
-- outcome = "ok: it happened; denied or error: it was tried"
-- count = "calls, each counted once"
-- first_seen = "first call (UTC)"
-- last_seen = "last call (UTC)"
-- targets = "keys"
-- source_addresses = "where the calls came from"
-- event_ids = "all of the events"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
with calls as (
    select
        account_id, awsRegion, principal_arn, eventSource, eventName, outcome, eventTime, sourceIPAddress,
        coalesce(eventID, record_sha256) as event_id,
        coalesce(sharedEventID, eventID, record_sha256) as call_id,
        try(requestParameters ->> '$.keyId') as target
    from events
    where eventTime between $since and $until
      and eventSource = 'kms.amazonaws.com'
      and eventName in (
          'DisableKey', 'ScheduleKeyDeletion'
      )
)
select
    account_id, awsRegion, principal_arn, eventSource, eventName, outcome,
    count(distinct call_id) as "count",
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    list(distinct target order by target) filter (target is not null) as targets,
    list(distinct sourceIPAddress order by sourceIPAddress) filter (sourceIPAddress is not null) as source_addresses,
    list(event_id order by eventTime, event_id) as event_ids
from calls
group by account_id, awsRegion, principal_arn, eventSource, eventName, outcome
order by last_seen desc, "count" desc, principal_arn, eventName, outcome, account_id, awsRegion
