-- /// query
-- title = "Language models used for the first time"
-- question = "Who, known for some time, called Bedrock's models as never before?"
-- mitre = ["T1496.004", "T1078.004"]
-- action = "Ask whether the caller works with models; if not, withdraw its credentials and see what the calls cost."
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
-- Stolen keys are sold for the models they reach. It weighs more where nobody like the caller (person or program) uses
-- models in the account, and less where several do; where the caller also asked whether the use of models is logged, or
-- took up the offer of one; and where calls failed before some answered. A person who tries models out does much of
-- this in the console; a program never does.
with used as (
    select
        account_id, principal_arn, value, day, ok, denied + error as failed, first_seen, last_seen,
        split_part(value, ':', 2) in (
            'Converse', 'ConverseStream', 'CreateModelInvocationJob', 'InvokeModel',
            'InvokeModelWithBidirectionalStream', 'InvokeModelWithResponseStream', 'StartAsyncInvoke'
        ) as called,
        split_part(value, ':', 2) in (
            'CreateFoundationModelAgreement', 'DeleteModelInvocationLoggingConfiguration',
            'GetModelInvocationLoggingConfiguration', 'GetUseCaseForModelAccess',
            'ListFoundationModelAgreementOffers', 'PutFoundationModelEntitlement',
            'PutModelInvocationLoggingConfiguration', 'PutUseCaseForModelAccess'
        ) as scouted
    from behaviour
    where attribute = 'api' and starts_with(value, 'bedrock')
),
days as (
    select
        account_id, principal_arn, day, array_to_string(list(value order by first_seen, value), chr(10)) as value,
        sum(ok) filter (called)::bigint as calls, coalesce(sum(failed) filter (called), 0)::bigint as failures,
        list(split_part(value, ':', 2) order by first_seen, value) filter (called) as names,
        bool_or(scouted) as scouted, min(first_seen) as first_seen, max(last_seen) as last_seen
    from used
    group by all
    having bool_or(called and ok > 0)
),
firsts as (
    select days.*, kind, known, days_before
    from days
    join active_days on active_days.day = days.day and active_days.principal_arn = days.principal_arn
        and active_days.account_id is not distinct from days.account_id
    qualify row_number() over (partition by days.account_id, days.principal_arn order by days.day) = 1
),
judged as (
    select *, count(*) over (
        partition by account_id, kind = 'person' order by day
        range between unbounded preceding and interval 1 day preceding
    ) as users_before
    from firsts
    qualify known
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, 'api' as attribute, value,
    format('no model on {} days', days_before) as usual,
    format(
        '{} calls of models ({}), which {} others like it in the account use{}{}', calls, array_to_string(names[1:3], ', '),
        users_before, if(failures > 0, format('; {} more failed', failures), ''),
        if(scouted, '; asked how their use is logged or let', '')
    ) as unusual,
    'unseen' as class,
    round(
        case kind when 'person' then 30 else 45 end * case when users_before = 0 then 1.5 when users_before >= 3 then 0.5
            else 1 end
        + case when not scouted then 0 when kind = 'person' then 10 else 20 end
        + if(failures >= 3, 10, 0)
    )::bigint as points
from judged
where last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn
