-- /// query
-- title = "Role never assumed before"
-- question = "Who took a role it had never taken?"
-- mitre = ["T1548.005", "T1078.004"]
-- action = "Ask the owner why the role was taken; look at what was done in it."
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
-- An edge of the graph of who becomes whom. A role that only services took for a week or more is not meant for others.
-- What others took before is ordinary, unless it is taken on a day when the principal comes from a network that nobody
-- in the account came from before.
with takers as (
    select
        value, principal_arn, principal_type = 'AWSService' as by_service, min(day) as first_day
    from habits
    where attribute = 'role' and ok > 0
    group by all
),
roles as (
    select
        value, min(first_day) filter (by_service) as served_since,
        list({'taker': principal_arn, 'since': first_day}) filter (not by_service) as others
    from takers
    group by value
),
strangers as (
    select distinct account_id, principal_arn, day
    from first_seen
    where attribute = 'network' and account_new and value <> 'vpc endpoint'
),
judged as (
    select
        first_seen.*, strangers.day is not null as from_nowhere,
        coalesce(
            served_since <= first_day - 7
                and len(list_filter(coalesce(others, []), lambda each: each.since < first_day)) = 0,
            false
        ) as only_served
    from first_seen
    left join roles on roles.value = first_seen.value
    left join strangers on strangers.day = first_seen.day and strangers.principal_arn = first_seen.principal_arn
        and strangers.account_id is not distinct from first_seen.account_id
    where attribute = 'role'
      and known
      and last_seen >= $since and first_seen <= $until
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, attribute, value,
    case when usual = '' then 'no role' else usual end as usual,
    format(
        'took {}{}{}', value, if(only_served, ', which only services took before', ''),
        if(from_nowhere, ', from a network new to the whole account', '')
    ) as unusual,
    'unseen' as class,
    round(
        (case kind when 'person' then 35 when 'automation' then 40 else 50 end + if(only_served, 65, 0))
        * confidence * if(peers_before >= 1 and not from_nowhere, 0.6, 1)
    )::bigint as points
from judged
order by eventTime, principal_arn, value
