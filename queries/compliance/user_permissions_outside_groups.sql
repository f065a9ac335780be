-- /// query
-- title = "Permissions of users outside groups"
-- question = "Which IAM users have policies of their own instead of through a group?"
-- severity = "low"
-- controls = ["IAM-13"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- user_name = "user, as the report names it"
-- arn = "its ARN"
-- attached_policies = "managed policies attached to the user"
-- inline_policies = "policies written into the user"
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest report taken by then; without it the newest of all"
-- ///
with chosen as (
    select account_id, snapshot_id, taken_at
    from iam_reports
    where report = 'authorization_details'
      and ($taken_until is null or taken_at <= $taken_until)
    qualify row_number() over (partition by account_id order by taken_at desc, imported_at desc, snapshot_id) = 1
),
users as (
    select
        snapshots.account_id, snapshots.taken_at,
        coalesce(item ->> 'UserName', name) as user_name,
        coalesce(item ->> 'Arn', arn) as arn,
        list_sort(json_extract_string(item, '$.AttachedManagedPolicies[*].PolicyArn')) as attached_policies,
        list_sort(json_extract_string(item, '$.UserPolicyList[*].PolicyName')) as inline_policies
    from lake.iam_snapshots as snapshots
    join chosen using (account_id, snapshot_id)
    where kind = 'user'
)
select account_id, taken_at, user_name, arn, attached_policies, inline_policies
from users
where len(attached_policies) > 0 or len(inline_policies) > 0
order by account_id, user_name
