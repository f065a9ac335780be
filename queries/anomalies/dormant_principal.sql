-- /// query
-- title = "Dormant principal awake"
-- question = "Who acted again after a long silence?"
-- mitre = ["T1078.004"]
-- action = "Ask the owner; if nobody needs the principal, disable it."
-- most = 80
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
-- [params.days]
-- type = "integer"
-- default = "45"
-- help = "days without an event that make a principal dormant"
-- ///
-- Forty-five days are what the CIS benchmark lets a credential lie unused. A user whom the log never saw in so many days,
-- and never saw made or given a key, has slept since before the log began; a role may just not have been needed yet.
-- What it does on waking counts as well: whoever has work to do makes a few calls that are allowed, whoever finds a key
-- tries what it opens. A person in the console makes many calls without knowing, so that their number says nothing.
with accounts as (
    select account_id, min(day) as since
    from active_days
    group by account_id
),
made as (
    select account_id, value as name, min(first_seen) as made_at
    from habits
    where attribute = 'made'
    group by all
),
breadth as (
    select
        account_id, principal_arn, day, count(*) filter (attribute = 'api') as calls,
        count(*) filter (attribute = 'api' and denied > 0) as refused,
        bool_or(attribute = 'agent' and value = 'browser' or attribute = 'caller' and value = 'person') as in_console
    from behaviour
    where attribute in ('api', 'agent', 'caller')
    group by all
),
gaps as (
    select
        active_days.*, contains(principal_arn, ':user/') as is_user,
        day - coalesce(previous_day, since) as gap,
        count(*) filter (day - previous_day > $days) over (
            partition by active_days.account_id, principal_arn order by day
            rows between unbounded preceding and 1 preceding
        ) as gaps_before
    from active_days
    join accounts on accounts.account_id is not distinct from active_days.account_id
),
woken as (
    select gaps.*, calls, refused, in_console
    from gaps
    join breadth on breadth.day = gaps.day and breadth.principal_arn = gaps.principal_arn
        and breadth.account_id is not distinct from gaps.account_id
    left join made on made.account_id is not distinct from gaps.account_id and made.made_at < gaps.first_seen
        and made.name = regexp_extract(gaps.principal_arn, 'user/(?:.*/)?([^/]+)$', 1)
    where gap > $days
      and (is_user and (previous_day is not null or made_at is null) or days_before >= 5)
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, 'day' as attribute,
    null::varchar as value,
    case
        when previous_day is null then 'never seen, and not made, since the log began'
        else format('active on {} days until {}', days_before, strftime(previous_day, '%Y-%m-%d'))
    end as usual,
    format(
        'awake after {} days of silence: {} different calls, {} of them refused', gap, calls, refused
    ) as unusual,
    case gaps_before when 0 then 'unseen' else 'rare' end as class,
    (
        case gaps_before when 0 then 35 else 15 end
        + if(in_console, 0, least(25, 2 * greatest(0, calls - 5)) + least(20, 4 * refused))
    )::bigint as points
from woken
where last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn
