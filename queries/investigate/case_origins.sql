-- /// query
-- title = "Who made a key, a user or a role"
-- question = "Which calls made these keys, users or roles?"
-- [columns]
-- made = "the key's id, or the ARN of the user or role"
-- eventTime = "when (UTC)"
-- eventID = "the event"
-- eventName = "call"
-- principal_arn = "who made it"
-- access_key_id = "with which key"
-- session_name = "in which session"
-- sourceIPAddress = "where it came from"
-- [params.since]
-- type = "timestamp"
-- default = "0001-01-01"
-- help = "start of the window"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- help = "end of the window"
-- [params.made]
-- type = "list"
-- default = "[]"
-- help = "access key ids and ARNs"
-- ///
with makings as (
    select
        coalesce(
            try(responseElements ->> '$.accessKey.accessKeyId'),
            try(responseElements ->> '$.user.arn'),
            try(responseElements ->> '$.role.arn')
        ) as made,
        eventTime, eventID, eventName, principal_arn, access_key_id, session_name, sourceIPAddress
    from events
    where eventTime between $since and $until
      and eventSource = 'iam.amazonaws.com'
      and eventName in ('CreateAccessKey', 'CreateUser', 'CreateRole')
      and outcome = 'ok'
)
select *
from makings
where list_contains($made, made)
order by eventTime, eventID
