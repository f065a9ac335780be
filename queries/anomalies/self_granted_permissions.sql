-- /// query
-- title = "Permissions granted to oneself"
-- question = "Who widened the permissions of the user or role it is itself?"
-- controls = ["CT-04"]
-- mitre = ["T1098.003"]
-- action = "Take the policy off again unless a change explains it, and see what was done with it."
-- most = 100
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
-- Whoever does so as a habit, as a pipeline that deploys its own role, is no news; whoever makes the same call for
-- others every now and then is half of it.
with calls as (
    select account_id, principal_arn, split_part(value, ':', 2) as call, min(day) as since
    from behaviour
    where attribute = 'api' and starts_with(value, 'iam.amazonaws.com:') and ok > 0
    group by all
),
days as (
    select
        changes.account_id, changes.principal_arn, day, changes.value, first_seen, last_seen,
        dense_rank() over (partition by changes.account_id, changes.principal_arn order by day) - 1 as days_before,
        coalesce(since < day, false) as does_so_for_others
    from behaviour as changes
    left join calls on calls.principal_arn = changes.principal_arn and calls.call = split_part(changes.value, ' ', 1)
        and calls.account_id is not distinct from changes.account_id
    where attribute = 'own_change'
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, 'own_change' as attribute, value,
    case days_before when 0 then 'never' else format('on {} days before', days_before) end as usual,
    format('{} on itself', value) as unusual,
    case days_before when 0 then 'unseen' else 'rare' end as class,
    case when days_before = 0 and not does_so_for_others then 100 else 50 end::bigint as points
from days
where days_before < 2
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn, value
