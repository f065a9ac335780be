-- /// query
-- title = "Tool never used before"
-- question = "Who used a tool, by its user agent, that it had never used?"
-- mitre = ["T1078.004"]
-- action = "Weak by itself, since anybody can write any user agent; it adds to what else is unusual."
-- most = 20
-- [columns]
-- eventTime = "when it began (UTC)"
-- until = "when it was last seen that day"
-- principal_arn = "who"
-- account_id = "account"
-- attribute = "what of its behaviour is unusual, as in the view behaviour"
-- value = "the value that is"
-- usual = "what the principal did before"
-- unusual = "what it did now"
-- class = "how common the unusual is for it: unseen, rare, infrequent or frequent"
-- points = "how much this counts"
-- [params.since]
-- type = "timestamp"
-- default = "-30d"
-- [params.until]
-- type = "timestamp"
-- default = "now"
-- ///
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, attribute, value, usual,
    format('{} used', value) as unusual,
    'unseen' as class,
    round(case kind when 'person' then 10 else 20 end * confidence)::bigint as points
from first_seen
where attribute = 'agent'
  and kind <> 'workload'
  and known
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn, value
