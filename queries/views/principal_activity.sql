-- /// view
-- title = "Principal activity"
-- question = "When did the log last see each user and role of the snapshot, one row a principal that it saw?"
-- [columns]
-- key = "account, kind and name without the path, as in iam_principals"
-- principal_id = "unique id the events carry; null where they carry none"
-- first_seen = "first event (UTC)"
-- last_seen = "last event (UTC)"
-- last_sign_in = "last successful console sign-in (UTC)"
-- last_key_use = "last call with a long-lived access key (UTC)"
-- access_keys = "long-lived access keys seen"
-- events = "number of events"
-- ///
with named as (
    select
        *,
        regexp_extract(principal_arn, '^arn:[^:]+:iam::(\d+):(user|role)/(?:.*/)?([^/]+)$', ['account', 'kind', 'name']) as part
    from usage
    where principal_arn like 'arn:%:iam::%'
)
select
    part.account || ':' || part.kind || '/' || part.name as key,
    principal_id,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen,
    max(last_seen) filter (eventName = 'ConsoleLogin' and outcome = 'ok') as last_sign_in,
    max(last_seen) filter (access_key_id is not null) as last_key_use,
    list(distinct access_key_id order by access_key_id) filter (access_key_id is not null) as access_keys,
    sum("count")::bigint as events
from named
where part.kind <> ''
group by all
