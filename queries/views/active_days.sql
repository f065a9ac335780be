-- /// view
-- title = "Active days"
-- question = "On which days did each principal act, and how well was it known by then?"
-- [columns]
-- account_id = "account"
-- principal_arn = "who; sessions are folded into their role"
-- day = "a day on which it acted (UTC)"
-- kind = "workload: an AWS service takes its role; person: uses the console or a name, or types commands; else automation"
-- events = "events of the day"
-- first_seen = "first of them"
-- last_seen = "last of them"
-- first_day = "its first day in the account"
-- previous_day = "the last day before on which it acted; null on its first"
-- days_before = "days before on which it acted"
-- events_before = "events before"
-- known = "whether its history is long enough to tell what is unusual"
-- ///
-- A principal is known after seven days of activity and fifty events: before that everything it does is new.
with days as (
    select
        account_id, principal_arn, day,
        sum(ok + denied + error)::bigint as events,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from behaviour
    where attribute = 'service'
    group by all
),
people as (
    select
        account_id, principal_arn,
        count(distinct day) filter (attribute = 'caller' and value = 'person') as days,
        count(distinct day) filter (attribute = 'agent' and value = 'aws-cli') as typed_days
    from behaviour
    where attribute in ('caller', 'agent')
    group by all
),
workloads as (
    select distinct value as principal_arn
    from habits
    where attribute = 'role' and principal_type = 'AWSService'
),
counted as (
    select
        *,
        min(day) over whole as first_day,
        lag(day) over so_far as previous_day,
        row_number() over so_far - 1 as days_before,
        (sum(events) over so_far - events)::bigint as events_before,
        count(*) over whole as all_days
    from days
    window
        whole as (partition by account_id, principal_arn),
        so_far as (partition by account_id, principal_arn order by day)
)
select
    account_id, principal_arn, day,
    case
        when workloads.principal_arn is not null then 'workload'
        when people.days >= 0.2 * all_days or people.typed_days >= 0.5 * all_days then 'person'
        when principal_arn like '%:root' then 'person'
        else 'automation'
    end as kind,
    events, first_seen, last_seen, first_day, previous_day, days_before, events_before,
    days_before >= 7 and events_before >= 50 and day >= first_day + 7 as known
from counted
left join people using (account_id, principal_arn)
left join workloads using (principal_arn)
