-- /// query
-- title = "Permissions granted to oneself"
-- question = "Who widened the permissions of the user or role it is itself?"
-- severity = "high"
-- controls = ["CT-04"]
-- mitre = ["T1098.003"]
-- action = "Take the policy off again unless a change explains it, and see what was done with it."
-- [columns]
-- eventTime = "when (UTC)"
-- eventID = "the event"
-- principal_arn = "who"
-- account_id = "account"
-- awsRegion = "region"
-- eventSource = "service called"
-- eventName = "call"
-- detail = "why it stands out"
-- baseline = "false where the history is too short to judge"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
-- The call names a user, role or group member; it is oneself where the name is the caller's own.
with grants as (
    select
        *,
        case
            when principal_type = 'IAMUser' then try(requestParameters ->> '$.userName')
            when principal_type = 'AssumedRole' then try(requestParameters ->> '$.roleName')
        end as target,
        regexp_extract(principal_arn, '[^/]+$') as own_name
    from events
    where eventTime between $since and $until
      and eventSource = 'iam.amazonaws.com'
      and outcome = 'ok'
      and via_service is null
      and (
          principal_type = 'IAMUser' and eventName in (
              'AttachUserPolicy', 'PutUserPolicy', 'AddUserToGroup', 'DeleteUserPermissionsBoundary'
          )
          or principal_type = 'AssumedRole' and eventName in (
              'AttachRolePolicy', 'PutRolePolicy', 'DeleteRolePermissionsBoundary'
          )
      )
)
select
    eventTime, coalesce(eventID, record_sha256) as eventID, principal_arn, account_id, awsRegion, eventSource, eventName,
    case
        when eventName like 'Delete%' then format('{} removed its own permissions boundary', own_name)
        else format(
            '{} gave itself {}', own_name,
            coalesce(
                try(requestParameters ->> '$.policyArn'), try(requestParameters ->> '$.policyName'),
                'the permissions of group ' || try(requestParameters ->> '$.groupName'), 'permissions'
            )
        )
    end as detail,
    true as baseline
from grants
where target = own_name
order by eventTime, eventID
