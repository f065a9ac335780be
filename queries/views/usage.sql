-- /// view
-- title = "Usage by day"
-- question = "Who called what, where and with what outcome, one row a day and call?"
-- [columns]
-- day = "day of the calls (UTC)"
-- account_id = "account in which they happened"
-- awsRegion = "region"
-- principal_arn = "who: session issuer, user, root or service"
-- principal_type = "CloudTrail's userIdentity.type"
-- principal_id = "unique id of the user or role (AIDA…, AROA…)"
-- access_key_id = "long-lived access key; null for sessions"
-- eventSource = "service, as CloudTrail writes it"
-- eventName = "call"
-- eventType = "CloudTrail's event type"
-- eventCategory = "Management, Data or NetworkActivity"
-- readOnly = "whether the call only reads"
-- outcome = "ok, denied or error"
-- via_service = "service that called on the principal's behalf; null for the principal's own calls"
-- request = "JSON of the request members by which an IAM action is told"
-- count = "number of events"
-- first_seen = "first of them"
-- last_seen = "last of them"
-- sample_event_id = "one of them, the first"
-- ///
select
    day, account_id, awsRegion, principal_arn, principal_type, principal_id, access_key_id,
    eventSource, eventName, eventType, eventCategory, readOnly, outcome, via_service, request,
    sum("count")::bigint as "count",
    min(first_seen) as first_seen,
    max(last_seen) as last_seen,
    arg_min(sample_event_id, first_seen) as sample_event_id
from lake.usage
group by all
