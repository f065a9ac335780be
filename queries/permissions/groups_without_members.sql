-- /// query
-- title = "Groups without members"
-- question = "Which groups have no member, so that their policies reach nobody?"
-- severity = "low"
-- [columns]
-- account_id = "account"
-- group_arn = "the group"
-- created = "when it was made (UTC)"
-- managed_policies = "ARNs of managed policies attached to it"
-- inline_policies = "names of its inline policies"
-- taken_at = "when the snapshot was taken (UTC)"
-- ///
with members as (
    select distinct account_id, unnest(groups) as name
    from iam_principals
    where kind = 'user'
)
select
    account_id,
    arn as group_arn,
    try_cast(item ->> '$.CreateDate' as timestamptz) as created,
    json_extract_string(item, '$.AttachedManagedPolicies[*].PolicyArn') as managed_policies,
    json_extract_string(item, '$.GroupPolicyList[*].PolicyName') as inline_policies,
    taken_at
from iam_items
where kind = 'group'
  and (account_id, name) not in (select account_id, name from members)
order by account_id, group_arn
