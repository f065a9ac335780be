-- /// view
-- title = "Sightings"
-- question = "Who was seen with which key, session, address and program, one row a data file of the lake?"
-- [columns]
-- file = "data file of the lake that has the events"
-- principal_arn = "who: session issuer, user, root or service"
-- principal_type = "CloudTrail's userIdentity.type"
-- session_name = "name of the session"
-- access_key_id = "access key"
-- sourceIPAddress = "where they came from"
-- source_network = "its network"
-- userAgent = "with what"
-- via_service = "service that called on the principal's behalf"
-- events = "number of events"
-- denied = "of these, refused for lack of permission"
-- first_seen = "first of them"
-- last_seen = "last of them"
-- first_event = "id of the first"
-- ///
-- A data file never changes, nor does what was seen in it: `pipeline.casework.sightings` keeps these rows.
select
    file, principal_arn, principal_type, session_name, access_key_id,
    sourceIPAddress, source_network, userAgent, via_service,
    count(*) as events,
    count(*) filter (outcome = 'denied') as denied,
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    arg_min(coalesce(eventID, record_sha256), (eventTime, coalesce(eventID, record_sha256))) as first_event
from events_by_file
group by all
