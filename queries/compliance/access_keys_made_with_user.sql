-- /// query
-- title = "Access keys made with the user"
-- question = "Which IAM users with a password have an access key that was never used, and was it made with the user?"
-- severity = "medium"
-- controls = ["IAM-08"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- user_name = "user, as the report names it"
-- arn = "its ARN"
-- key = "1 or 2, the report's own count"
-- user_created = "when the user was made"
-- last_rotated = "when the key was made or last changed"
-- judgement = "violation: made within five minutes of the user; review: made later, still never used"
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest report taken by then; without it the newest of all"
-- ///
-- The report has no creation date of a key: last_rotated is that date until the key is switched off or on again. Five
-- minutes are what a wizard or a script takes to make a user with all it has.
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
    select account_id, taken_at, user_name, arn, user_created, 1 as key, key_1_rotated as last_rotated
    from users
    where not is_root and password_enabled and key_1_active and key_1_last_used is null
    union all
    select account_id, taken_at, user_name, arn, user_created, 2, key_2_rotated
    from users
    where not is_root and password_enabled and key_2_active and key_2_last_used is null
)
select
    account_id, taken_at, user_name, arn, key, user_created, last_rotated,
    case when last_rotated <= user_created + interval 5 minute then 'violation' else 'review' end as judgement
from keys
order by judgement desc, account_id, user_name, key
