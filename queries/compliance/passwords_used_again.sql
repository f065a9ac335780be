-- /// query
-- title = "Passwords may be used again"
-- question = "Which accounts let IAM users take one of their last 24 passwords again?"
-- severity = "medium"
-- controls = ["IAM-06"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the policy was taken (UTC)"
-- is_set = "whether the account has a policy of its own; without one AWS's default holds"
-- reuse_prevention = "earlier passwords that may not be taken again; null for none"
-- judgement = "violation: fewer are remembered"
-- [params.remembered]
-- type = "integer"
-- default = 24
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
select account_id, taken_at, is_set, reuse_prevention, 'violation' as judgement
from password_policies
join chosen using (account_id, snapshot_id)
where coalesce(reuse_prevention, 0) < $remembered
order by account_id
