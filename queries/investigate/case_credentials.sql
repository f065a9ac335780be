-- /// query
-- title = "Who asked for a session's credentials"
-- question = "Which calls gave out these session keys, and which console sign-ins may have made these sessions?"
-- [columns]
-- issued = "session key that the call gave out; null for a sign-in"
-- eventTime = "when (UTC)"
-- eventID = "the event"
-- eventSource = "service that was asked"
-- eventName = "call"
-- sharedEventID = "id that the twins of one call across accounts share"
-- account_id = "account whose log has it"
-- principal_arn = "who asked"
-- principal_type = "CloudTrail's userIdentity.type"
-- principal_id = "unique id of who asked"
-- session_name = "session of who asked"
-- access_key_id = "key with which it was asked"
-- session_created = "when the session of who asked was made"
-- source_identity = "identity set by who asked, or before"
-- person = "Identity Center user id on whose behalf it was asked"
-- user_name = "user name, or the provider's word for the person"
-- provider = "identity provider of a federated caller; for a certificate its trust anchor"
-- identity_id = "Cognito's id of the person"
-- tags = "session tags that were passed, JSON"
-- invoked_by = "service that asked"
-- role_arn = "role asked for"
-- role_session = "name given to the session"
-- switched_from = "for SwitchRole: who switched"
-- mfa = "for a sign-in: whether with MFA"
-- sourceIPAddress = "where it came from"
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
-- help = "session keys"
-- [params.principals]
-- type = "list"
-- default = "[]"
-- help = "principals whose sign-ins count"
-- ///
-- A console session's keys are given out without a record; its sign-in stands at the time the session was made.
-- Answers: API references of AWS STS, Cognito identity pools (GetCredentialsForIdentity), EKS Auth
-- (AssumeRoleForPodIdentity), IAM Roles Anywhere (CreateSession) and S3 (CreateSession of directory buckets).
with asked as (
    select
        case
            when eventSource = 'rolesanywhere.amazonaws.com'
                then try(responseElements ->> '$.credentialSet[0].credentials.accessKeyId')
            when eventSource <> 'signin.amazonaws.com' then try(responseElements ->> '$.credentials.accessKeyId')
        end as issued,
        eventTime, eventID, eventSource, eventName, sharedEventID, account_id, principal_arn, principal_type, principal_id,
        session_name, access_key_id,
        userIdentity.sessionContext.attributes.creationDate as session_created,
        coalesce(
            userIdentity.sessionContext.sourceIdentity, try(requestParameters ->> '$.sourceIdentity'),
            try(responseElements ->> '$.credentialSet[0].sourceIdentity')
        ) as source_identity,
        userIdentity.onBehalfOf.userId as person,
        userIdentity.userName as user_name,
        coalesce(
            userIdentity.identityProvider, userIdentity.sessionContext.webIdFederationData.federatedProvider,
            try(requestParameters ->> '$.trustAnchorArn'), try(json_keys(requestParameters, '$.logins')[1])
        ) as provider,
        try(responseElements ->> '$.identityId') as identity_id,
        try(requestParameters ->> '$.tags') as tags,
        userIdentity.invokedBy as invoked_by,
        try(requestParameters ->> '$.roleArn') as role_arn,
        try(requestParameters ->> '$.roleSessionName') as role_session,
        try(additionalEventData ->> '$.SwitchFrom') as switched_from,
        try(additionalEventData ->> '$.MFAUsed') as mfa,
        sourceIPAddress
    from events
    where eventTime between $since and $until
      and eventSource in (
        'sts.amazonaws.com', 'signin.amazonaws.com', 'cognito-identity.amazonaws.com', 'eks-auth.amazonaws.com',
        'rolesanywhere.amazonaws.com', 's3express.amazonaws.com'
      )
      and eventName in (
        'AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity', 'AssumeRoot', 'GetSessionToken',
        'GetFederationToken', 'ConsoleLogin', 'SwitchRole', 'GetCredentialsForIdentity', 'AssumeRoleForPodIdentity',
        'CreateSession'
      )
      and outcome = 'ok'
)
select *
from asked
where list_contains($keys, issued)
   or (issued is null and eventName in ('ConsoleLogin', 'SwitchRole') and list_contains($principals, principal_arn))
order by eventTime, eventID
