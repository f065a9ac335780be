-- /// query
-- title = "Networks of a principal"
-- question = "From which networks, with which programs, did a principal work, and since when?"
-- [columns]
-- source_network = "network of the caller; null where AWS gives a service instead of an address"
-- access_keys = "access keys it used from there"
-- user_agents = "programs it used there"
-- first_seen = "first event from there"
-- last_seen = "last event from there"
-- events = "number of events"
-- denied = "of these, refused for lack of permission"
-- others = "other principals seen in the same network"
-- [params.since]
-- type = "timestamp"
-- default = "0001-01-01"
-- help = "start of the window"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- help = "end of the window"
-- [params.principal]
-- type = "text"
-- help = "ARN of a user, role or root user"
-- ///
with seen as (
    select *
    from events
    where eventTime between $since and $until
      and via_service is null
),
neighbours as (
    select source_network, count(distinct principal_arn) filter (principal_arn <> $principal) as others
    from seen
    group by source_network
)
select
    source_network,
    list(distinct access_key_id order by access_key_id) filter (access_key_id is not null) as access_keys,
    list(distinct userAgent order by userAgent) filter (userAgent is not null) as user_agents,
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    count(*) as events,
    count(*) filter (outcome = 'denied') as denied,
    any_value(others) as others
from seen
left join neighbours using (source_network)
where principal_arn = $principal
group by source_network
order by first_seen, source_network
