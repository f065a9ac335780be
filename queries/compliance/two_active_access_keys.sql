-- /// query
-- title = "Two active access keys"
-- question = "Which IAM users have two active access keys?"
-- severity = "medium"
-- controls = ["IAM-11"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- user_name = "user, as the report names it"
-- arn = "its ARN"
-- key_1_last_used = "last use of the first; null for never"
-- key_2_last_used = "last use of the second; null for never"
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
)
select account_id, taken_at, user_name, arn, key_1_last_used, key_2_last_used
from users
where not is_root
  and key_1_active
  and key_2_active
order by account_id, user_name
