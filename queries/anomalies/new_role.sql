-- /// query
-- title = "Role never assumed before"
-- question = "Who took a role it had never taken?"
-- mitre = ["T1548.005", "T1078.004"]
-- action = "Ask the owner why the role was taken; look at what was done in it."
-- most = 85
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
-- An edge of the graph of who becomes whom. A role that only services took so far is not meant for others.
with takers as (
    select
        value, principal_arn, principal_type = 'AWSService' as by_service, min(day) as first_day
    from habits
    where attribute = 'role' and ok > 0
    group by all
),
roles as (
    select
        value, min(first_day) filter (by_service) as served_since,
        list({'taker': principal_arn, 'since': first_day}) filter (not by_service) as others
    from takers
    group by value
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, attribute, first_seen.value,
    case when usual = '' then 'no role' else usual end as usual,
    format(
        'took {}{}', first_seen.value,
        case when served_since < first_day and peers_before = 0 then ', which only services took before' else '' end
    ) as unusual,
    'unseen' as class,
    round(
        (
            case kind when 'person' then 35 when 'automation' then 40 else 50 end
            + case
                when served_since < first_day
                    and len(list_filter(coalesce(others, []), lambda each: each.since < first_day)) = 0 then 35
                else 0
            end
        ) * confidence * case when peers_before >= 1 then 0.6 else 1 end
    )::bigint as points
from first_seen
left join roles on roles.value = first_seen.value
where attribute = 'role'
  and known
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn, value
