-- /// view
-- title = "IAM principals"
-- question = "Which users and roles did each account have, by its newest snapshot, one row a principal?"
-- [columns]
-- account_id = "account"
-- kind = "user or role"
-- arn = "its ARN"
-- name = "its name"
-- path = "its path"
-- principal_id = "its unique id (AIDA…, AROA…), which changes when it is deleted and made again"
-- key = "account, kind and name without the path, as the log can name it"
-- created = "when it was made (UTC)"
-- service_linked = "whether AWS made the role for a service; nobody else can change it"
-- boundary = "ARN of its permission boundary"
-- groups = "groups it is a member of"
-- managed_policies = "ARNs of managed policies attached to it"
-- inline_policies = "names of its inline policies"
-- role_last_used = "last use that IAM knows of a role (RoleLastUsed); IAM looks back 400 days"
-- role_last_used_region = "region of that use"
-- taken_at = "when the snapshot was taken (UTC)"
-- ///
-- Names are unique in an account whatever the path (AWS: "IAM and AWS STS quotas"), so a record without path finds its role.
select
    account_id,
    kind,
    arn,
    name,
    coalesce(item ->> '$.Path', '/') as path,
    coalesce(item ->> '$.RoleId', item ->> '$.UserId') as principal_id,
    account_id || ':' || kind || '/' || name as key,
    try_cast(item ->> '$.CreateDate' as timestamptz) as created,
    kind = 'role' and coalesce(item ->> '$.Path', '/') like '/aws-service-role/%' as service_linked,
    item ->> '$.PermissionsBoundary.PermissionsBoundaryArn' as boundary,
    json_extract_string(item, '$.GroupList[*]') as groups,
    json_extract_string(item, '$.AttachedManagedPolicies[*].PolicyArn') as managed_policies,
    coalesce(json_extract_string(item, '$.UserPolicyList[*].PolicyName'), []::varchar[])
        || coalesce(json_extract_string(item, '$.RolePolicyList[*].PolicyName'), []::varchar[]) as inline_policies,
    try_cast(item ->> '$.RoleLastUsed.LastUsedDate' as timestamptz) as role_last_used,
    item ->> '$.RoleLastUsed.Region' as role_last_used_region,
    taken_at
from iam_items
where kind in ('user', 'role')
