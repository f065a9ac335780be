-- /// query
-- title = "Events of a case"
-- question = "Which events belong to any of these keys, principals, sessions, addresses or programs?"
-- [columns]
-- eventTime = "when (UTC)"
-- eventID = "the event"
-- eventSource = "service called"
-- eventName = "call"
-- outcome = "ok, denied or error"
-- errorCode = "the service's error"
-- readOnly = "whether the call only reads; null where the record does not say"
-- eventCategory = "Management, Data, …"
-- eventType = "AwsApiCall, AwsConsoleSignIn, …"
-- account_id = "account"
-- awsRegion = "region"
-- principal_arn = "who: session issuer, user, root or service"
-- principal_type = "CloudTrail's userIdentity.type"
-- user_name = "userIdentity.userName; of federated callers the provider's word for the person"
-- session_name = "name of the session"
-- access_key_id = "access key"
-- session_created = "when the session was made, as its events tell"
-- source_identity = "identity set when the first role of a chain was assumed"
-- person = "Identity Center user id on whose behalf the session acts"
-- delivery = "for credentials of an EC2 instance's role: version of the metadata service that delivered them"
-- provider = "identity provider of a federated session, as its events tell"
-- console = "whether the credentials belong to a console sign-in"
-- via_service = "service that called on the principal's behalf"
-- sourceIPAddress = "where it came from"
-- source_network = "its network"
-- userAgent = "with what"
-- sharedEventID = "id that the twins of one call across accounts share"
-- resources = "ARNs of the resources that the record names"
-- file = "data file of the lake that has it"
-- row = "row of the file, from 0"
-- [params.since]
-- type = "timestamp"
-- default = "0001-01-01"
-- help = "start of the window"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- help = "end of the window"
-- [params.keys]
-- type = "list"
-- default = "[]"
-- help = "access key ids"
-- [params.principals]
-- type = "list"
-- default = "[]"
-- help = "ARNs of principals"
-- [params.principals_since]
-- type = "list"
-- default = "[]"
-- help = "for each principal the time from which on it counts"
-- [params.sessions]
-- type = "list"
-- default = "[]"
-- help = "session names, of whatever role"
-- [params.sessions_since]
-- type = "list"
-- default = "[]"
-- help = "for each session name the time from which on it counts"
-- [params.role_sessions]
-- type = "list"
-- default = "[]"
-- help = "sessions of one role, as ACCOUNT:ROLE/SESSION"
-- [params.console_users]
-- type = "list"
-- default = "[]"
-- help = "ARNs of users whose console sessions count"
-- [params.console_since]
-- type = "list"
-- default = "[]"
-- help = "for each of these users the time from which on they count"
-- [params.addresses]
-- type = "list"
-- default = "[]"
-- help = "source addresses"
-- [params.networks]
-- type = "list"
-- default = "[]"
-- help = "source networks (/24, /48) as the column source_network has them"
-- [params.agents]
-- type = "list"
-- default = "[]"
-- help = "user agents, whole"
-- [params.callers]
-- type = "list"
-- default = "[]"
-- help = "ARNs of principals of whom only what services did on their behalf counts"
-- ///
-- An empty list leaves its line out; with one list given DuckDB skips what a file's statistics rule out by its bounds.
select
    eventTime, coalesce(eventID, record_sha256) as eventID,
    eventSource, eventName, outcome, errorCode, readOnly, eventCategory, eventType, account_id, awsRegion,
    principal_arn, principal_type, userIdentity.userName as user_name, session_name, access_key_id,
    userIdentity.sessionContext.attributes.creationDate as session_created,
    userIdentity.sessionContext.sourceIdentity as source_identity,
    userIdentity.onBehalfOf.userId as person,
    userIdentity.sessionContext.ec2RoleDelivery as delivery,
    userIdentity.sessionContext.webIdFederationData.federatedProvider as provider,
    sessionCredentialFromConsole = 'true' as console,
    via_service, sourceIPAddress, source_network, userAgent, sharedEventID,
    list_filter(list_transform(resources, lambda each: each.ARN), lambda arn: arn is not null) as resources,
    file, row
from events_by_file
where eventTime between $since and $until
  and (
    (len($keys) > 0 and access_key_id between list_min($keys) and list_max($keys) and list_contains($keys, access_key_id))
    or (
        len($principals) > 0 and principal_arn between list_min($principals) and list_max($principals)
        and eventTime >= $principals_since[list_position($principals, principal_arn)]::timestamptz
    )
    or (
        len($callers) > 0 and principal_arn between list_min($callers) and list_max($callers)
        and list_contains($callers, principal_arn) and via_service is not null
    )
    or (
        len($console_users) > 0 and principal_arn between list_min($console_users) and list_max($console_users)
        and eventTime >= $console_since[list_position($console_users, principal_arn)]::timestamptz
        and (eventSource = 'signin.amazonaws.com' or sessionCredentialFromConsole = 'true')
    )
    or (
        len($sessions) > 0 and session_name between list_min($sessions) and list_max($sessions)
        and eventTime >= $sessions_since[list_position($sessions, session_name)]::timestamptz
    )
    or (
        len($role_sessions) > 0 and list_contains(
            $role_sessions,
            split_part(principal_arn, ':', 5) || ':' || regexp_extract(principal_arn, '[^/]+$') || '/' || session_name
        )
    )
    or (len($addresses) > 0 and sourceIPAddress between list_min($addresses) and list_max($addresses) and list_contains($addresses, sourceIPAddress))
    or (len($networks) > 0 and source_network between list_min($networks) and list_max($networks) and list_contains($networks, source_network))
    or (len($agents) > 0 and userAgent between list_min($agents) and list_max($agents) and list_contains($agents, userAgent))
  )
order by eventTime, eventID
