-- /// query
-- title = "Days of the log"
-- question = "What did each account and region deliver on each day of the whole log?"
-- [columns]
-- account_id = "account"
-- awsRegion = "region"
-- day = "day (UTC)"
-- events = "events of any kind"
-- management = "management events"
-- first_seen = "first event"
-- last_seen = "last event"
-- ///
select account_id, awsRegion, day, events, management, first_seen, last_seen
from log_days
order by account_id, awsRegion, day
