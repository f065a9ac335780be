-- /// query
-- title = "Coverage of the IAM snapshots"
-- question = "Which IAM reports are there of each account, how old, and do they hold what the controls need?"
-- [columns]
-- account_id = "account"
-- report = "credential_report, authorization_details or password_policy"
-- taken_at = "when the report was taken (UTC)"
-- items = "number of its rows"
-- has_root = "whether it has the root user's row; false for other reports, which never have it"
-- unclear = "users of whom it does not say whether password, keys or MFA are active"
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest report taken by then; without it the newest of all"
-- ///
-- AWS answers not_supported for the root user's password, where it always did; for anybody else a field that is neither
-- true nor false means that the file is not the report AWS gave.
with chosen as (
    select report, account_id, snapshot_id, taken_at, items
    from iam_reports
    where $taken_until is null or taken_at <= $taken_until
    qualify row_number() over (
        partition by report, account_id order by taken_at desc, imported_at desc, snapshot_id
    ) = 1
),
users as (
    select
        'credential_report' as report, account_id, snapshot_id,
        bool_or(is_root) as has_root,
        count(*) filter (
            key_1_active is null or key_2_active is null or mfa_active is null
            or (password_enabled is null and not is_root)
        ) as unclear
    from credential_reports
    group by account_id, snapshot_id
)
select
    account_id, report, taken_at, items,
    coalesce(has_root, false) as has_root,
    coalesce(unclear, 0) as unclear
from chosen
left join users using (report, account_id, snapshot_id)
order by account_id, report
