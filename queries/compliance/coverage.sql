-- /// query
-- title = "What the log can vouch for"
-- question = "What did each account deliver from each expected region on each day, and what is missing?"
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
-- [params.since]
-- type = "timestamp"
-- default = "-90d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- [params.expected]
-- type = "list"
-- optional = true
-- help = "regions that every account should deliver from, besides those it has ever delivered from"
-- ///
with expected as (
    select account_id, day, unnest($expected::varchar[]) as awsRegion
    from (select distinct account_id, day from coverage)
)
select
    account_id, awsRegion, day,
    coalesce(state, 'silent') as state,
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
    coalesce(integrity, 'unverified') as integrity
from coverage
full join expected using (account_id, awsRegion, day)
where day between $since::date and $until::date
order by account_id, day, awsRegion
