-- /// query
-- title = "Coverage of the log"
-- question = "What of the period does each account's log cover?"
-- [columns]
-- account_id = "account"
-- management = "management events in the period"
-- regions = "regions that delivered some in the period"
-- first_seen = "first management event in the period"
-- last_seen = "last management event in the period"
-- missing_days = "whole days of the period without any management event, the first hundred"
-- missing_count = "their number"
-- lost_objects = "log objects of the period that digests list and the lake does not have"
-- home_region = "where calls of global services (IAM, Organizations, sign-in) are recorded"
-- home_events = "management events of that region in the period"
-- reads_ever = "whether the lake has ever shown a management event that reads"
-- writes_ever = "whether the lake has ever shown a management event that writes"
-- log_begins = "first management event in the whole lake"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
-- A whole day without an event is a day the log cannot vouch for: a used account records some every day. The days at
-- either end that the period only touches are not held against it. Each partition has one region in which global
-- services record (AWS: "Global service events").
with days as (
    select
        *,
        case
            when awsRegion like 'us-gov-%' then 'us-gov-west-1'
            when awsRegion like 'cn-%' then 'cn-north-1'
            when awsRegion like 'us-iso-%' then 'us-iso-east-1'
            when awsRegion like 'us-isob-%' then 'us-isob-east-1'
            when awsRegion like 'eusc-%' then 'eusc-de-east-1'
            else 'us-east-1'
        end as home_region
    from log_days
    where regexp_matches(account_id, '^[0-9]{12}$')
),
accounts as (
    select
        account_id,
        bool_or(reads > 0) as reads_ever,
        bool_or(writes > 0) as writes_ever,
        min(first_seen) filter (management > 0) as log_begins,
        min(home_region) as home_region
    from days
    group by account_id
),
expected as (
    select account_id, unnest(generate_series(
        time_bucket(interval 1 day, $since + interval 1 day - interval 1 microsecond),
        time_bucket(interval 1 day, $until) - interval 1 day,
        interval 1 day
    ))::date as day
    from accounts
),
seen as (
    select
        account_id, day, sum(management) as management
    from days
    where management > 0
    group by account_id, day
),
missing as (
    select account_id, list(expected.day order by expected.day)[:100] as missing_days, count(*) as missing_count
    from expected
    anti join seen using (account_id, day)
    group by account_id
),
lost as (
    select account_id, sum(missing)::bigint as lost_objects
    from coverage
    where day between $since::date and $until::date
    group by account_id
),
period as (
    select
        account_id,
        count(*) as management,
        list(distinct awsRegion order by awsRegion) filter (awsRegion is not null) as regions,
        min(eventTime) as first_seen,
        max(eventTime) as last_seen,
        count(*) filter (awsRegion = home_region) as home_events
    from events
    join accounts using (account_id)
    where eventTime between $since and $until
      and coalesce(eventCategory = 'Management', managementEvent is distinct from false)
    group by account_id
)
select
    account_id,
    coalesce(period.management, 0) as management,
    coalesce(period.regions, []) as regions,
    period.first_seen, period.last_seen,
    coalesce(missing.missing_days, []) as missing_days,
    coalesce(missing.missing_count, 0) as missing_count,
    coalesce(lost.lost_objects, 0) as lost_objects,
    accounts.home_region,
    coalesce(period.home_events, 0) as home_events,
    accounts.reads_ever, accounts.writes_ever, accounts.log_begins
from accounts
left join period using (account_id)
left join missing using (account_id)
left join lost using (account_id)
order by account_id
