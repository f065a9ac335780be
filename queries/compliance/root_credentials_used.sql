-- /// query
-- title = "Root credentials used"
-- question = "Which root users used their password or an access key in the period, by the credential report?"
-- severity = "high"
-- controls = ["CT-03"]
-- [columns]
-- account_id = "account"
-- taken_at = "when the report was taken (UTC)"
-- arn = "the root user"
-- credential = "password, access key 1 or access key 2"
-- last_used = "its last use (UTC); earlier ones the report does not tell"
-- judgement = "violation: in the period; review: after it, so that the report cannot tell whether in it too"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- [params.taken_until]
-- type = "timestamp"
-- optional = true
-- help = "use each account's newest report taken by then; without it the newest of all"
-- ///
-- Only the last use is told: a report taken long after the period says nothing against uses within it.
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
uses as (
    select account_id, taken_at, arn, 'password' as credential, password_last_used as last_used
    from users
    where is_root
    union all
    select account_id, taken_at, arn, 'access key 1', key_1_last_used
    from users
    where is_root
    union all
    select account_id, taken_at, arn, 'access key 2', key_2_last_used
    from users
    where is_root
)
select
    account_id, taken_at, arn, credential, last_used,
    case when last_used <= $until then 'violation' else 'review' end as judgement
from uses
where last_used >= $since
order by judgement desc, account_id, last_used desc, credential
