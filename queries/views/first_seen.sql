-- /// view
-- title = "First seen"
-- question = "What did each principal do, or use, for the first time, and how surprising is it of this principal?"
-- [columns]
-- account_id = "account"
-- principal_arn = "who, as in behaviour"
-- kind = "workload, person or automation, as in active_days"
-- attribute = "api, service, region, network, country, organization, agent, caller or role"
-- value = "what is new"
-- read_only = "of an api whether it only reads, of a region whether it was only looked at"
-- day = "the day (UTC): the first, or one of the two after it, on which it is still news"
-- first_day = "the day it was first seen of the principal"
-- first_seen = "first of the day's events"
-- last_seen = "last of the day's events"
-- ok = "of the day's events those that succeeded"
-- denied = "those refused for lack of permission"
-- known = "whether the principal was known on the first day, as in active_days"
-- days_before = "days before on which the principal acted"
-- confidence = "0 to 1: how seldom the principal shows anything new of the attribute"
-- peers = "other principals of the account that showed it before the day after"
-- peers_before = "other principals of the account that showed it before"
-- account_knows = "whether the account's log is long enough before, and the value in it"
-- account_new = "whether the account's log is long enough before, and the value not in it"
-- usual = "what the principal showed most often before"
-- ///
-- Of a call that was refused nothing is learnt, so an api counts from its first success. The surprise is -log2 of the
-- share of days, past the first seven, on which the principal showed something new of the attribute (with one such day
-- and two days added, Laplace's rule): 4 bits, that is fifteen days without news, are full confidence.
with shown as (
    select * from behaviour
    where attribute in ('api', 'service', 'region', 'network', 'country', 'organization', 'agent', 'caller', 'role')
      and (ok > 0 or attribute in ('network', 'country', 'organization', 'agent', 'caller'))
),
vals as (
    select account_id, principal_arn, attribute, value, min(day) as first_day
    from shown
    group by all
),
ranked as (
    select
        *,
        count(*) over (
            partition by account_id, attribute, value order by first_day
            range between unbounded preceding and interval 1 day following
        ) - 1 as peers,
        count(*) over (
            partition by account_id, attribute, value order by first_day
            range between unbounded preceding and interval 1 day preceding
        ) as peers_before,
        min(first_day) over (partition by account_id) as account_since
    from vals
),
dated as (
    select vals.account_id, vals.principal_arn, vals.attribute, vals.first_day, kind, known, days_before
    from vals
    join active_days on active_days.account_id is not distinct from vals.account_id
        and active_days.principal_arn = vals.principal_arn and active_days.day = vals.first_day
    group by all
),
news as (
    select
        *,
        count(*) filter (known) over (
            partition by account_id, principal_arn, attribute order by first_day
            rows between unbounded preceding and 1 preceding
        ) as news_before
    from dated
),
numbered as (
    select
        account_id, principal_arn, attribute, value, day,
        row_number() over (partition by account_id, principal_arn, attribute, value order by day) as days
    from shown
),
before as (
    select news.account_id, news.principal_arn, news.attribute, news.first_day, vals.value
    from news
    join vals on vals.principal_arn = news.principal_arn and vals.attribute = news.attribute
        and vals.account_id is not distinct from news.account_id and vals.first_day < news.first_day
    where news.known
),
usuals as (
    select
        before.account_id, before.principal_arn, before.attribute, before.first_day,
        array_to_string(
            list(format('{} ({} days)', before.value, days) order by days desc, before.value)[1:3], ', '
        ) as usual
    from before
    asof join numbered on numbered.account_id = before.account_id and numbered.principal_arn = before.principal_arn
        and numbered.attribute = before.attribute and numbered.value = before.value
        and numbered.day < before.first_day
    group by all
)
select
    shown.account_id, shown.principal_arn, news.kind, shown.attribute, shown.value, shown.read_only, shown.day,
    ranked.first_day, shown.first_seen, shown.last_seen, shown.ok, shown.denied, news.known, news.days_before,
    least(1.0, -log2((news_before + 1) / (greatest(news.days_before - 7, news_before) + 2)) / 4)::double as confidence,
    ranked.peers, ranked.peers_before,
    ranked.first_day >= account_since + 7 and ranked.peers_before > 0 as account_knows,
    ranked.first_day >= account_since + 7 and ranked.peers_before = 0 as account_new,
    coalesce(usuals.usual, '') as usual
from shown
join ranked on ranked.account_id is not distinct from shown.account_id and ranked.principal_arn = shown.principal_arn
    and ranked.attribute = shown.attribute and ranked.value = shown.value and shown.day <= ranked.first_day + 2
join news on news.account_id is not distinct from shown.account_id and news.principal_arn = shown.principal_arn
    and news.attribute = shown.attribute and news.first_day = ranked.first_day
left join usuals on usuals.account_id is not distinct from shown.account_id
    and usuals.principal_arn = shown.principal_arn and usuals.attribute = shown.attribute
    and usuals.first_day = ranked.first_day
