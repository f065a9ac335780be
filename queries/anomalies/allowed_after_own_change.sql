-- /// query
-- title = "Refused, then allowed by its own doing"
-- question = "Who was refused calls, changed its own permissions, and then made those calls?"
-- mitre = ["T1098.003", "T1548.005"]
-- action = "Take back what the principal gave itself, and look at what it reached with it."
-- most = 40
-- [columns]
-- eventTime = "when it began (UTC)"
-- until = "when it was last seen that day"
-- principal_arn = "who"
-- account_id = "account"
-- attribute = "what of its behaviour is unusual, as in the view behaviour"
-- value = "the value that is"
-- usual = "what the principal did before"
-- unusual = "what it did now"
-- class = "how common the unusual is for it: unseen, rare, infrequent or frequent"
-- points = "how much this counts"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
with changes as (
    select account_id, principal_arn, value as change, first_seen as changed_at
    from behaviour
    where attribute = 'own_change'
),
-- A day's refusals each, since a call may have been refused long before as well.
refusals as (
    select account_id, principal_arn, day, eventSource || ':' || eventName as value,
        min(first_seen) as first_seen, max(last_seen) as last_seen
    from lake.usage
    where outcome = 'denied' and via_service is null
    group by all
),
calls as (
    select
        account_id, principal_arn, eventSource || ':' || eventName as value,
        min(first_seen) as first_seen, max(last_seen) as last_seen
    from lake.usage
    where outcome = 'ok' and via_service is null
    group by all
),
opened as (
    select
        changes.*, tried.value, used.first_seen, used.last_seen
    from changes
    join refusals as tried on tried.account_id is not distinct from changes.account_id
        and tried.principal_arn = changes.principal_arn
    join calls as used on used.account_id is not distinct from changes.account_id
        and used.principal_arn = changes.principal_arn and used.value = tried.value
    where tried.first_seen <= changed_at and tried.last_seen >= changed_at - interval 7 days
      and used.first_seen between changed_at and changed_at + interval 2 days
)
select
    min(first_seen) as eventTime, min(first_seen) + interval 1 hour as until, principal_arn, account_id,
    'api' as attribute, min_by(value, (first_seen, value)) as value,
    'refused' as usual,
    format(
        '{} allowed after {}', array_to_string(list(distinct value order by value)[1:4], ', '), change
    ) as unusual,
    'unseen' as class,
    least(40, 20 + 5 * count(distinct value))::bigint as points
from opened
where first_seen >= $since and first_seen <= $until
group by principal_arn, account_id, change, changed_at
order by eventTime, principal_arn, unusual
