-- /// query
-- title = "Console users without MFA"
-- question = "Which IAM users have a console password and no MFA?"
-- severity = "high"
-- controls = ["IAM-07"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- user_name = "user, as the report names it"
-- arn = "its ARN"
-- password_last_used = "last sign-in; null for never"
-- mfa_active = "whether an MFA device is active"
-- judgement = "violation: a password without MFA; review: the report does not say"
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
select
    account_id, taken_at, user_name, arn, password_last_used, mfa_active,
    case when password_enabled and not mfa_active then 'violation' else 'review' end as judgement
from users
where not is_root
  and password_enabled is distinct from false
  and mfa_active is distinct from true
order by judgement desc, account_id, user_name
