-- /// query
-- title = "Events that name a resource"
-- question = "Which events name this resource, in their list of resources or as a value of the request or the answer?"
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
-- [params.names]
-- type = "list"
-- default = "[]"
-- help = "ways in which the resource is named: its ARN, its plain name"
-- [params.texts]
-- type = "list"
-- default = "[]"
-- help = "the same names as JSON has them, in quotes"
-- [params.core]
-- type = "text"
-- default = ""
-- help = "what all of these texts have in common, by which most events are ruled out; empty for nothing"
-- ///
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
    len(list_filter(resources, lambda each: list_contains($names, each.ARN))) > 0
    or (
        contains(requestParameters, $core)
        and len(list_filter($texts, lambda each: contains(requestParameters, each))) > 0
    )
    or (
        contains(responseElements, $core)
        and len(list_filter($texts, lambda each: contains(responseElements, each))) > 0
    )
  )
order by eventTime, eventID
