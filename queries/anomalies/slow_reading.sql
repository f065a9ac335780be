-- /// query
-- title = "More read within a week than ever"
-- question = "Which people read far more data or secrets within a week than in any week before, a little every day?"
-- mitre = ["T1530", "T1213", "T1555.006"]
-- action = "Ask what the data was for; look at which objects, secrets or tables were read and where they went."
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
-- Who copies data with rights he has stays below what any one day shows. So a week counts without its greatest day: a
-- single download is told by volume_burst, and here it neither counts nor hides what is steady. People only: what
-- programs read grows with their use. Twenty secrets or fifty reads besides the greatest day are more than work needs
-- now and then; they count where they are three times the most of any week before, and more where no other person of
-- the account, whose task it may be, ever read as much. Secrets weigh more than data, since each opens another door.
with reads as (
    select
        account_id, principal_arn, value, day, ok, first_seen, last_seen,
        split_part(value, ':', 2) in (
            'BatchGetSecretValue', 'GetParameter', 'GetParameters', 'GetParametersByPath', 'GetPasswordData',
            'GetSecretValue'
        ) as secret,
        if(secret, 20, 50) as floor
    from behaviour
    where attribute = 'api' and ok > 0
      and split_part(value, ':', 2) in (
          'BatchExecuteStatement', 'BatchGetItem', 'BatchGetSecretValue', 'DownloadDBLogFilePortion',
          'ExecuteStatement', 'GetItem', 'GetObject', 'GetParameter', 'GetParameters', 'GetParametersByPath',
          'GetPasswordData', 'GetQueryResults', 'GetSecretValue', 'GetSnapshotBlock', 'GetStatementResult', 'Query',
          'Scan', 'SelectObjectContent'
      )
),
weeks as (
    select
        *, (sum(ok) over week - max(ok) over week)::bigint as steady, count(*) over week as days,
        min(first_seen) over week as begun
    from reads
    window week as (
        partition by account_id, principal_arn, value order by day
        range between interval 6 days preceding and current row
    )
),
compared as (
    select
        weeks.*, kind, days_before,
        coalesce(max(steady) over (
            partition by weeks.account_id, weeks.principal_arn, value order by weeks.day
            range between unbounded preceding and interval 7 days preceding
        ), 0) as most_before
    from weeks
    join active_days on active_days.day = weeks.day and active_days.principal_arn = weeks.principal_arn
        and active_days.account_id is not distinct from weeks.account_id
),
grown as (
    select *, steady / greatest(3 * most_before, floor) as ratio
    from compared
    where kind = 'person'
      and days_before >= 20  -- four weeks of work, so that there are weeks to compare with
      and days >= 3 and steady >= greatest(3 * most_before, floor)
),
colleagues as (
    select grown.account_id, grown.principal_arn, grown.value, grown.day, max(compared.steady) as most
    from grown
    join compared on compared.account_id is not distinct from grown.account_id and compared.value = grown.value
        and compared.principal_arn <> grown.principal_arn and compared.day <= grown.day and compared.kind = 'person'
    group by all
)
select
    begun as eventTime, last_seen as until, grown.principal_arn, grown.account_id, 'api' as attribute, grown.value,
    format('at most {} within a week, besides its greatest day', most_before) as usual,
    format(
        '{} calls of {} within a week besides its greatest day, on {} days{}', steady,
        split_part(grown.value, ':', 2), days,
        if(coalesce(most, 0) < steady, ', more than any other person of the account', '')
    ) as unusual,
    case when most_before = 0 then 'unseen' else 'rare' end as class,
    round(least(100, if(secret, 60, 50) + 25 * log2(ratio)) * if(coalesce(most, 0) < steady, 1, 0.4))::bigint as points
from grown
left join colleagues on colleagues.principal_arn = grown.principal_arn and colleagues.day = grown.day
    and colleagues.account_id is not distinct from grown.account_id and colleagues.value = grown.value
where last_seen >= $since and begun <= $until
order by eventTime, grown.principal_arn, grown.value, until
