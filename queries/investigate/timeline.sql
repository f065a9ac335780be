-- /// query
-- title = "Timeline"
-- question = "What happened, in order, by a principal, a key, a session or an address, or to a resource?"
-- [columns]
-- eventTime = "when (UTC)"
-- eventID = "the event"
-- principal_arn = "who: session issuer, user, root or service"
-- session_name = "name of the session"
-- access_key_id = "access key"
-- account_id = "account"
-- awsRegion = "region"
-- eventSource = "service called"
-- eventName = "call"
-- outcome = "ok, denied or error"
-- errorCode = "the service's error"
-- via_service = "service that called on the principal's behalf"
-- sourceIPAddress = "where it came from"
-- userAgent = "with what"
-- resources = "ARNs of the resources that the record names"
-- [params.since]
-- type = "timestamp"
-- default = "0001-01-01"
-- help = "start of the window"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- help = "end of the window"
-- [params.principal]
-- type = "text"
-- optional = true
-- help = "ARN of a user, role or root user"
-- [params.access_key]
-- type = "text"
-- optional = true
-- help = "access key id, long-lived or a session's"
-- [params.session]
-- type = "text"
-- optional = true
-- help = "name of a session"
-- [params.address]
-- type = "text"
-- optional = true
-- help = "source address, or its network as 192.0.2.0/24"
-- [params.resource]
-- type = "text"
-- optional = true
-- help = "ARN of a resource"
-- ///
-- Parameters narrow each other; without any it is the log of the window.
select
    eventTime, coalesce(eventID, record_sha256) as eventID,
    principal_arn, session_name, access_key_id, account_id, awsRegion,
    eventSource, eventName, outcome, errorCode, via_service, sourceIPAddress, userAgent,
    list_filter(list_transform(resources, lambda each: each.ARN), lambda arn: arn is not null) as resources
from events
where eventTime between $since and $until
  and ($principal is null or principal_arn = $principal)
  and ($access_key is null or access_key_id = $access_key)
  and ($session is null or session_name = $session)
  and ($address is null or sourceIPAddress = $address or source_network = $address)
  and ($resource is null or list_contains(list_transform(resources, lambda each: each.ARN), $resource))
order by eventTime, eventID
