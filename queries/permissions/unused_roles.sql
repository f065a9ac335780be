-- /// query
-- title = "Unused roles"
-- question = "Which roles has nobody used, by the log and by IAM's own record?"
-- severity = "medium"
-- [columns]
-- account_id = "account"
-- role_arn = "the role"
-- created = "when it was made (UTC)"
-- last_used = "its last use by either source; null for none known (UTC)"
-- source = "where the last use is from: log, or IAM's RoleLastUsed; none"
-- last_seen_in_log = "its last event in the log, denied calls included (UTC)"
-- role_last_used = "IAM's RoleLastUsed, which looks back 400 days (UTC)"
-- confidence = "high: IAM's record or the whole window's log agree; low: a new role, or a log shorter than the window"
-- reason = "why, in words"
-- [params.since]
-- type = "timestamp"
-- default = "-90d"
-- help = "roles used since then are left out"
-- ///
-- Service-linked roles are AWS's own and left out. A namesake deleted before the role was made has another id.
with log_start as (
    select account_id, min(day) as first_day
    from usage
    group by account_id
),
roles as (
    select
        principals.account_id, principals.arn, principals.created, principals.role_last_used,
        max(activity.last_seen) as last_seen_in_log,
        any_value(log_start.first_day) as first_day
    from iam_principals as principals
    left join principal_activity as activity
        on activity.key = principals.key
        and (activity.principal_id is null or activity.principal_id = principals.principal_id)
    left join log_start on log_start.account_id = principals.account_id
    where principals.kind = 'role' and not principals.service_linked
    group by principals.account_id, principals.arn, principals.created, principals.role_last_used
),
judged as (
    select
        *,
        greatest(last_seen_in_log, role_last_used) as last_used,
        created > $since as is_new,
        first_day is not null and first_day <= $since::date as log_covers
    from roles
)
select
    account_id,
    arn as role_arn,
    created,
    last_used,
    case
        when last_used is null then 'none'
        when last_used = last_seen_in_log then 'log'
        else 'RoleLastUsed'
    end as source,
    last_seen_in_log,
    role_last_used,
    case when not coalesce(is_new, false) and (log_covers or role_last_used is not null) then 'high' else 'low' end as confidence,
    case
        when is_new then 'made since the window began'
        when role_last_used is not null then 'IAM knows no later use than its RoleLastUsed'
        when log_covers then 'no event in the window, and IAM records no use'
        else 'the log is shorter than the window, and IAM records no use'
    end as reason
from judged
where last_used is null or last_used < $since
order by confidence, account_id, role_arn
