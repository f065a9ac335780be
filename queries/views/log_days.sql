-- /// view
-- title = "Days of the log"
-- question = "What did each account and region deliver, one row a day?"
-- [columns]
-- account_id = "account"
-- awsRegion = "region"
-- day = "day (UTC)"
-- events = "events of any kind"
-- management = "management events"
-- reads = "of these, calls that only read"
-- writes = "of these, calls that change something"
-- first_seen = "first event"
-- last_seen = "last event"
-- ///
-- Records older than version 1.07 name no category; they are management events unless they say otherwise.
with sorted as (
    select
        account_id, awsRegion, eventTime, readOnly,
        coalesce(eventCategory = 'Management', managementEvent is distinct from false) as is_management
    from events
)
select
    account_id, awsRegion, eventTime::date as day,
    count(*) as events,
    count(*) filter (is_management) as management,
    count(*) filter (is_management and readOnly) as reads,
    count(*) filter (is_management and readOnly is not true) as writes,
    min(eventTime) as first_seen,
    max(eventTime) as last_seen
from sorted
group by account_id, awsRegion, day
