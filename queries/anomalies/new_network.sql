-- /// query
-- title = "Network, country or operator never come from before"
-- question = "Which people and programs came with a session from a network, country or operator they never came from?"
-- mitre = ["T1078.004"]
-- action = "Ask the person where they were; end the session if they do not know."
-- most = 60
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
-- Access keys are looked at by their own question, and so are the roles of AWS services. Countries and operators are
-- known where a database is configured under [geo]. A place that others of the account come from is half the surprise.
with keyed as (
    select distinct day, account_id, principal_arn
    from habits
    where attribute = 'network' and access_key_id is not null
)
select
    first_seen as eventTime, last_seen as until, first_seen.principal_arn, first_seen.account_id, attribute,
    first_seen.value, usual,
    format(
        '{} {}{}', first_seen.value,
        case when account_new then 'new to the whole account' else 'new to the principal' end,
        case when peers >= 3 then format(', as by {} others', peers) else '' end
    ) as unusual,
    'unseen' as class,
    round(
        case
            when attribute = 'network' and kind = 'person' then 25
            when attribute = 'network' then 35
            when attribute = 'country' then 25
            else 10
        end * confidence * case when account_knows then 0.4 when peers >= 3 then 0.6 else 1 end
    )::bigint as points
from first_seen
left join networks on networks.network = first_seen.value
left join keyed on keyed.day = first_seen.day and keyed.principal_arn = first_seen.principal_arn
    and keyed.account_id is not distinct from first_seen.account_id
where attribute in ('network', 'country', 'organization')
  and kind <> 'workload'
  and known
  and first_seen.value <> 'vpc endpoint'
  and keyed.day is null
  and not coalesce(networks.trusted, false)
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn, attribute, value
