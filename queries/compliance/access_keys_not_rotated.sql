-- /// query
-- title = "Access keys not rotated for 90 days"
-- question = "Which active access keys of IAM users are older than 90 days?"
-- severity = "medium"
-- controls = ["IAM-12"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- user_name = "user, as the report names it"
-- arn = "its ARN"
-- key = "1 or 2, the report's own count"
-- last_rotated = "when it was made or last changed"
-- last_used = "its last use; null for never"
-- age_days = "whole days from then to the report"
-- judgement = "violation: too old; review: the report does not say"
-- [params.days]
-- type = "integer"
-- default = 90
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
    select account_id, taken_at, user_name, arn, 1 as key, key_1_rotated as last_rotated, key_1_last_used as last_used
    from users
    where not is_root and key_1_active
    union all
    select account_id, taken_at, user_name, arn, 2, key_2_rotated, key_2_last_used
    from users
    where not is_root and key_2_active
),
aged as (
    select *, date_sub('day', last_rotated, taken_at) as age_days
    from keys
)
select
    account_id, taken_at, user_name, arn, key, last_rotated, last_used, age_days,
    case when age_days is null then 'review' else 'violation' end as judgement
from aged
where age_days is null or age_days > $days
order by judgement desc, age_days desc, account_id, user_name, key
