-- /// query
-- title = "Inline policies of full administration"
-- question = "Which users, groups and roles have an inline policy that allows everything on everything?"
-- severity = "high"
-- controls = ["IAM-16"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- policy = "the inline policy's name"
-- holder_arn = "whose policy it is"
-- conditional = "whether the statement holds under a condition only"
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
)
select distinct
    statements.account_id, statements.taken_at, policy, holder_arn, condition is not null as conditional
from policy_statements as statements
join chosen using (account_id, snapshot_id)
where source = 'inline'
  and effect = 'Allow'
  and (list_contains(actions, '*') or list_contains(actions, '*:*'))
  and list_contains(resources, '*')
order by statements.account_id, holder_arn, policy, conditional
