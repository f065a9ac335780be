-- /// query
-- title = "Burst of refused calls"
-- question = "Who was refused many different calls within minutes?"
-- severity = "high"
-- controls = ["CT-01"]
-- mitre = ["T1087.004", "T1580"]
-- action = "See what the principal did before and after; a person or stolen key that tries what it may do looks like this."
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
-- [params.minutes]
-- type = "integer"
-- default = "10"
-- help = "width of the window that slides over the log"
-- [params.calls]
-- type = "integer"
-- default = "5"
-- help = "how many different calls make a burst"
-- ///
-- Different calls are counted, not calls: a job that lacks one permission is refused the same call all day.
with refused as (
    select
        *,
        count(distinct concat_ws(':', eventSource, eventName)) over (
            partition by principal_arn, account_id order by eventTime
            range between to_minutes($minutes) preceding and current row
        ) as calls
    from events
    -- The look-back and the look-ahead reach past the window, so that a burst on its edge is seen whole.
    where eventTime between $since - to_minutes($minutes) and $until + to_minutes($minutes)
      and outcome = 'denied'
      and principal_type <> 'AWSService'
      and via_service is null
      and principal_arn <> 'unknown'
),
bursts as (
    select
        *,
        max(calls) over (
            partition by principal_arn, account_id order by eventTime
            range between current row and to_minutes($minutes) following
        ) as most
    from refused
)
select
    eventTime, coalesce(eventID, record_sha256) as eventID, principal_arn, account_id, awsRegion, eventSource, eventName,
    format('{} different calls refused within {} minutes', most, $minutes) as detail,
    true as baseline
from bursts
where eventTime between $since and $until
  and most >= $calls
order by eventTime, eventID
