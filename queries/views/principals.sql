-- /// view
-- title = "Principals"
-- question = "Who appears in the log, one row a principal?"
-- [columns]
-- principal_arn = "session issuer, user, root or service"
-- principal_type = "CloudTrail's userIdentity.type; the commonest where it varies"
-- principal_ids = "unique ids seen under this name; several mean that it was deleted and made again"
-- accounts = "accounts in which it acted"
-- regions = "regions in which it acted"
-- access_keys = "long-lived access keys it used"
-- first_seen = "its first event"
-- last_seen = "its last event"
-- active_days = "days with at least one event"
-- events = "number of events"
-- denied = "of these, refused for lack of permission"
-- errors = "of these, failed for another reason"
-- services = "number of services it called"
-- calls = "number of different calls"
-- ///
select
    principal_arn,
    arg_max(principal_type, "count") as principal_type,
    list(distinct principal_id order by principal_id) filter (principal_id is not null) as principal_ids,
    list(distinct account_id order by account_id) filter (account_id is not null) as accounts,
    list(distinct awsRegion order by awsRegion) filter (awsRegion is not null) as regions,
    list(distinct access_key_id order by access_key_id) filter (access_key_id is not null) as access_keys,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen,
    count(distinct day) as active_days,
    sum("count")::bigint as events,
    coalesce(sum("count") filter (outcome = 'denied'), 0)::bigint as denied,
    coalesce(sum("count") filter (outcome = 'error'), 0)::bigint as errors,
    count(distinct eventSource) as services,
    count(distinct (eventSource, eventName)) as calls
from usage
group by principal_arn
