-- /// query
-- title = "Calls of a principal"
-- question = "Which different calls did a principal make?"
-- [columns]
-- eventSource = "service, as CloudTrail writes it"
-- eventName = "call"
-- eventType = "CloudTrail's event type"
-- eventCategory = "Management, Data or NetworkActivity"
-- request = "JSON of the request members by which an IAM action is told"
-- events = "number of events"
-- last_seen = "last of them"
-- [params.principal]
-- type = "text"
-- [params.since]
-- type = "timestamp"
-- default = "-90d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
select
    eventSource, eventName, eventType, eventCategory, request,
    sum("count")::bigint as events,
    max(last_seen) as last_seen
from usage
where principal_arn = $principal and last_seen >= $since and first_seen <= $until
group by eventSource, eventName, eventType, eventCategory, request
order by eventSource, eventName, eventType, eventCategory, request
