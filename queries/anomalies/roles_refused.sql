-- /// query
-- title = "Roles tried in vain"
-- question = "Who was refused roles that it never took nor tried before?"
-- controls = ["CT-01"]
-- mitre = ["T1078.004", "T1550.001", "T1087.004"]
-- action = "See which roles it got in the end, and what it did in them."
-- most = 40
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
-- Different roles are counted, not calls: one role is a mistake in a trust policy or in typing, several are tried by
-- whoever looks for a way on with credentials that are not his. What was refused before is no news.
with tried as (
    select
        account_id, principal_arn, value, min(day) as day, min(first_seen) as first_seen,
        arg_min(last_seen, day) as last_seen, arg_min(ok, day) = 0 and arg_min(denied, day) > 0 as in_vain
    from behaviour
    where attribute = 'role'
    group by account_id, principal_arn, value
),
days as (
    select
        account_id, principal_arn, day, count(*) as roles, list(value order by first_seen, value) as names,
        min(first_seen) as first_seen, max(last_seen) as last_seen
    from tried
    where in_vain
    group by all
)
select
    days.first_seen as eventTime, days.last_seen as until, days.principal_arn, days.account_id, 'role' as attribute,
    array_to_string(names, chr(10)) as value,
    format('acted on {} days without trying them', days_before) as usual,
    format('{} roles refused: {}', roles, array_to_string(names[1:4], ', ')) as unusual,
    'unseen' as class,
    least(40, 15 * roles - 5)::bigint as points
from days
join active_days on active_days.day = days.day and active_days.principal_arn = days.principal_arn
    and active_days.account_id is not distinct from days.account_id
where known
  and days.last_seen >= $since and days.first_seen <= $until
order by eventTime, days.principal_arn
