-- /// query
-- title = "Events of some moments"
-- question = "Which events did these principals and keys have at these very moments, from where and with what?"
-- [columns]
-- eventTime = "when (UTC)"
-- eventID = "the event"
-- principal_arn = "who"
-- access_key_id = "with which key"
-- source_network = "network of the address"
-- sourceIPAddress = "where it came from"
-- userAgent = "with what"
-- [params.moments]
-- type = "list"
-- default = "[]"
-- help = "times"
-- [params.principals]
-- type = "list"
-- default = "[]"
-- help = "ARNs of principals"
-- [params.keys]
-- type = "list"
-- default = "[]"
-- help = "access key ids"
-- ///
-- As in the questions on networks and neighbours: without calls that a service made for the principal.
select
    eventTime, coalesce(eventID, record_sha256) as eventID,
    principal_arn, access_key_id, source_network, sourceIPAddress, userAgent
from events
where eventTime in (select unnest($moments::timestamptz[]))
  and (principal_arn in (select unnest($principals::varchar[])) or access_key_id in (select unnest($keys::varchar[])))
  and via_service is null
  and source_network is not null
order by eventTime, eventID
