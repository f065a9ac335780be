-- /// view
-- title = "Active days"
-- question = "On which days did each principal act, and how well was it known by then?"
-- [columns]
-- account_id = "account"
-- principal_arn = "who, as in behaviour"
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
-- A principal is known after seven days of activity and fifty events: before that everything it does is new. Its kind
-- is what the days before tell, so that what somebody does with stolen credentials does not change it.
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
        account_id, principal_arn, day,
        bool_or(attribute = 'caller' and value = 'person')::int as personal,
        bool_or(attribute = 'agent' and value = 'aws-cli')::int as typed
    from behaviour
    where attribute in ('caller', 'agent')
    group by all
),
workloads as (
    select value as principal_arn, min(day) as served_since
    from habits
    where attribute = 'role' and principal_type = 'AWSService'
    group by all
),
counted as (
    select
        days.*,
        min(days.day) over whole as first_day,
        lag(days.day) over so_far as previous_day,
        row_number() over so_far - 1 as days_before,
        (sum(events) over so_far - events)::bigint as events_before,
        coalesce(sum(personal) over before, 0) as personal_days,
        coalesce(sum(typed) over before, 0) as typed_days
    from days
    left join people on people.day = days.day and people.principal_arn = days.principal_arn
        and people.account_id is not distinct from days.account_id
    window
        whole as (partition by days.account_id, days.principal_arn),
        so_far as (partition by days.account_id, days.principal_arn order by days.day),
        before as (
            partition by days.account_id, days.principal_arn order by days.day
            rows between unbounded preceding and 1 preceding
        )
)
select
    account_id, principal_arn, day,
    case
        when served_since < day then 'workload'
        when principal_arn like '%:root' then 'person'
        when days_before > 0 and (personal_days >= 0.2 * days_before or typed_days >= 0.5 * days_before) then 'person'
        else 'automation'
    end as kind,
    events, first_seen, last_seen, first_day, previous_day, days_before, events_before,
    days_before >= 7 and events_before >= 50 and day >= first_day + 7 as known
from counted
left join workloads using (principal_arn)
