-- /// query
-- title = "Networks of keys and principals"
-- question = "From which networks was each of these keys or principals active, over the whole log up to the window's end?"
-- [columns]
-- holder = "the long-lived access key; for sessions and sign-ins the principal"
-- principal_arn = "whose"
-- source_network = "network of the address"
-- addresses = "source addresses in it, some where there are many"
-- first_seen = "first event from there"
-- first_event = "its id"
-- last_seen = "last event from there"
-- events = "number of events"
-- denied = "of these, refused for lack of permission"
-- total = "how many networks of all of them there are"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- help = "end of the window"
-- [params.keys]
-- type = "list"
-- default = "[]"
-- help = "long-lived access key ids"
-- [params.principals]
-- type = "list"
-- default = "[]"
-- help = "ARNs of principals, for what they do without a long-lived key"
-- [params.at_most]
-- type = "integer"
-- default = "1000"
-- help = "rows at most: the first network of each, then those seen last"
-- ///
-- Without those where AWS gives a service instead of an address, and calls that a service made for the principal.
with networks as (
    select
        case when starts_with(access_key_id, 'AKIA') then access_key_id else principal_arn end as holder,
        min(principal_arn) as principal_arn,
        source_network,
        list_sort(list(distinct sourceIPAddress))[1:20] as addresses,
        min(first_seen) as first_seen,
        arg_min(first_event, (first_seen, first_event)) as first_event,
        max(last_seen) as last_seen,
        sum(events)::bigint as events,
        sum(denied)::bigint as denied
    from sightings
    where last_seen <= $until
      and (
        access_key_id in (select unnest($keys::varchar[]))
        or (
            principal_arn in (select unnest($principals::varchar[]))
            and not coalesce(starts_with(access_key_id, 'AKIA'), false)
        )
      )
      and source_network is not null
      and via_service is null
    group by holder, source_network
),
ranked as (
    select
        *, count(*) over () as total,
        row_number() over (partition by holder order by first_seen, source_network) as place
    from networks
),
chosen as (
    select * exclude (place)
    from ranked
    order by place = 1 desc, last_seen desc, holder, source_network
    limit $at_most
)
select *
from chosen
order by first_seen, holder, source_network
