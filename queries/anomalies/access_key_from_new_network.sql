-- /// query
-- title = "Access key used from a new network"
-- question = "Which long-lived access keys, or sessions of them, were used from a network that is new to their user?"
-- severity = "high"
-- mitre = ["T1078.004"]
-- action = "Ask the owner; if nobody knows the network, disable the key and look at all it did."
-- [columns]
-- eventTime = "when (UTC)"
-- eventID = "the event"
-- principal_arn = "who"
-- account_id = "account"
-- awsRegion = "region"
-- eventSource = "service called"
-- eventName = "call"
-- detail = "why it stands out"
-- baseline = "false where the history is too short to judge"
-- severity = "low where a known key does there what its user does anyway, as on a journey; else high"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- [params.days]
-- type = "integer"
-- default = "7"
-- help = "days of history that a judgement needs, and for how long a network or a key stays new"
-- [params.events]
-- type = "integer"
-- default = "20"
-- help = "events a user must have before it is judged by its own history"
-- ///
-- A network is new to a user for some days after its first sight, so that a second key made from there stands out too.
-- A user without a history of its own is judged where its key was made within the lake: by whether the network is new
-- to the whole account. A known key that does from there only what its user does anyway, and is refused nothing, is most
-- likely its owner on a journey. Calls through a VPC endpoint come from private addresses that say nothing and are left out.
with sessions as (
    select
        try(responseElements ->> '$.credentials.accessKeyId') as access_key_id,
        any_value(access_key_id) as long_lived
    from events
    where eventSource = 'sts.amazonaws.com'
      and eventName in ('GetSessionToken', 'GetFederationToken')
      and outcome = 'ok'
      and starts_with(access_key_id, 'AKIA')
    group by all
),
made as (
    select
        try(responseElements ->> '$.accessKey.accessKeyId') as key_id,
        min(eventTime) as made_at
    from events
    where eventName = 'CreateAccessKey' and eventSource = 'iam.amazonaws.com' and outcome = 'ok'
    group by all
),
calls as (
    select
        eventTime, coalesce(eventID, record_sha256) as eventID, principal_arn, principal_type, account_id,
        awsRegion, eventSource, eventName, outcome, source_network,
        coalesce(sessions.long_lived, events.access_key_id) as key_id
    from events
    left join sessions on sessions.access_key_id = events.access_key_id
    where eventTime <= $until
      and principal_type not in ('AWSService', 'AWSAccount')
      and via_service is null
      and source_network is not null
      and vpcEndpointId is null
),
account_networks as (
    select
        account_id, source_network,
        min(eventTime) as account_network_since,
        min(min(eventTime)) over (partition by account_id) as account_since
    from calls
    group by account_id, source_network
),
user_networks as (
    select
        principal_arn, source_network,
        min(eventTime) as network_since,
        min(min(eventTime)) over (partition by principal_arn) as known_since
    from calls
    group by principal_arn, source_network
),
first_calls as (
    select principal_arn, eventSource, eventName, min(eventTime) as call_since
    from calls
    where principal_type in ('IAMUser', 'FederatedUser')
    group by principal_arn, eventSource, eventName
),
behaviour as (
    select
        principal_arn, source_network,
        bool_or(outcome = 'denied' or call_since >= network_since) as unusual
    from calls
    join user_networks using (principal_arn, source_network)
    join first_calls using (principal_arn, eventSource, eventName)
    where eventTime < network_since + to_days($days)
    group by principal_arn, source_network
),
numbered as (
    select
        *,
        row_number() over (partition by principal_arn order by eventTime, eventID) as nth,
        count(*) over (partition by principal_arn) as all_events,
        max(eventTime) over (partition by principal_arn) as known_until,
        row_number() over (partition by key_id, source_network order by eventTime, eventID) as nth_there
    from calls
    where principal_type in ('IAMUser', 'FederatedUser') and starts_with(key_id, 'AKIA')
),
uses as (
    select
        *,
        nth > $events and known_since <= network_since - to_days($days) as judged_by_user,
        all_events > $events and known_since <= known_until - to_days($days) as known_in_the_end,
        coalesce(eventTime < made_at + to_days($days), false) as new_key,
        new_key and account_since <= account_network_since - to_days($days) as judged_by_account
    from numbered
    join user_networks using (principal_arn, source_network)
    join behaviour using (principal_arn, source_network)
    join account_networks using (account_id, source_network)
    left join made using (key_id)
)
select
    eventTime, eventID, principal_arn, account_id, awsRegion, eventSource, eventName,
    case
        when not judged_by_user and not judged_by_account then format('known by {} events', all_events)
        else format(
            'key {} used from {}, a network first seen for {} on {}{}',
            key_id, source_network,
            case when judged_by_user then 'its user' else 'the whole account' end,
            strftime(case when judged_by_user then network_since else account_network_since end, '%Y-%m-%d %H:%M'),
            case when made_at is not null then strftime(made_at, ', key made %Y-%m-%d %H:%M') else '' end
        )
    end as detail,
    judged_by_user or judged_by_account as baseline,
    case when unusual or new_key then 'high' else 'low' end as severity
from uses
where eventTime >= $since
  and (
      nth_there = 1 and judged_by_user and eventTime < network_since + to_days($days)
      or nth_there = 1 and judged_by_account and eventTime < account_network_since + to_days($days)
      or nth = all_events and not known_in_the_end and not judged_by_account
  )
order by eventTime, eventID
