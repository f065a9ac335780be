-- /// query
-- title = "Unused access keys"
-- question = "Which active access keys of IAM users has nobody used, by the credential report and the log?"
-- severity = "medium"
-- [columns]
-- account_id = "account"
-- user_arn = "the user whose key it is"
-- key = "1 or 2, as the credential report counts them"
-- last_rotated = "when it was made or last changed (UTC)"
-- last_used = "its last use; null for none known (UTC)"
-- source = "where the last use is from: credential report, or log; none"
-- keys_in_log = "the user's access keys that the log saw; the report does not name key ids"
-- last_key_use_in_log = "last call with any of them (UTC)"
-- confidence = "high: the report says so; low: made since the window began, or a use in the log may be this key's"
-- [params.since]
-- type = "timestamp"
-- default = "-90d"
-- help = "keys used since then are left out"
-- ///
-- The log names keys and the report does not: a user's only active key must be the one the log saw.
with keys as (
    select account_id, arn, 1 as key, key_1_rotated as last_rotated, key_1_last_used as reported, key_2_active as other
    from credentials
    where key_1_active and not is_root
    union all
    select account_id, arn, 2, key_2_rotated, key_2_last_used, key_1_active
    from credentials
    where key_2_active and not is_root
),
seen as (
    select
        key as principal_key,
        flatten(list(access_keys)) as keys_in_log,
        max(last_key_use) as last_key_use_in_log
    from principal_activity
    where access_keys is not null
    group by key
),
joined as (
    select
        keys.*,
        seen.keys_in_log,
        seen.last_key_use_in_log,
        case when not coalesce(keys.other, false) then seen.last_key_use_in_log end as own_use_in_log
    from keys
    left join seen
        on seen.principal_key = keys.account_id || ':user/' || regexp_extract(keys.arn, '[^/]+$')
),
judged as (
    select *, greatest(reported, own_use_in_log) as last_used
    from joined
)
select
    account_id,
    arn as user_arn,
    key,
    last_rotated,
    last_used,
    case when last_used is null then 'none' when last_used = reported then 'credential report' else 'log' end as source,
    keys_in_log,
    last_key_use_in_log,
    case when last_rotated > $since or last_key_use_in_log >= $since then 'low' else 'high' end as confidence
from judged
where last_used is null or last_used < $since
order by confidence, account_id, user_arn, key
