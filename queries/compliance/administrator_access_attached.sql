-- /// query
-- title = "AWS policies of full administration"
-- question = "To whom are AdministratorAccess and other AWS managed policies that allow everything attached?"
-- severity = "high"
-- controls = ["IAM-15"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- policy = "the policy's ARN"
-- holder_arn = "whom it is attached to"
-- holder_kind = "user, group or role"
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest report taken by then; without it the newest of all"
-- ///
-- AdministratorAccess is known by its name, so that an export without AWS's own policies still shows who holds it.
with chosen as (
    select account_id, snapshot_id, taken_at
    from iam_reports
    where report = 'authorization_details'
      and ($taken_until is null or taken_at <= $taken_until)
    qualify row_number() over (partition by account_id order by taken_at desc, imported_at desc, snapshot_id) = 1
),
holders as (
    select
        snapshots.account_id, snapshot_id, snapshots.taken_at, kind as holder_kind,
        coalesce(item ->> 'Arn', arn) as holder_arn,
        unnest(json_extract_string(item, '$.AttachedManagedPolicies[*].PolicyArn')) as policy
    from lake.iam_snapshots as snapshots
    join chosen using (account_id, snapshot_id)
    where kind in ('user', 'group', 'role')
),
full_admin as (
    select distinct account_id, snapshot_id, policy, condition is not null as conditional
    from policy_statements
    where source = 'managed'
      and effect = 'Allow'
      and (list_contains(actions, '*') or list_contains(actions, '*:*'))
      and list_contains(resources, '*')
)
select account_id, taken_at, policy, holder_arn, holder_kind
from holders
where policy like 'arn:%:iam::aws:policy/%'
  and (
      policy like '%:policy/AdministratorAccess'
      or (account_id, snapshot_id, policy) in (select account_id, snapshot_id, policy from full_admin)
  )
order by account_id, policy, holder_arn
