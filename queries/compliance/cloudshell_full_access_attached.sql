-- /// query
-- title = "AWSCloudShellFullAccess attached"
-- question = "To whom is AWSCloudShellFullAccess attached?"
-- severity = "medium"
-- controls = ["IAM-21"]
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
)
select account_id, taken_at, policy, holder_arn, holder_kind
from holders
where policy like 'arn:%:iam::aws:policy/%'
  and policy like '%:policy/AWSCloudShellFullAccess'
order by account_id, holder_arn
