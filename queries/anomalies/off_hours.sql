-- /// query
-- title = "Outside its hours"
-- question = "Who acted at an hour, or on a day of the weekend, on which it never does?"
-- mitre = ["T1078.004"]
-- action = "Weak by itself; it adds to what else is unusual."
-- most = 20
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
-- Judged after twenty days of activity. An hour next to one the principal knows is within its hours, so that neither
-- summer time nor a late evening counts.
with hours as (
    select account_id, principal_arn, day, value::integer as hour, first_seen, last_seen
    from behaviour
    where attribute = 'hour'
),
firsts as (
    select account_id, principal_arn, hour, min(day) as first_day
    from hours
    group by all
),
around as (
    select account_id, principal_arn, (hour + step + 24) % 24 as hour, min(first_day) as known_since
    from firsts
    cross join (select unnest([-1, 0, 1]) as step)
    group by all
),
weekends as (
    select account_id, principal_arn, min(day) filter (isodow(day) >= 6) as first_weekend
    from active_days
    group by all
),
judged as (
    select
        hours.*, kind, days_before,
        around.known_since = hours.day as new_hour,
        first_weekend = hours.day and isodow(hours.day) >= 6 as new_weekend
    from hours
    join around on around.principal_arn = hours.principal_arn and around.hour = hours.hour
        and around.account_id is not distinct from hours.account_id
    join weekends on weekends.principal_arn = hours.principal_arn
        and weekends.account_id is not distinct from hours.account_id
    join active_days on active_days.day = hours.day and active_days.principal_arn = hours.principal_arn
        and active_days.account_id is not distinct from hours.account_id
    where days_before >= 20
)
select
    min(first_seen) as eventTime, max(last_seen) as until, principal_arn, account_id, 'hour' as attribute,
    array_to_string(list(format('{:02d}', hour) order by hour), chr(10)) as value,
    format('other hours on {} days', max(days_before)) as usual,
    format(
        'active at {} UTC{}', array_to_string(list(format('{:02d}:00', hour) order by hour), ', '),
        case when bool_or(new_weekend) then ' of a weekend' else '' end
    ) as unusual,
    'unseen' as class,
    case when bool_or(new_hour) and bool_or(new_weekend) then 20 else 10 end::bigint as points
from judged
where (new_hour or new_weekend)
  and last_seen >= $since and first_seen <= $until
group by principal_arn, account_id, day
order by eventTime, principal_arn
