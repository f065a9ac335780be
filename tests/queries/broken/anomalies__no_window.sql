-- /// query
-- title = "x"
-- question = "y"
-- severity = "high"
-- [columns]
-- eventTime = "when"
-- eventID = "which"
-- principal_arn = "who"
-- account_id = "account"
-- awsRegion = "region"
-- eventSource = "service"
-- eventName = "call"
-- detail = "why"
-- baseline = "judged"
-- ///
select eventTime, eventID, principal_arn, account_id, awsRegion, eventSource, eventName, 'x' as detail, true as baseline
from events
order by all
-- expect 15:1: an anomaly has a parameter since of type timestamp
