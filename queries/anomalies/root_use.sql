-- /// query
-- title = "Root user used"
-- question = "When did a root user act itself?"
-- severity = "high"
-- controls = ["CT-03"]
-- mitre = ["T1078.004"]
-- action = "Find out who used root and why; keep its password and MFA device apart and delete its access keys."
-- [columns]
-- eventTime = "when (UTC)"
-- eventID = "the event"
-- principal_arn = "who"
-- account_id = "account"
-- awsRegion = "region"
-- eventSource = "service called"
-- eventName = "call"
-- detail = "why it stands out"
-- baseline = "false where the history is too short to judge"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
-- What a service does under root's name, and a failed attempt to sign in as root, is no use of root.
select
    eventTime, coalesce(eventID, record_sha256) as eventID, principal_arn, account_id, awsRegion, eventSource, eventName,
    format('root called {} from {}', eventName, coalesce(sourceIPAddress, 'an unknown address')) as detail,
    true as baseline
from events
where eventTime between $since and $until
  and principal_type = 'Root'
  and via_service is null
  and coalesce(eventType, '') <> 'AwsServiceEvent'
  and not (eventSource = 'signin.amazonaws.com' and (outcome <> 'ok' or eventName <> 'ConsoleLogin'))
order by eventTime, eventID
