-- /// query
-- title = "Accounts without a support role"
-- question = "Which accounts have no role that may manage cases with AWS Support?"
-- severity = "low"
-- controls = ["IAM-18"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- roles = "number of roles in the account"
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest report taken by then; without it the newest of all"
-- ///
with chosen as (
    select account_id, snapshot_id, taken_at
    from iam_reports
    where report = 'authorization_details'
      and ($taken_until is null or taken_at <= $taken_until)
    qualify row_number() over (partition by account_id order by taken_at desc, imported_at desc, snapshot_id) = 1
),
roles as (
    select
        account_id, snapshot_id,
        list_contains(
            list_transform(
                json_extract_string(item, '$.AttachedManagedPolicies[*].PolicyArn'),
                lambda policy: regexp_matches(policy, '^arn:[^:]+:iam::aws:policy/AWSSupportAccess$')
            ),
            true
        ) as supports
    from lake.iam_snapshots
    where kind = 'role'
)
select chosen.account_id, chosen.taken_at, count(roles.snapshot_id) as roles
from chosen
left join roles using (account_id, snapshot_id)
group by chosen.account_id, chosen.taken_at
having not coalesce(bool_or(supports), false)
order by chosen.account_id
