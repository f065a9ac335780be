-- /// query
-- title = "Far more of a call than ever"
-- question = "Who made a call far more often on one day than on any day before?"
-- mitre = ["T1530", "T1485", "T1555.006"]
-- action = "See which objects, secrets or resources it was about, and where the data went."
-- most = 100
-- [columns]
-- eventTime = "when it began (UTC)"
-- until = "when it was last seen that day"
-- principal_arn = "who"
-- account_id = "account"
-- attribute = "what of its behaviour is unusual, as in the view behaviour"
-- value = "the value that is"
-- usual = "what the principal did before"
-- unusual = "what it did now"
-- class = "how common the unusual is for it: unseen, rare, infrequent or frequent"
-- points = "how much this counts"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
-- At least five times the most of any day before and well above the usual spread (median and median absolute
-- deviation), with a floor below which nothing is a burst. Reading data, secrets or keys, and deleting, counts in
-- full; other calls count half, since a loop that repeats a harmless call is most often a fault.
with calls as (
    select
        account_id, principal_arn, value, day, ok, first_seen, last_seen, split_part(value, ':', 2) as call,
        case
            when call in (
                'BatchGetSecretValue', 'GetParameter', 'GetParameters', 'GetParametersByPath', 'GetPasswordData',
                'GetSecretValue'
            ) then 5
            when starts_with(call, 'Delete') or starts_with(call, 'Terminate') or starts_with(call, 'ScheduleKey')
                or call in (
                    'Converse', 'ConverseStream', 'Decrypt', 'GetAuthorizationToken', 'InvokeModel',
                    'InvokeModelWithResponseStream', 'RunInstances'
                ) then 20
            when call in (
                'BatchGetItem', 'CopyObject', 'DownloadDBLogFilePortion', 'GetItem', 'GetObject', 'GetSnapshotBlock',
                'Query', 'Scan', 'SelectObjectContent'
            ) then 50
        end as floor
    from behaviour
    where attribute = 'api' and ok > 0
),
compared as (
    select
        *,
        coalesce(max(ok) over before, 0) as most_before,
        coalesce(median(ok) over before, 0) as median_before,
        coalesce(mad(ok) over before, 0) as deviation,
        ok / greatest(coalesce(max(ok) over before, 0), coalesce(floor, 200)) as ratio
    from calls
    window before as (
        partition by account_id, principal_arn, value order by day rows between unbounded preceding and 1 preceding
    )
)
select
    compared.first_seen as eventTime, compared.last_seen as until, compared.principal_arn, compared.account_id,
    'api' as attribute, value,
    format('{} a day, at most {}', median_before::bigint, most_before) as usual,
    format('{} calls of {} on one day', ok, call) as unusual,
    case when most_before = 0 then 'unseen' else 'rare' end as class,
    round(least(100, 17.5 * log2(ratio)) * case when floor is null then 0.5 else 1 end)::bigint as points
from compared
join active_days on active_days.day = compared.day and active_days.principal_arn = compared.principal_arn
    and active_days.account_id is not distinct from compared.account_id
where known
  and ratio >= 5
  and ok > median_before + 6 * 1.4826 * deviation
  and compared.last_seen >= $since and compared.first_seen <= $until
order by eventTime, principal_arn, value
