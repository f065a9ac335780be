-- /// query
-- title = "Policies attached to nothing"
-- question = "Which customer managed policies are attached to nobody and are nobody's boundary?"
-- severity = "low"
-- [columns]
-- account_id = "account"
-- policy_arn = "the policy"
-- created = "when it was made (UTC)"
-- updated = "when it was last changed (UTC)"
-- taken_at = "when the snapshot was taken (UTC)"
-- ///
with attached as (
    select unnest(json_extract_string(item, '$.AttachedManagedPolicies[*].PolicyArn')) as arn
    from iam_items
    union
    select boundary
    from iam_principals
    where boundary is not null
)
select
    account_id,
    arn as policy_arn,
    try_cast(item ->> '$.CreateDate' as timestamptz) as created,
    try_cast(item ->> '$.UpdateDate' as timestamptz) as updated,
    taken_at
from iam_items
where kind = 'policy'
  and arn like 'arn:%:iam::%:policy/%'
  and arn not like 'arn:%:iam::aws:policy/%'
  and coalesce((item ->> '$.AttachmentCount')::integer, 0) = 0
  and arn not in (select arn from attached)
order by account_id, policy_arn
