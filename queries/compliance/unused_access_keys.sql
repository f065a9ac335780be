-- /// query
-- title = "Access keys unused for 45 days"
-- question = "Which active access keys of IAM users have not been used for 45 days?"
-- severity = "medium"
-- controls = ["IAM-09"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- user_name = "user, as the report names it"
-- arn = "its ARN"
-- key = "1 or 2, the report's own count"
-- last_used = "its last use; null for never"
-- last_rotated = "when it was made or last changed"
-- days_unused = "whole days from its last use, or from its making, to the report"
-- judgement = "violation: unused too long; review: the report does not say"
-- [params.days]
-- type = "integer"
-- default = 45
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest report taken by then; without it the newest of all"
-- ///
-- A key that was never used counts from the day it was made, so that a new one has its time.
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
    select account_id, taken_at, user_name, arn, 1 as key, key_1_last_used as last_used, key_1_rotated as last_rotated
    from users
    where not is_root and key_1_active
    union all
    select account_id, taken_at, user_name, arn, 2, key_2_last_used, key_2_rotated
    from users
    where not is_root and key_2_active
),
aged as (
    select *, date_sub('day', coalesce(last_used, last_rotated), taken_at) as days_unused
    from keys
)
select
    account_id, taken_at, user_name, arn, key, last_used, last_rotated, days_unused,
    case when days_unused is null then 'review' else 'violation' end as judgement
from aged
where days_unused is null or days_unused >= $days
order by judgement desc, days_unused desc, account_id, user_name, key
