-- /// query
-- title = "Unused users"
-- question = "Which IAM users has nobody signed in as or called AWS as, by the log and the credential report?"
-- severity = "medium"
-- [columns]
-- account_id = "account"
-- user_arn = "the user"
-- created = "when it was made (UTC)"
-- last_used = "its last use by any source; null for none known (UTC)"
-- source = "where the last use is from: log, password or access key of the credential report; none"
-- last_seen_in_log = "its last event in the log, denied calls included (UTC)"
-- password_last_used = "last sign-in by the credential report (UTC)"
-- key_last_used = "last use of either access key by the credential report (UTC)"
-- can_sign_in = "whether it has a password; null where no report says"
-- active_keys = "number of active access keys; null where no report says"
-- confidence = "high: the report or the whole window's log agree; low: a new user, or neither"
-- [params.since]
-- type = "timestamp"
-- default = "-90d"
-- help = "users used since then are left out"
-- ///
with log_start as (
    select account_id, min(day) as first_day
    from usage
    group by account_id
),
activity as (
    select
        principals.arn,
        max(principal_activity.last_seen) as last_seen_in_log
    from iam_principals as principals
    join principal_activity
        on principal_activity.key = principals.key
        and (principal_activity.principal_id is null or principal_activity.principal_id = principals.principal_id)
    where principals.kind = 'user'
    group by principals.arn
),
users as (
    select
        principals.account_id, principals.arn, principals.created, activity.last_seen_in_log,
        credentials.password_last_used,
        greatest(credentials.key_1_last_used, credentials.key_2_last_used) as key_last_used,
        credentials.password_enabled as can_sign_in,
        credentials.key_1_active::integer + credentials.key_2_active::integer as active_keys,
        credentials.arn is not null as has_report,
        log_start.first_day
    from iam_principals as principals
    left join activity on activity.arn = principals.arn
    left join credentials on credentials.arn = principals.arn
    left join log_start on log_start.account_id = principals.account_id
    where principals.kind = 'user'
),
judged as (
    select *, greatest(last_seen_in_log, password_last_used, key_last_used) as last_used
    from users
)
select
    account_id,
    arn as user_arn,
    created,
    last_used,
    case
        when last_used is null then 'none'
        when last_used = last_seen_in_log then 'log'
        when last_used = password_last_used then 'credential report: password'
        else 'credential report: access key'
    end as source,
    last_seen_in_log,
    password_last_used,
    key_last_used,
    can_sign_in,
    active_keys,
    case
        when created > $since then 'low'
        when has_report or first_day <= $since::date then 'high'
        else 'low'
    end as confidence
from judged
where last_used is null or last_used < $since
order by confidence, account_id, user_arn
