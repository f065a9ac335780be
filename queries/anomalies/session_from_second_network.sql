-- /// query
-- title = "Session used from a second network"
-- question = "Which temporary credentials were used from a second network on the day they were used from a first?"
-- mitre = ["T1550.001", "T1552.005"]
-- action = "Temporary credentials do not travel by themselves: revoke the sessions of the role and look at what was done from the second network."
-- most = 110
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
-- The keys of a machine's session stay on the machine; people carry a laptop from place to place, and come back to
-- places known before. A principal whose sessions often move is no news.
with moves as (
    select
        day, account_id, principal_arn, value, split_part(value, ' → ', 2) as network, first_seen, last_seen,
        dense_rank() over (partition by account_id, principal_arn order by day) - 1 as moved_before
    from behaviour
    where attribute = 'moved_session'
),
places as (
    select account_id, principal_arn, value as network, min(day) as first_day
    from behaviour
    where attribute = 'network'
    group by all
),
judged as (
    select
        moves.*, active_days.kind, places.first_day < moves.day as place_known, active_days.days_before,
        least(
            1.0, -log2((moved_before + 1) / (greatest(active_days.days_before - 7, moved_before) + 2)) / 4
        )::double as confidence
    from moves
    join active_days on active_days.day = moves.day and active_days.principal_arn = moves.principal_arn
        and active_days.account_id is not distinct from moves.account_id
    left join places on places.principal_arn = moves.principal_arn and places.network = moves.network
        and places.account_id is not distinct from moves.account_id
    left join networks on networks.network = moves.network
    where active_days.known and not coalesce(networks.trusted, false)
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, 'moved_session' as attribute, value,
    format('sessions stay in one network ({} of {} days with a move)', moved_before, days_before) as usual,
    format('one session used from {}{}', value, case when place_known then ', known before' else '' end) as unusual,
    case when moved_before = 0 then 'unseen' when moved_before < 0.05 * days_before then 'rare' else 'infrequent' end
        as class,
    round(
        case kind when 'workload' then 100 when 'automation' then 70 else 20 end
        * case when not place_known then 1 when kind = 'person' then 0 else 0.3 end * confidence
    )::bigint as points
from judged
where last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn, value
