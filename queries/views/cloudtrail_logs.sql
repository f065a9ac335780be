-- /// view
-- title = "CloudTrail logs as in Athena"
-- question = "What happened, in the names and types of AWS's documented Athena table?"
-- ///
-- AWS: Athena user guide, "Create a table for CloudTrail logs in Athena using partition projection". Every scalar is
-- text there, times and readOnly included; `timestamp` is that table's partition, the day as yyyy/MM/dd.
select
    eventVersion as eventversion,
    case when userIdentity is not null then {
        'type': userIdentity.type,
        'principalid': userIdentity.principalId,
        'arn': userIdentity.arn,
        'accountid': userIdentity.accountId,
        'invokedby': userIdentity.invokedBy,
        'accesskeyid': userIdentity.accessKeyId,
        'username': userIdentity.userName,
        'onbehalfof': case when userIdentity.onBehalfOf is not null then {
            'userid': userIdentity.onBehalfOf.userId,
            'identitystorearn': userIdentity.onBehalfOf.identityStoreArn
        } end,
        'sessioncontext': case when userIdentity.sessionContext is not null then {
            'attributes': case when userIdentity.sessionContext.attributes is not null then {
                'mfaauthenticated': userIdentity.sessionContext.attributes.mfaAuthenticated,
                'creationdate': userIdentity.sessionContext.attributes.creationDate
            } end,
            'sessionissuer': case when userIdentity.sessionContext.sessionIssuer is not null then {
                'type': userIdentity.sessionContext.sessionIssuer.type,
                'principalid': userIdentity.sessionContext.sessionIssuer.principalId,
                'arn': userIdentity.sessionContext.sessionIssuer.arn,
                'accountid': userIdentity.sessionContext.sessionIssuer.accountId,
                'username': userIdentity.sessionContext.sessionIssuer.userName
            } end,
            'ec2roledelivery': userIdentity.sessionContext.ec2RoleDelivery,
            'webidfederationdata': case when userIdentity.sessionContext.webIdFederationData is not null then {
                'federatedprovider': userIdentity.sessionContext.webIdFederationData.federatedProvider,
                'attributes': userIdentity.sessionContext.webIdFederationData.attributes
            } end
        } end
    } end as useridentity,
    strftime(eventTime, '%Y-%m-%dT%H:%M:%SZ') as eventtime,
    eventSource as eventsource,
    eventName as eventname,
    awsRegion as awsregion,
    sourceIPAddress as sourceipaddress,
    userAgent as useragent,
    errorCode as errorcode,
    errorMessage as errormessage,
    requestParameters as requestparameters,
    responseElements as responseelements,
    additionalEventData as additionaleventdata,
    requestID as requestid,
    eventID as eventid,
    readOnly::varchar as readonly,
    list_transform(resources, lambda each: {
        'arn': each.ARN, 'accountid': each.accountId, 'type': each.type
    }) as resources,
    eventType as eventtype,
    apiVersion as apiversion,
    recipientAccountId as recipientaccountid,
    serviceEventDetails as serviceeventdetails,
    sharedEventID as sharedeventid,
    vpcEndpointId as vpcendpointid,
    vpcEndpointAccountId as vpcendpointaccountid,
    eventCategory as eventcategory,
    case when addendum is not null then {
        'reason': addendum.reason,
        'updatedfields': addendum.updatedFields,
        'originalrequestid': addendum.originalRequestID,
        'originaleventid': addendum.originalEventID
    } end as addendum,
    sessionCredentialFromConsole as sessioncredentialfromconsole,
    edgeDeviceDetails as edgedevicedetails,
    case when tlsDetails is not null then {
        'tlsversion': tlsDetails.tlsVersion,
        'ciphersuite': tlsDetails.cipherSuite,
        'clientprovidedhostheader': tlsDetails.clientProvidedHostHeader
    } end as tlsdetails,
    strftime(eventTime, '%Y/%m/%d') as "timestamp"
from events
