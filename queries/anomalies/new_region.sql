-- /// query
-- title = "Region never used before"
-- question = "Who called services in a region it had never used?"
-- mitre = ["T1535"]
-- action = "See what was made in the region; if nobody works there, forbid it by a service control policy."
-- most = 90
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
    format('{}, {}', value, case when account_new then 'new to the whole account' else 'new to the principal' end)
        as unusual,
    'unseen' as class,
    round(case when account_new then 45 when account_knows then 10 else 20 end * confidence)::bigint as points
from first_seen
where attribute = 'region'
  and known
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn, value
