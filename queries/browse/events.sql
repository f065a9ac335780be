-- /// query
-- title = "Events"
-- question = "Which events were there, the newest first?"
-- [columns]
-- eventTime = "when (UTC)"
-- principal_arn = "who: session issuer, user, root or service"
-- service = "service called"
-- eventName = "call"
-- outcome = "ok, denied or error"
-- errorCode = "error, where there was one"
-- sourceIPAddress = "from where"
-- account_id = "account"
-- awsRegion = "region"
-- session_name = "name of the session"
-- event_id = "eventID, or the record's hash where it has none"
-- matching = "events that match, these and those left out"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- [params.accounts]
-- type = "list"
-- optional = true
-- help = "only these accounts"
-- [params.regions]
-- type = "list"
-- optional = true
-- help = "only these regions"
-- [params.principal]
-- type = "text"
-- optional = true
-- help = "only of this principal"
-- [params.ids]
-- type = "list"
-- optional = true
-- help = "only events of these ids"
-- [params.outcomes]
-- type = "list"
-- optional = true
-- help = "only of these outcomes"
-- [params.calls]
-- type = "list"
-- optional = true
-- help = "only these calls, each eventSource/eventName"
-- [params.most]
-- type = "integer"
-- default = "1000"
-- help = "most rows to give"
-- ///
with found as (
    select
        eventTime, principal_arn, service, eventName, outcome, errorCode, sourceIPAddress, account_id, awsRegion,
        session_name,
        coalesce(eventID, record_sha256) as event_id,
        count(*) over () as matching
    from events
    where eventTime between $since and $until
      and ($accounts is null or list_contains($accounts::varchar[], account_id))
      and ($regions is null or list_contains($regions::varchar[], awsRegion))
      and ($principal is null or principal_arn = $principal)
      and ($ids is null or coalesce(eventID, record_sha256) in (select unnest($ids::varchar[])))
      and ($outcomes is null or list_contains($outcomes::varchar[], outcome))
      and ($calls is null or list_contains($calls::varchar[], concat(eventSource, '/', eventName)))
)
select *
from found
order by eventTime desc, event_id, account_id
limit $most
