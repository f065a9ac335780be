-- /// query
-- title = "Events of a case"
-- question = "Which events belong to these keys, or principals, sessions, addresses, programs?"
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
-- [params.kind]
-- type = "text"
-- default = "access_key"
-- help = "what they are: access_key, principal, console, on_behalf, session, role_session, address, network, agent, event"
-- [params.values]
-- type = "list"
-- default = "[]"
-- help = "key ids, ARNs, session names, ACCOUNT:ROLE/SESSION, addresses, networks (/24, /48), whole user agents, event ids"
-- [params.moments]
-- type = "list"
-- default = "[]"
-- help = "for each value the time from which on it counts"
-- ///
-- `console` are sign-ins and console sessions of these principals, `on_behalf` what services did for them. One kind at a
-- time, so that one column decides: DuckDB reads the others only where that one fits. Of sessions of one role that is
-- the session's name.
with followed as (
    select unnest($values::varchar[]) as followed, unnest($moments::timestamptz[]) as moment
),
earliest as (
    select
        followed, case $kind when 'role_session' then regexp_replace(followed, '^[^/]*/', '') else followed end as held,
        min(coalesce(moment, $since)) as moment
    from followed
    group by followed
)
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
join earliest on held = case $kind
    when 'access_key' then access_key_id
    when 'session' then session_name
    when 'role_session' then session_name
    when 'address' then sourceIPAddress
    when 'network' then source_network
    when 'agent' then userAgent
    when 'event' then coalesce(eventID, record_sha256)
    else principal_arn
end
where eventTime between $since and $until
  and eventTime >= moment
  and ($kind <> 'console' or eventSource = 'signin.amazonaws.com' or sessionCredentialFromConsole = 'true')
  and ($kind <> 'on_behalf' or via_service is not null)
  and (
    $kind <> 'role_session' or followed
        = split_part(principal_arn, ':', 5) || ':' || regexp_extract(principal_arn, '[^/]+$') || '/' || session_name
  )
order by eventTime, eventID
