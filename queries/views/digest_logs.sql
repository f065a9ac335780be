-- /// view
-- title = "Log objects that digests list"
-- question = "Which log objects did CloudTrail say it delivered, and has the lake got them?"
-- [columns]
-- account_id = "account"
-- awsRegion = "region"
-- day = "day of delivery in the object's name (UTC)"
-- object = "the object's key"
-- sha256 = "the hash of its uncompressed bytes, as the digest has it"
-- in_lake = "whether an object of that name was taken into the lake"
-- hash_agrees = "whether what was taken had that hash; null where nothing was"
-- ///
-- An object is told by its name, which ends in sixteen random characters, so that copies in folders count.
with listed as (
    select
        source_object,
        unnest(coalesce(try(cast(record -> '$.logFiles' as json[])), [])) as entry
    from lake.digests
),
named as (
    select
        entry ->> '$.s3Object' as object,
        regexp_extract(
            entry ->> '$.s3Object', '([0-9]{12})_CloudTrail[A-Za-z-]*_([a-z0-9-]+)_([0-9]{8})T[0-9]{4}Z_[^/]+$',
            ['account', 'region', 'day']
        ) as parts,
        regexp_extract(entry ->> '$.s3Object', '[^/]+$') as name,
        lower(entry ->> '$.hashValue') as sha256
    from listed
),
distinct_logs as (
    select
        parts.account as account_id, parts.region as awsRegion, try_strptime(parts.day, '%Y%m%d')::date as day,
        object, name, any_value(sha256) as sha256
    from named
    where parts.account <> ''
    group by all
),
taken as (
    select regexp_extract(uri, '[^/]+$') as name, list(distinct sha256) as hashes
    from lake.ledger
    where status = 'loaded'
    group by all
)
select
    account_id, awsRegion, day, object, distinct_logs.sha256,
    taken.name is not null as in_lake,
    list_contains(taken.hashes, distinct_logs.sha256) as hash_agrees
from distinct_logs
left join taken using (name)
