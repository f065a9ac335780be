-- /// query
-- title = "More services than ever"
-- question = "Who called far more different services on one day than it ever does?"
-- mitre = ["T1526"]
-- action = "See whether the calls look things over, and whose work it would be."
-- most = 30
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
-- Median and median absolute deviation of the days before (1.4826 makes it a standard deviation), and never less than
-- the most of any day. The events of the finding are those of the services that are new.
with fresh as (
    select account_id, principal_arn, day, array_to_string(list(value order by value), chr(10)) as services
    from first_seen
    where attribute = 'service' and day = first_day
    group by account_id, principal_arn, day
),
days as (
    select
        account_id, principal_arn, day, count(*) as services,
        min(first_seen) as first_seen, max(last_seen) as last_seen
    from behaviour
    where attribute = 'service'
    group by all
),
compared as (
    select
        *,
        max(services) over before as most_before,
        median(services) over before as median_before,
        mad(services) over before as deviation
    from days
    window before as (
        partition by account_id, principal_arn order by day rows between unbounded preceding and 1 preceding
    )
)
select
    compared.first_seen as eventTime, compared.last_seen as until, compared.principal_arn, compared.account_id,
    'service' as attribute, coalesce(fresh.services, '') as value,
    format('{} services a day, at most {}', median_before::bigint, most_before) as usual,
    format('{} services on one day', compared.services) as unusual,
    'unseen' as class,
    round(least(30, 5 * (compared.services - most_before)) * if(kind = 'person', 0.5, 1))::bigint as points
from compared
join active_days on active_days.day = compared.day and active_days.principal_arn = compared.principal_arn
    and active_days.account_id is not distinct from compared.account_id
left join fresh on fresh.day = compared.day and fresh.principal_arn = compared.principal_arn
    and fresh.account_id is not distinct from compared.account_id
where known
  and compared.services >= 6
  and compared.services >= most_before + 2
  and compared.services > median_before + 3 * 1.4826 * deviation
  and compared.last_seen >= $since and compared.first_seen <= $until
order by eventTime, principal_arn
