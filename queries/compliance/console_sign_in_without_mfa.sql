-- /// query
-- title = "Console sign-in without MFA"
-- question = "Who signed in to the console without MFA?"
-- severity = "high"
-- controls = ["CT-02"]
-- [columns]
-- account_id = "account signed in to"
-- awsRegion = "region of the sign-in page"
-- principal_arn = "who signed in; unknown where AWS hides a name that does not exist"
-- principal_type = "CloudTrail's userIdentity.type"
-- outcome = "ok: signed in; error: the attempt failed"
-- mfa_used = "what the record says: Yes, No, or nothing"
-- judgement = "violation: root or an IAM user got in without MFA; review: matches the benchmark's filter otherwise"
-- why = "the judgement in words"
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
-- The benchmark's filter is every ConsoleLogin whose MFAUsed is not Yes. That is also the failed attempt, and everybody
-- who comes through a federation, for whom AWS always writes No: the identity provider asked for MFA, or did not (AWS:
-- "AWS Management Console sign-in events"). Both are listed, apart from sign-ins that did go without.
with sign_ins as (
    select
        account_id, awsRegion, principal_arn, principal_type, eventTime, sourceIPAddress,
        case when try(responseElements ->> '$.ConsoleLogin') = 'Failure' then 'error' else outcome end as outcome,
        try(additionalEventData ->> '$.MFAUsed') as mfa_used,
        coalesce(eventID, record_sha256) as event_id,
        coalesce(sharedEventID, eventID, record_sha256) as call_id
    from events
    where eventTime between $since and $until
      and eventName = 'ConsoleLogin'
),
judged as (
    select
        *,
        case
            when outcome <> 'ok' then 'failed attempt'
            when principal_type not in ('Root', 'IAMUser') then 'federated: MFA is the identity provider''s to ask for'
            when mfa_used is null then 'the record does not say whether MFA was used'
            else 'signed in with a password alone'
        end as why
    from sign_ins
    where mfa_used is distinct from 'Yes'
)
select
    account_id, awsRegion, principal_arn, principal_type, outcome, mfa_used,
    case when why = 'signed in with a password alone' then 'violation' else 'review' end as judgement,
    why,
    count(distinct call_id) as "count",
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    list(distinct sourceIPAddress order by sourceIPAddress) filter (sourceIPAddress is not null) as source_addresses,
    list(event_id order by eventTime, event_id) as event_ids
from judged
group by account_id, awsRegion, principal_arn, principal_type, outcome, mfa_used, why
order by judgement desc, last_seen desc, principal_arn, outcome, mfa_used, account_id, awsRegion
