-- /// view
-- title = "Coverage by day"
-- question = "What can the lake vouch for, one row an account, region and day?"
-- [columns]
-- account_id = "account"
-- awsRegion = "region"
-- day = "day (UTC)"
-- state = "delivered, silent (nothing of this region that day) or gap (something that was there is missing)"
-- events = "events of that day"
-- management = "of these, management events"
-- data = "of these, data events"
-- reads = "management events that only read"
-- writes = "management events that change something"
-- objects = "log objects of that day, by their names"
-- sources = "where they came from: local, s3, lookup"
-- listed = "log objects of that day that digests list; null where no digest does"
-- missing = "of these, objects the lake does not have"
-- altered = "of these, objects of which the lake took other bytes than the digest says"
-- integrity = "verified, partly (hours without a valid digest), doubtful (something is wrong), or unverified"
-- ///
-- Between an account's first and last day every region is expected that it ever delivered from. A region may be
-- silent, since CloudTrail writes nothing where nothing happens; a day on which the whole account is silent between
-- days with events, or of which a digest lists objects that are not here, is a gap.
with delivered as (
    select
        account_id, awsRegion, day,
        sum("count")::bigint as events,
        coalesce(sum("count") filter (coalesce(eventCategory, 'Management') = 'Management'), 0)::bigint as management,
        coalesce(sum("count") filter (eventCategory = 'Data'), 0)::bigint as data,
        coalesce(sum("count") filter (coalesce(eventCategory, 'Management') = 'Management' and readOnly), 0)::bigint
            as reads,
        coalesce(
            sum("count") filter (coalesce(eventCategory, 'Management') = 'Management' and readOnly is not true), 0
        )::bigint as writes
    from lake.usage
    where regexp_matches(account_id, '^[0-9]{12}$') and awsRegion is not null
    group by all
),
taken as (
    select
        regexp_extract(
            uri, '([0-9]{12})_CloudTrail[A-Za-z-]*_([a-z0-9-]+)_([0-9]{8})T[0-9]{4}Z_[^/]+$',
            ['account', 'region', 'day']
        ) as named,
        regexp_extract(
            uri, '^lookup://([0-9]{12})/([a-z0-9-]+)/([0-9]{4}-[0-9]{2}-[0-9]{2})', ['account', 'region', 'day']
        ) as looked_up,
        case when uri like 's3://%' then 's3' when uri like 'lookup://%' then 'lookup' else 'local' end as source
    from lake.ledger
    where status = 'loaded' and not contains(uri, '_CloudTrail-Digest_')
),
objects as (
    select
        coalesce(nullif(named.account, ''), looked_up.account) as account_id,
        coalesce(nullif(named.region, ''), looked_up.region) as awsRegion,
        coalesce(try_strptime(named.day, '%Y%m%d'), try_cast(looked_up.day as timestamp))::date as day,
        count(*) as objects,
        list(distinct source order by source) as sources
    from taken
    where named.account <> '' or looked_up.account <> ''
    group by all
),
digested as (
    select
        account_id, awsRegion, day,
        count(*) as listed,
        count(*) filter (not in_lake) as missing,
        count(*) filter (not hash_agrees) as altered
    from digest_logs
    group by all
),
seen as (
    select account_id, awsRegion, day from delivered
    union
    select account_id, awsRegion, day from objects
    union
    select account_id, awsRegion, day from digested
),
days as (
    select account_id, unnest(generate_series(min(day), max(day), interval 1 day))::date as day
    from seen
    group by account_id
),
regions as (
    select distinct account_id, awsRegion from seen
),
digests as (
    select
        account_id, awsRegion, end_time, start_time,
        arg_max(status = 'valid' and digest.logs_valid = digest.logs_listed, verified_at) as whole
    from lake.verified_digests digest
    join lake.verifications using (run_id, chain)
    group by chain, object, account_id, awsRegion, end_time, start_time
),
checked as (
    select
        account_id, awsRegion, end_time::date as day,
        bool_and(whole) as whole,
        count(distinct time_bucket(interval 1 hour, end_time)) as hours
    from digests
    group by all
),
alive as (
    select account_id, day from delivered
    union
    select account_id, day from objects
)
select
    account_id, awsRegion, day,
    case
        when missing > 0 then 'gap'
        when events > 0 or objects > 0 then 'delivered'
        when alive.day is null then 'gap'
        else 'silent'
    end as state,
    coalesce(events, 0) as events,
    coalesce(management, 0) as management,
    coalesce(data, 0) as data,
    coalesce(reads, 0) as reads,
    coalesce(writes, 0) as writes,
    coalesce(objects, 0) as objects,
    coalesce(sources, []) as sources,
    listed,
    coalesce(missing, 0) as missing,
    coalesce(altered, 0) as altered,
    case
        when checked.hours is null then 'unverified'
        when not checked.whole or altered > 0 or missing > 0 then 'doubtful'
        when checked.hours < 24 then 'partly'
        else 'verified'
    end as integrity
from days
join regions using (account_id)
left join delivered using (account_id, awsRegion, day)
left join objects using (account_id, awsRegion, day)
left join digested using (account_id, awsRegion, day)
left join checked using (account_id, awsRegion, day)
left join alive using (account_id, day)
