-- /// query
-- title = "Dormant principal awake"
-- question = "Who acted again after a long silence?"
-- mitre = ["T1078.004"]
-- action = "Ask the owner; if nobody needs the principal, disable it."
-- most = 35
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
-- [params.days]
-- type = "integer"
-- default = "45"
-- help = "days without an event that make a principal dormant"
-- ///
with gaps as (
    select
        *,
        day - previous_day as gap,
        count(*) filter (day - previous_day > $days) over (
            partition by account_id, principal_arn order by day rows between unbounded preceding and 1 preceding
        ) as gaps_before
    from active_days
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, 'day' as attribute,
    null::varchar as value,
    format('active on {} days until {}', days_before, strftime(previous_day, '%Y-%m-%d')) as usual,
    format('awake after {} days of silence', gap) as unusual,
    case gaps_before when 0 then 'unseen' else 'rare' end as class,
    case gaps_before when 0 then 35 else 15 end::bigint as points
from gaps
where gap > $days
  and days_before >= 5
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn
