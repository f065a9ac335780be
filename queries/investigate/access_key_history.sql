-- /// query
-- title = "History of access keys"
-- question = "When was each long-lived access key made, changed, deleted and used, by whom and from where?"
-- [columns]
-- access_key_id = "the key"
-- owner = "user whose key it is, as far as the log tells"
-- made_at = "when it was made; null where that lies before the log"
-- made_by = "who made it"
-- changed = "later changes: time, call and who made it"
-- first_used = "first event made with it"
-- last_used = "last event made with it"
-- events = "number of events made with it"
-- denied = "of these, refused for lack of permission"
-- networks = "networks it was used from"
-- [params.since]
-- type = "timestamp"
-- default = "0001-01-01"
-- help = "start of the window"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- help = "end of the window"
-- [params.access_key]
-- type = "text"
-- optional = true
-- help = "only this key"
-- ///
with changes as (
    select
        eventTime, eventName, principal_arn,
        case eventName
            when 'CreateAccessKey' then try(responseElements ->> '$.accessKey.accessKeyId')
            else try(requestParameters ->> '$.accessKeyId')
        end as access_key_id,
        coalesce(
            try(responseElements ->> '$.accessKey.userName'), try(requestParameters ->> '$.userName'),
            userIdentity.userName
        ) as owner,
        try(requestParameters ->> '$.status') as status
    from events
    where eventTime between $since and $until
      and eventSource = 'iam.amazonaws.com'
      and eventName in ('CreateAccessKey', 'UpdateAccessKey', 'DeleteAccessKey')
      and outcome = 'ok'
),
made as (
    select
        access_key_id,
        any_value(owner) as owner,
        min(eventTime) filter (eventName = 'CreateAccessKey') as made_at,
        arg_min(principal_arn, eventTime) filter (eventName = 'CreateAccessKey') as made_by,
        list(
            format(
                '{} {} by {}', strftime(eventTime, '%Y-%m-%dT%H:%M:%SZ'),
                case eventName when 'DeleteAccessKey' then 'deleted' else coalesce('set ' || status, 'changed') end,
                principal_arn
            )
            order by eventTime
        ) filter (eventName <> 'CreateAccessKey') as changed
    from changes
    where access_key_id is not null
    group by access_key_id
),
used as (
    select
        access_key_id,
        any_value(userIdentity.userName) as owner,
        min(eventTime) as first_used,
        max(eventTime) as last_used,
        count(*) as events,
        count(*) filter (outcome = 'denied') as denied,
        list(distinct source_network order by source_network) filter (source_network is not null) as networks
    from events
    where eventTime between $since and $until
      and starts_with(access_key_id, 'AKIA')
    group by access_key_id
)
select
    access_key_id, coalesce(made.owner, used.owner) as owner,
    made_at, made_by, changed, first_used, last_used,
    coalesce(events, 0) as events, coalesce(denied, 0) as denied, networks
from made
full join used using (access_key_id)
where $access_key is null or access_key_id = $access_key
order by coalesce(made_at, first_used), access_key_id
