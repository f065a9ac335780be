-- /// view
-- title = "Calls"
-- question = "What did each principal call itself, in which region, one row a day?"
-- [columns]
-- day = "day (UTC)"
-- account_id = "account"
-- principal_arn = "who: sessions are folded into their role, but of IAM Identity Center's roles each person is told"
-- awsRegion = "region"
-- eventSource = "service called"
-- eventName = "call"
-- read_only = "whether it only reads"
-- ok = "events that succeeded"
-- denied = "events refused for lack of permission"
-- error = "events that failed for another reason"
-- first_seen = "first of them"
-- last_seen = "last of them"
-- ///
-- Services of AWS, their roles, and what they do on somebody's behalf are left out. The roll-up knows no sessions, so
-- the calls of Identity Center's people are kept with their habits.
select
    day, account_id, principal_arn, awsRegion, eventSource, eventName, coalesce(readOnly, false) as read_only,
    coalesce(sum("count") filter (outcome = 'ok'), 0)::bigint as ok,
    coalesce(sum("count") filter (outcome = 'denied'), 0)::bigint as denied,
    coalesce(sum("count") filter (outcome = 'error'), 0)::bigint as error,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from lake.usage
where principal_type not in ('AWSService', 'AWSAccount')
  and via_service is null
  and principal_arn <> 'unknown'
  and principal_arn not like '%:role/aws-service-role/%'
  and not contains(principal_arn, ':role/aws-reserved/sso.amazonaws.com/')
  and coalesce(eventType, 'AwsApiCall') in ('AwsApiCall', 'AwsConsoleAction', 'AwsConsoleSignIn')
group by all
union all
select
    day, account_id, principal_arn, nullif(split_part(value, '|', 2), '') as awsRegion,
    split_part(split_part(value, '|', 3), ':', 1) as eventSource,
    split_part(split_part(value, '|', 3), ':', 2) as eventName, starts_with(value, 'r') as read_only,
    ok, denied, error, first_seen, last_seen
from habits
where attribute = 'call'
