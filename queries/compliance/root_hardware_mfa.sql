-- /// query
-- title = "Root users without hardware MFA"
-- question = "Which root users certainly have no hardware MFA device, having none at all?"
-- severity = "high"
-- controls = ["IAM-03"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- arn = "the root user"
-- password_enabled = "whether it has a password; null where the report does not say"
-- mfa_active = "whether an MFA device is active"
-- judgement = "violation: no MFA of any kind; review: the report does not say"
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest report taken by then; without it the newest of all"
-- ///
-- The report tells that a device is active, not of what kind: no row here does not show that there is hardware.
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
    account_id, taken_at, arn, password_enabled, mfa_active,
    case when mfa_active is null then 'review' else 'violation' end as judgement
from users
where is_root
  and mfa_active is distinct from true
  and password_enabled is distinct from false
order by account_id
