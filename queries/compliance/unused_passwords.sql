-- /// query
-- title = "Console passwords unused for 45 days"
-- question = "Which IAM users have a console password they have not used for 45 days?"
-- severity = "medium"
-- controls = ["IAM-10"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- user_name = "user, as the report names it"
-- arn = "its ARN"
-- password_last_used = "last sign-in; null for never"
-- password_last_changed = "when the password was set"
-- days_unused = "whole days from the last sign-in, or from when it was set, to the report"
-- judgement = "violation: unused too long; review: the report does not say"
-- [params.days]
-- type = "integer"
-- default = 45
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest report taken by then; without it the newest of all"
-- ///
-- A password that was never used counts from the day it was set, so that a new one has its time.
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
aged as (
    select *, date_sub('day', coalesce(password_last_used, password_last_changed), taken_at) as days_unused
    from users
    where not is_root and password_enabled
)
select
    account_id, taken_at, user_name, arn, password_last_used, password_last_changed, days_unused,
    case when days_unused is null then 'review' else 'violation' end as judgement
from aged
where days_unused is null or days_unused >= $days
order by judgement desc, days_unused desc, account_id, user_name
