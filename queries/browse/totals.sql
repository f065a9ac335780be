-- /// query
-- title = "Totals"
-- question = "How many events were there, how many refused, and of how many principals?"
-- [columns]
-- events = "events"
-- principals = "principals that acted"
-- denied = "events refused for lack of permission"
-- error = "events failed for another reason"
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
-- ///
select
    count(*) as events,
    count(distinct principal_arn) as principals,
    count(*) filter (outcome = 'denied') as denied,
    count(*) filter (outcome = 'error') as error
from events
where eventTime between $since and $until
  and ($accounts is null or list_contains($accounts::varchar[], account_id))
  and ($regions is null or list_contains($regions::varchar[], awsRegion))
order by events
