-- /// query
-- title = "Unused passwords"
-- question = "Which IAM users have a console password that nobody signs in with, by the credential report and the log?"
-- severity = "medium"
-- [columns]
-- account_id = "account"
-- user_arn = "the user"
-- password_last_changed = "when the password was set (UTC)"
-- last_sign_in = "last sign-in by either source; null for none known (UTC)"
-- source = "where the last sign-in is from: credential report, or log; none"
-- mfa_active = "whether the user has an MFA device"
-- confidence = "high: the report says so; low: the password was set since the window began"
-- [params.since]
-- type = "timestamp"
-- default = "-90d"
-- help = "passwords used since then are left out"
-- ///
with sign_ins as (
    select key, max(last_sign_in) as seen_in_log
    from principal_activity
    group by key
),
passwords as (
    select
        credentials.account_id, credentials.arn, credentials.password_last_changed, credentials.password_last_used,
        credentials.mfa_active, sign_ins.seen_in_log,
        greatest(credentials.password_last_used, sign_ins.seen_in_log) as last_sign_in
    from credentials
    left join sign_ins
        on sign_ins.key = credentials.account_id || ':user/' || regexp_extract(credentials.arn, '[^/]+$')
    where credentials.password_enabled and not credentials.is_root
)
select
    account_id,
    arn as user_arn,
    password_last_changed,
    last_sign_in,
    case
        when last_sign_in is null then 'none'
        when last_sign_in = seen_in_log then 'log'
        else 'credential report'
    end as source,
    mfa_active,
    case when password_last_changed > $since then 'low' else 'high' end as confidence
from passwords
where last_sign_in is null or last_sign_in < $since
order by confidence, account_id, user_arn
