-- /// query
-- title = "Short passwords allowed"
-- question = "Which accounts let IAM users have passwords of fewer than 14 characters?"
-- severity = "medium"
-- controls = ["IAM-05"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the policy was taken (UTC)"
-- is_set = "whether the account has a policy of its own; without one AWS's default holds"
-- minimum_length = "characters a password needs"
-- judgement = "violation: shorter passwords are allowed"
-- [params.least]
-- type = "integer"
-- default = 14
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest policy taken by then; without it the newest of all"
-- ///
with chosen as (
    select account_id, snapshot_id
    from iam_reports
    where report = 'password_policy'
      and ($taken_until is null or taken_at <= $taken_until)
    qualify row_number() over (partition by account_id order by taken_at desc, imported_at desc, snapshot_id) = 1
)
select account_id, taken_at, is_set, minimum_length, 'violation' as judgement
from password_policies
join chosen using (account_id, snapshot_id)
where minimum_length < $least
order by account_id
