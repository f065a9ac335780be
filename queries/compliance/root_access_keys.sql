-- /// query
-- title = "Root access keys"
-- question = "Which root users have an active access key?"
-- severity = "critical"
-- controls = ["IAM-01"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- arn = "the root user"
-- key = "1 or 2, the report's own count"
-- last_rotated = "when the key was made or last changed"
-- last_used = "its last use; null for never"
-- judgement = "violation: active; review: the report does not say"
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest report taken by then; without it the newest of all"
-- ///
with chosen as (
    select account_id, snapshot_id, taken_at
    from iam_reports
    where report = 'credential_report'
      and ($taken_until is null or taken_at <= $taken_until)
    qualify row_number() over (partition by account_id order by taken_at desc, imported_at desc, snapshot_id) = 1
),
users as (
    select credential_reports.*
    from credential_reports
    join chosen using (account_id, snapshot_id)
),
keys as (
    select account_id, taken_at, arn, 1 as key, key_1_active as active, key_1_rotated as last_rotated,
        key_1_last_used as last_used
    from users
    where is_root
    union all
    select account_id, taken_at, arn, 2, key_2_active, key_2_rotated, key_2_last_used
    from users
    where is_root
)
select
    account_id, taken_at, arn, key, last_rotated, last_used,
    case when active then 'violation' else 'review' end as judgement
from keys
where active is distinct from false
order by account_id, key
