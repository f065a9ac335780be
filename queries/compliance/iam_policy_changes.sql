-- /// query
-- title = "IAM policy changes"
-- question = "Who changed which IAM policies or their attachments, and did the change happen?"
-- severity = "medium"
-- controls = ["CT-04"]
-- [columns]
-- account_id = "account whose log holds the call"
-- awsRegion = "region of the call"
-- principal_arn = "who called"
-- eventSource = "service called"
-- eventName = "the change"
-- outcome = "ok: it happened; denied or error: it was tried"
-- in_benchmark = "whether the benchmark names this call"
-- count = "calls, each counted once"
-- first_seen = "first call (UTC)"
-- last_seen = "last call (UTC)"
-- targets = "whose policy and which policy"
-- source_addresses = "where the calls came from"
-- event_ids = "all of the events"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
-- The benchmark names sixteen calls; in_benchmark tells them from those that change a policy's effect as well and
-- that it leaves out (trust policies, the default version, boundaries). Organizations and IoT have calls of the same
-- names, which change no IAM policy.
with calls as (
    select
        account_id, awsRegion, principal_arn, eventSource, eventName, outcome, eventTime, sourceIPAddress,
        eventName not in (
            'UpdateAssumeRolePolicy', 'SetDefaultPolicyVersion', 'PutRolePermissionsBoundary',
            'PutUserPermissionsBoundary', 'DeleteRolePermissionsBoundary', 'DeleteUserPermissionsBoundary'
        ) as in_benchmark,
        coalesce(eventID, record_sha256) as event_id,
        coalesce(sharedEventID, eventID, record_sha256) as call_id,
        try(nullif(concat_ws(
            ' ',
            coalesce(
                requestParameters ->> '$.userName', requestParameters ->> '$.roleName',
                requestParameters ->> '$.groupName'
            ),
            coalesce(
                requestParameters ->> '$.policyArn', requestParameters ->> '$.policyName',
                requestParameters ->> '$.permissionsBoundary'
            )
        ), '')) as target
    from events
    where eventTime between $since and $until
      and eventSource = 'iam.amazonaws.com'
      and eventName in (
          'DeleteGroupPolicy', 'DeleteRolePolicy', 'DeleteUserPolicy', 'PutGroupPolicy', 'PutRolePolicy',
          'PutUserPolicy', 'CreatePolicy', 'DeletePolicy', 'CreatePolicyVersion', 'DeletePolicyVersion',
          'AttachRolePolicy', 'DetachRolePolicy', 'AttachUserPolicy', 'DetachUserPolicy', 'AttachGroupPolicy',
          'DetachGroupPolicy',
          'UpdateAssumeRolePolicy', 'SetDefaultPolicyVersion', 'PutRolePermissionsBoundary',
          'PutUserPermissionsBoundary', 'DeleteRolePermissionsBoundary', 'DeleteUserPermissionsBoundary'
      )
)
select
    account_id, awsRegion, principal_arn, eventSource, eventName, outcome, in_benchmark,
    count(distinct call_id) as "count",
    min(eventTime) as first_seen,
    max(eventTime) as last_seen,
    list(distinct target order by target) filter (target is not null) as targets,
    list(distinct sourceIPAddress order by sourceIPAddress) filter (sourceIPAddress is not null) as source_addresses,
    list(event_id order by eventTime, event_id) as event_ids
from calls
group by account_id, awsRegion, principal_arn, eventSource, eventName, outcome, in_benchmark
order by last_seen desc, "count" desc, principal_arn, eventName, outcome, account_id, awsRegion
