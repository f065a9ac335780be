-- /// query
-- title = "Burst of refused calls"
-- question = "Who was refused many different calls it had never been refused before?"
-- controls = ["CT-01"]
-- mitre = ["T1087.004", "T1580"]
-- action = "See what the principal did before and after; a person or stolen key that tries what it may do looks like this."
-- most = 80
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
-- Different calls are counted, not calls: a job that lacks one permission is refused the same call all day. Within an
-- hour counts in full; the same spread over a day is more likely work that lacks rights. People who click through a
-- console with a small role are refused much that they never asked for.
with refused as (
    select
        account_id, principal_arn, value, min(day) as day, min(first_seen) as first_seen,
        arg_min(last_seen, day) as last_seen
    from behaviour
    where attribute = 'api' and denied > 0
    group by all
),
days as (
    select
        account_id, principal_arn, day, count(*) as calls, list(value order by first_seen, value) as fresh,
        min(first_seen) as first_seen, max(last_seen) as last_seen,
        quantile_cont(first_seen, 0.9) - quantile_cont(first_seen, 0.1) <= interval 1 hour as at_once
    from refused
    group by all
),
compared as (
    select
        days.*, kind, known,
        coalesce(max(calls) over (
            partition by days.account_id, days.principal_arn order by days.day
            rows between unbounded preceding and 1 preceding
        ), 0) as most_before
    from days
    join active_days on active_days.day = days.day and active_days.principal_arn = days.principal_arn
        and active_days.account_id is not distinct from days.account_id
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, 'denied' as attribute,
    array_to_string(fresh, chr(10)) as value,
    format('at most {} calls newly refused a day', most_before) as usual,
    format('{} different calls refused: {} …', calls, array_to_string(fresh[1:4], ', ')) as unusual,
    case when most_before = 0 then 'unseen' else 'rare' end as class,
    round(
        least(80, (calls - most_before) * case kind when 'person' then 3 else 5 end)
        * case when at_once then 1 else 0.5 end
    )::bigint as points
from compared
where known
  and calls >= 5
  and calls > 2 * most_before
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn
