-- /// query
-- title = "What the calls of a case asked for and got"
-- question = "What did these events ask for, and what did the service answer?"
-- [columns]
-- eventTime = "when (UTC)"
-- eventID = "the event"
-- account_id = "account"
-- eventSource = "service called"
-- eventName = "call"
-- principal_arn = "who"
-- access_key_id = "with which key"
-- requestParameters = "the request, JSON"
-- responseElements = "the answer, JSON"
-- [params.since]
-- type = "timestamp"
-- default = "0001-01-01"
-- help = "time of the first of them"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- help = "time of the last of them"
-- [params.names]
-- type = "list"
-- default = "[]"
-- help = "event names of these events"
-- [params.event_ids]
-- type = "list"
-- default = "[]"
-- help = "event ids"
-- ///
select
    eventTime, coalesce(eventID, record_sha256) as eventID,
    account_id, eventSource, eventName, principal_arn, access_key_id,
    requestParameters, responseElements
from events
where eventTime between $since and $until
  and list_contains($names, eventName)
  and list_contains($event_ids, coalesce(eventID, record_sha256))
order by eventTime, eventID
