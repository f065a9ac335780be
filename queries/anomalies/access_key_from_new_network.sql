-- /// query
-- title = "Access key used from a new network"
-- question = "Which long-lived access keys were used from a network that is new to their user?"
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
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- [params.days]
-- type = "integer"
-- default = "7"
-- help = "days a user must be known, and for how long a network stays new to it"
-- [params.events]
-- type = "integer"
-- default = "20"
-- help = "events a user must have before it is judged"
-- ///
-- A network is new to a user for some days after its first sight, so that a second key made from there stands out too.
-- A key made within the lake is told by who made it when.
with uses as (
    select
        *,
        userIdentity.userName as user_name,
        min(eventTime) over (partition by principal_arn) as known_since,
        count(*) over (partition by principal_arn order by eventTime, eventID) as nth,
        min(eventTime) over (partition by principal_arn, source_network) as network_since,
        row_number() over (partition by access_key_id, source_network order by eventTime, eventID) as nth_there
    from events
    where eventTime <= $until
      and principal_type = 'IAMUser'
      and via_service is null
      and source_network is not null
      and starts_with(access_key_id, 'AKIA')
),
made as (
    select
        try(responseElements ->> '$.accessKey.accessKeyId') as access_key_id,
        min(eventTime) as made_at
    from events
    where eventName = 'CreateAccessKey' and eventSource = 'iam.amazonaws.com' and outcome = 'ok'
    group by all
)
select
    uses.eventTime, coalesce(uses.eventID, uses.record_sha256) as eventID, uses.principal_arn, uses.account_id,
    uses.awsRegion, uses.eventSource, uses.eventName,
    format(
        'key {} used from {}, a network its user was first seen in on {}{}',
        uses.access_key_id, uses.source_network, strftime(uses.network_since, '%Y-%m-%d %H:%M'),
        case when made.made_at is not null then strftime(made.made_at, ', key made %Y-%m-%d %H:%M') else '' end
    ) as detail,
    nth > $events and known_since <= network_since - to_days($days) as baseline
from uses
left join made using (access_key_id)
where uses.eventTime >= $since
  and nth_there = 1
  and uses.eventTime < network_since + to_days($days)
  and (nth > $events and known_since <= network_since - to_days($days) or nth = 1)
order by uses.eventTime, eventID
