-- /// query
-- title = "Console sign-in without MFA"
-- question = "Which users and root users signed in to the console with a password alone?"
-- severity = "high"
-- controls = ["CT-02"]
-- mitre = ["T1078.004"]
-- action = "Require MFA for the user, or move the person to Identity Center."
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
-- A federated sign-in says MFAUsed = No whatever the identity provider asked for (AWS: "AWS Management Console sign-in
-- events"), so only IAM users and root users are judged here; a record that does not say whether MFA was used is no
-- finding.
select
    eventTime, coalesce(eventID, record_sha256) as eventID, principal_arn, account_id, awsRegion, eventSource, eventName,
    format('signed in from {} without MFA', coalesce(sourceIPAddress, 'an unknown address')) as detail,
    true as baseline
from events
where eventTime between $since and $until
  and eventName = 'ConsoleLogin'
  and eventSource = 'signin.amazonaws.com'
  and outcome = 'ok'
  and principal_type in ('IAMUser', 'Root')
  and try(responseElements ->> '$.ConsoleLogin') = 'Success'
  and try(additionalEventData ->> '$.MFAUsed') = 'No'
order by eventTime, eventID
