-- /// query
-- title = "Many calls never made before"
-- question = "Who made many different calls on one day that it had never made, more than it ever does?"
-- mitre = ["T1580", "T1087.004"]
-- action = "See whether the calls look things over (List, Describe, Get) and what followed them."
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
-- Compared with the most new calls of any earlier day past the first week. People look around, so theirs count half.
with days as (
    select
        account_id, principal_arn, day, any_value(known) as known, any_value(kind) as kind, count(*) as calls,
        list(value order by first_seen, value) as fresh,
        min(first_seen) as first_seen, max(last_seen) as last_seen
    from first_seen
    where attribute = 'api' and day = first_day
    group by all
),
compared as (
    select
        *,
        coalesce(max(calls) filter (known) over (
            partition by account_id, principal_arn order by day rows between unbounded preceding and 1 preceding
        ), 0) as most_before
    from days
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, 'api' as attribute,
    array_to_string(fresh, chr(10)) as value,
    format('at most {} new calls a day', most_before) as usual,
    format('{} calls never made before: {} …', calls, array_to_string(fresh[1:4], ', ')) as unusual,
    case when most_before = 0 then 'unseen' else 'rare' end as class,
    round(least(40, 3 * (calls - most_before)) * if(kind = 'person', 0.5, 1))::bigint as points
from compared
where known
  and calls >= 5
  and calls > 2 * most_before
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn
