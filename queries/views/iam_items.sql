-- /// view
-- title = "IAM items"
-- question = "Which users, groups, roles and managed policies did each account have, by its newest snapshot?"
-- [columns]
-- account_id = "account"
-- kind = "user, group, role or policy"
-- arn = "its ARN"
-- name = "its name"
-- item = "AWS's own JSON for it (GetAccountAuthorizationDetails)"
-- taken_at = "when the snapshot was taken (UTC)"
-- snapshot_id = "the snapshot it is in"
-- ///
with details as (
    select *
    from lake.iam_snapshots
    where kind in ('user', 'group', 'role', 'policy')
),
newest as (
    select account_id, arg_max(snapshot_id, (taken_at, imported_at, snapshot_id)) as snapshot_id
    from details
    group by account_id
)
select
    details.account_id, details.kind, details.arn, details.name, details.item, details.taken_at, details.snapshot_id
from details
join newest
    on newest.snapshot_id = details.snapshot_id
    and newest.account_id is not distinct from details.account_id
