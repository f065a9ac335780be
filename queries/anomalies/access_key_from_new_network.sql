-- /// query
-- title = "Access key used from a new network"
-- question = "Which long-lived access keys were used from a network that their user never came from?"
-- mitre = ["T1078.004"]
-- action = "Ask the owner where he is; if he does not know the network, switch the key off and see what was done with it."
-- most = 75
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
-- A network that several others of the account begin to come from at the same time is a move of the office or the VPN.
-- A user too new to be judged by itself is judged by its account, where the account does not know the network.
with keys as (
    select
        day, account_id, principal_arn, value,
        array_to_string(list(access_key_id order by first_seen, access_key_id), ', ') as used
    from habits
    where attribute = 'network' and access_key_id is not null and value <> 'vpc endpoint'
    group by day, account_id, principal_arn, value
),
uses as (
    select
        first_seen.*, used, networks.country,
        case
            when not first_seen.known then 40
            when kind = 'person' then 35
            else 55
        end as base
    from first_seen
    join keys on keys.day = first_seen.day and keys.principal_arn = first_seen.principal_arn
        and keys.account_id is not distinct from first_seen.account_id and keys.value = first_seen.value
    left join networks on networks.network = first_seen.value
    where attribute = 'network'
      and not coalesce(networks.trusted, false)
      and (first_seen.known or account_new)
      and first_seen.last_seen >= $since and first_seen.first_seen <= $until
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, attribute, value,
    case when usual = '' then 'no network' else usual end as usual,
    format(
        'key {} used from {}{}, {}{}', used, value, coalesce(', ' || country, ''),
        case when account_new then 'new to the whole account' else 'new to the user' end,
        case when peers >= 3 then format(', as by {} others', peers) else '' end
    ) as unusual,
    'unseen' as class,
    round(
        (base + case when account_new and known then 15 else 0 end)
        * case when known then confidence else 1 end
        * case when account_knows then 0.4 when peers >= 3 then 0.6 else 1 end
    )::bigint as points
from uses
order by eventTime, principal_arn, value, unusual
