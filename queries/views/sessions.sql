-- /// view
-- title = "Sessions"
-- question = "Which sessions were there, when, from where and with MFA or without, one row a session?"
-- [columns]
-- principal_arn = "role or user whose session it is"
-- session_name = "name the caller gave the session; for Identity Center and many tools the person"
-- access_key_ids = "its temporary access keys; a console session has one for each service it visits"
-- created = "when the session was made, as its events tell"
-- mfa = "whether it was made with MFA, as its events tell; null where they do not"
-- source_identity = "identity set when the role was assumed, which role chaining keeps"
-- from_console = "whether its credentials belong to a console sign-in"
-- accounts = "accounts in which it acted"
-- networks = "networks it came from"
-- user_agents = "number of different user agents"
-- first_seen = "its first event"
-- last_seen = "its last event"
-- events = "number of events"
-- denied = "of these, refused for lack of permission"
-- calls = "number of different calls"
-- ///
with session_events as (
    select
        *,
        -- The console asks for new keys of the same session, which its creation time tells; elsewhere a key is a session.
        case
            when sessionCredentialFromConsole = 'true' then userIdentity.sessionContext.attributes.creationDate
            else access_key_id
        end as session_key
    from events
    -- AKIA keys are long-lived; what else has a key is a session
    where access_key_id is not null and not starts_with(access_key_id, 'AKIA')
)
select
    principal_arn,
    session_name,
    list(distinct access_key_id order by access_key_id) as access_key_ids,
    min(userIdentity.sessionContext.attributes.creationDate) as created,
    bool_or(userIdentity.sessionContext.attributes.mfaAuthenticated = 'true') as mfa,
    max(userIdentity.sessionContext.sourceIdentity) as source_identity,
    coalesce(bool_or(sessionCredentialFromConsole = 'true'), false) as from_console,
    list(distinct account_id order by account_id) filter (account_id is not null) as accounts,
    list(distinct source_network order by source_network) filter (source_network is not null) as networks,
    count(distinct userAgent) as user_agents,
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    count(*) as events,
    count(*) filter (outcome = 'denied') as denied,
    count(distinct (eventSource, eventName)) as calls
from session_events
group by principal_arn, session_name, session_key
