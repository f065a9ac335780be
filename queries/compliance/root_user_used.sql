-- /// query
-- title = "Root user used"
-- question = "What did root users do themselves?"
-- severity = "high"
-- controls = ["CT-03"]
-- [columns]
-- account_id = "account whose root user it was"
-- awsRegion = "region of the call"
-- principal_arn = "the root user"
-- eventSource = "service called"
-- eventName = "what was done"
-- outcome = "ok, denied or error"
-- judgement = "violation: root was used; review: somebody stood at root's door and did not come in"
-- count = "events, each counted once"
-- first_seen = "first of them (UTC)"
-- last_seen = "last of them (UTC)"
-- source_addresses = "where they came from"
-- event_ids = "all of the events"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
-- Root's calls that a service makes on its behalf, and events AWS itself raises under root's name, are no use of root.
-- A sign-in that failed, the question whether MFA is needed, and a forgotten password asked for come before the door:
-- anybody who knows the account's e-mail address can cause them.
with acts as (
    select
        account_id, awsRegion, principal_arn, eventSource, eventName, outcome, eventTime, sourceIPAddress,
        eventType is not distinct from 'AwsConsoleSignIn' and (
            outcome <> 'ok'
            or eventName in ('CheckMfa', 'PasswordRecoveryRequested')
            or coalesce(try(responseElements ->> '$.ConsoleLogin'), '') = 'Failure'
        ) as at_the_door,
        coalesce(eventID, record_sha256) as event_id,
        coalesce(sharedEventID, eventID, record_sha256) as call_id
    from events
    where eventTime between $since and $until
      and userIdentity.type = 'Root'
      and userIdentity.invokedBy is null
      and eventType is distinct from 'AwsServiceEvent'
)
select
    account_id, awsRegion, principal_arn, eventSource, eventName, outcome,
    case when at_the_door then 'review' else 'violation' end as judgement,
    count(distinct call_id) as "count",
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    list(distinct sourceIPAddress order by sourceIPAddress) filter (sourceIPAddress is not null) as source_addresses,
    list(event_id order by eventTime, event_id) as event_ids
from acts
group by account_id, awsRegion, principal_arn, eventSource, eventName, outcome, at_the_door
order by judgement desc, last_seen desc, eventSource, eventName, outcome, account_id, awsRegion
