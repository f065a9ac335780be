-- /// query
-- title = "Call never made before"
-- question = "Which principals, known for some time, made a changing or secret-reading call for the first time?"
-- severity = "medium"
-- mitre = ["T1078.004"]
-- action = "Ask the owner whether the work is new; if not, look at what the session did around it."
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
-- help = "days a principal must have been seen on before it is judged"
-- [params.events]
-- type = "integer"
-- default = "50"
-- help = "events a principal must have before it is judged"
-- [params.peers]
-- type = "integer"
-- default = "3"
-- help = "other principals of the account that made a call before and so make it ordinary there"
-- ///
-- Sessions are folded into their role, and services and what they do on a principal's behalf are left out. A principal
-- is judged once it has been seen on enough days and in enough events; before that everything it does is new.
-- What several others of the account do is no surprise, unless it touches identities, keys, secrets or the log itself.
with own as (
    select
        *,
        row_number() over calls as nth_of_call,
        row_number() over everything as nth,
        dense_rank() over (partition by principal_arn order by eventTime::date) as nth_day,
        min(eventTime) over (partition by principal_arn) as known_since,
        max(eventTime) over (partition by principal_arn) as known_until,
        count(*) over (partition by principal_arn) as all_events,
        count(distinct eventTime::date) over (partition by principal_arn) as all_days,
        coalesce(not readOnly, false) or eventName in (
            'AssumeRole', 'BatchGetSecretValue', 'Decrypt', 'GetFederationToken', 'GetParameter', 'GetParameters',
            'GetParametersByPath', 'GetPasswordData', 'GetSecretValue', 'GetSessionToken'
        ) as sensitive,
        coalesce(not readOnly, false) and service in (
            'account', 'cloudtrail', 'config', 'guardduty', 'iam', 'identitystore', 'kms', 'organizations', 'ram',
            'rolesanywhere', 'secretsmanager', 'securityhub', 'sso', 'sso-directory'
        ) or eventName in (
            'BatchGetSecretValue', 'GetFederationToken', 'GetPasswordData', 'GetSecretValue', 'GetSessionToken'
        ) as guarded
    from events
    where eventTime <= $until
      and outcome = 'ok'
      and principal_type in ('AssumedRole', 'IAMUser', 'Root', 'FederatedUser', 'IdentityCenterUser')
      and via_service is null
      and principal_arn <> 'unknown'
      and coalesce(eventType, 'AwsApiCall') in ('AwsApiCall', 'AwsConsoleAction')
    window
        calls as (partition by principal_arn, eventSource, eventName order by eventTime, eventID),
        everything as (partition by principal_arn order by eventTime, eventID)
),
first_calls as (
    select
        *,
        count(*) over (
            partition by account_id, eventSource, eventName order by eventTime, eventID
            rows between unbounded preceding and 1 preceding
        ) as peers
    from own
    where nth_of_call = 1
),
firsts as (
    select
        *,
        nth > $events and nth_day > $days and eventTime >= known_since + to_days($days) as known,
        all_events > $events and all_days > $days and known_until >= known_since + to_days($days) as known_in_the_end,
        row_number() over (partition by principal_arn order by eventTime, eventID) as place
    from first_calls
    where sensitive and eventTime >= $since and (guarded or peers < $peers)
)
select
    eventTime, coalesce(eventID, record_sha256) as eventID, principal_arn, account_id, awsRegion, eventSource, eventName,
    case
        when known then format(
            'first {} in {} events since {}; {} other principals of the account made it before',
            eventName, nth, strftime(known_since, '%Y-%m-%d'), peers
        )
        else format('known on {} days by {} events', all_days, all_events)
    end as detail,
    known as baseline
from firsts
where known or (place = 1 and not known_in_the_end)
order by eventTime, eventID
