-- /// query
-- title = "Role assumptions"
-- question = "Who assumed which role, in which session, and was it let in?"
-- [columns]
-- role_arn = "role asked for; null where the record does not say"
-- caller = "who asked: principal, service, or for federation the provider's word for the person"
-- session_name = "name the caller gave the session"
-- outcome = "ok, denied or error"
-- mfa = "whether the caller itself had signed in with MFA; null where the record does not say"
-- access_keys = "keys of the sessions that were made"
-- sourceIPAddresses = "where the requests came from"
-- first_seen = "first request"
-- last_seen = "last request"
-- count = "number of requests, an organization's twins of one call counted once"
-- [params.since]
-- type = "timestamp"
-- default = "0001-01-01"
-- help = "start of the window"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- help = "end of the window"
-- [params.role]
-- type = "text"
-- optional = true
-- help = "ARN of the role"
-- [params.caller]
-- type = "text"
-- optional = true
-- help = "ARN of the principal that asked"
-- ///
-- AWS writes a call across accounts into both logs under one sharedEventID. A refused request comes without its
-- parameters; its message then names the role.
with requests as (
    select
        coalesce(
            try(requestParameters ->> '$.roleArn'),
            list_filter(resources, lambda each: each.type = 'AWS::IAM::Role')[1].ARN,
            nullif(regexp_extract(errorMessage, 'on resource: (arn:[^ ]+:role/[^ ]+)', 1), '')
        ) as role_arn,
        case
            when principal_arn <> 'unknown' then principal_arn
            else coalesce(userIdentity.userName, userIdentity.identityProvider, principal_arn)
        end as caller,
        try(requestParameters ->> '$.roleSessionName') as session_name,
        outcome,
        userIdentity.sessionContext.attributes.mfaAuthenticated = 'true' as mfa,
        try(responseElements ->> '$.credentials.accessKeyId') as issued,
        sourceIPAddress,
        eventTime,
        coalesce(sharedEventID, eventID, record_sha256) as call_id
    from events
    where eventTime between $since and $until
      and eventSource = 'sts.amazonaws.com'
      and eventName in ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity')
)
select
    role_arn, caller, session_name, outcome,
    bool_or(mfa) as mfa,
    list(distinct issued order by issued) filter (issued is not null) as access_keys,
    list(distinct sourceIPAddress order by sourceIPAddress) filter (sourceIPAddress is not null) as sourceIPAddresses,
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    count(distinct call_id) as "count"
from requests
where ($role is null or role_arn = $role)
  and ($caller is null or caller = $caller)
group by role_arn, caller, session_name, outcome
order by first_seen, role_arn, caller, session_name, outcome
