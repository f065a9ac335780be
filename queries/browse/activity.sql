-- /// query
-- title = "Activity over time"
-- question = "How many events of which outcome were there, and of how many principals, one row a span of time?"
-- [columns]
-- span = "start of the span (UTC)"
-- events = "events"
-- ok = "of these, that did what was asked"
-- denied = "of these, refused for lack of permission"
-- error = "of these, failed for another reason"
-- principals = "principals that acted"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- [params.accounts]
-- type = "list"
-- optional = true
-- help = "only these accounts"
-- [params.regions]
-- type = "list"
-- optional = true
-- help = "only these regions"
-- [params.unit]
-- type = "text"
-- default = "day"
-- help = "length of a span: minute, hour, day or week"
-- ///
select
    date_trunc($unit, eventTime)::timestamptz as span,
    count(*) as events,
    count(*) filter (outcome = 'ok') as ok,
    count(*) filter (outcome = 'denied') as denied,
    count(*) filter (outcome = 'error') as error,
    count(distinct principal_arn) as principals
from events
where eventTime between $since and $until
  and ($accounts is null or list_contains($accounts::varchar[], account_id))
  and ($regions is null or list_contains($regions::varchar[], awsRegion))
group by span
order by span
