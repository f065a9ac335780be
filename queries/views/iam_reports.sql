-- /// view
-- title = "IAM reports"
-- question = "Which IAM reports were imported, of which account and when taken, one row a report?"
-- [columns]
-- report = "credential_report, authorization_details or password_policy"
-- account_id = "account it describes"
-- snapshot_id = "the snapshot it came with"
-- taken_at = "when AWS took it (UTC)"
-- imported_at = "when it was imported (UTC)"
-- items = "number of rows: users; users, groups, roles and policies; one"
-- newest = "whether it is its account's newest of this report"
-- ///
-- A snapshot may hold one report without the other, so that the newest of each is looked for by itself. AWS's own
-- policies, whose ARNs name no account, make no report.
with reports as (
    select
        case kind
            when 'credential' then 'credential_report'
            when 'password_policy' then 'password_policy'
            else 'authorization_details'
        end as report,
        account_id, snapshot_id, max(taken_at) as taken_at, max(imported_at) as imported_at, count(*) as items
    from lake.iam_snapshots
    where kind in ('credential', 'password_policy', 'user', 'group', 'role', 'policy')
      and account_id is not null
    group by 1, account_id, snapshot_id
)
select
    report, account_id, snapshot_id, taken_at, imported_at, items,
    row_number() over (
        partition by report, account_id order by taken_at desc, imported_at desc, snapshot_id
    ) = 1 as newest
from reports
