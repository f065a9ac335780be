-- /// view
-- title = "Behaviour"
-- question = "What did each principal do itself, one row a day, attribute and value?"
-- [columns]
-- day = "day (UTC)"
-- account_id = "account"
-- principal_arn = "who; sessions are folded into their role, but of IAM Identity Center's roles each person is told"
-- attribute = "api, service, region, network, country, organization, agent, hour, caller, role, moved_session, own_change"
-- value = "which one"
-- read_only = "of an api whether it only reads, of a region whether it was only looked at"
-- ok = "events that succeeded"
-- denied = "events refused for lack of permission"
-- error = "events that failed for another reason"
-- first_seen = "first of them"
-- last_seen = "last of them"
-- ///
-- Services that are the same in every region log to one of them (AWS: "CloudTrail concepts: global service events") and
-- so tell no region.
with listed as (
    select day, account_id, principal_arn, 'api' as attribute, eventSource || ':' || eventName as value,
        read_only, ok, denied, error, first_seen, last_seen
    from calls
    union all
    select day, account_id, principal_arn, 'service', eventSource, null, ok, denied, error, first_seen, last_seen
    from calls
    union all
    select day, account_id, principal_arn, 'region', awsRegion, read_only, ok, denied, error, first_seen, last_seen
    from calls
    where awsRegion is not null
      and eventSource not in (
          'access-analyzer.amazonaws.com', 'account.amazonaws.com', 'billing.amazonaws.com', 'budgets.amazonaws.com',
          'ce.amazonaws.com', 'cloudfront.amazonaws.com', 'globalaccelerator.amazonaws.com', 'health.amazonaws.com',
          'iam.amazonaws.com', 'organizations.amazonaws.com', 'route53.amazonaws.com', 'route53domains.amazonaws.com',
          'shield.amazonaws.com', 'signin.amazonaws.com', 'sso.amazonaws.com', 'sts.amazonaws.com',
          'support.amazonaws.com', 'trustedadvisor.amazonaws.com', 'waf.amazonaws.com'
      )
    union all
    select day, account_id, principal_arn, attribute, value, null, ok, denied, error, first_seen, last_seen
    from habits
    where principal_arn is not null and principal_type <> 'AWSService' and attribute <> 'call'
    union all
    select day, account_id, principal_arn, 'country', country, null, ok, denied, error, first_seen, last_seen
    from habits
    join networks on networks.network = habits.value
    where attribute = 'network' and country is not null
    union all
    select day, account_id, principal_arn, 'organization', organization, null, ok, denied, error, first_seen, last_seen
    from habits
    join networks on networks.network = habits.value
    where attribute = 'network' and organization is not null
)
select
    day, account_id, principal_arn, attribute, value, bool_and(read_only) as read_only,
    sum(ok)::bigint as ok, sum(denied)::bigint as denied, sum(error)::bigint as error,
    min(first_seen) as first_seen, max(last_seen) as last_seen
from listed
group by day, account_id, principal_arn, attribute, value
