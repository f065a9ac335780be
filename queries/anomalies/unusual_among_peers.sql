-- /// query
-- title = "Call that nobody like them makes"
-- question = "Which people made a changing call that no other person of the account ever made?"
-- mitre = ["T1078.004"]
-- action = "Weak by itself; ask whether the task is theirs."
-- most = 15
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
-- People only, and only where there are enough others to compare with: at least five known persons in the account.
with people as (
    select account_id, count(distinct principal_arn) as persons
    from active_days
    where kind = 'person' and known
    group by all
),
callers as (
    select account_id, value, list({'who': principal_arn, 'since': first_day}) as who
    from first_seen
    where attribute = 'api' and kind = 'person' and day = first_day
    group by all
)
select
    first_seen as eventTime, last_seen as until, principal_arn, first_seen.account_id, attribute, first_seen.value,
    format('none of the {} other persons of the account', persons - 1) as usual,
    first_seen.value as unusual,
    'unseen' as class,
    round(15 * confidence)::bigint as points
from first_seen
join people on people.account_id is not distinct from first_seen.account_id
join callers on callers.account_id is not distinct from first_seen.account_id and callers.value = first_seen.value
where attribute = 'api'
  and kind = 'person'
  and known
  and day = first_day
  and not coalesce(read_only, false)
  and persons >= 5
  and len(list_filter(who, lambda each: each.since < first_day)) = 0
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn, value
