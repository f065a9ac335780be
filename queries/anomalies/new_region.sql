-- /// query
-- title = "Region never used before"
-- question = "Who called services in a region it had never used?"
-- mitre = ["T1535"]
-- action = "See what was made in the region; if nobody works there, forbid it by a service control policy."
-- most = 100
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
-- To look at a region is little; to change something in one that nobody in the account uses is much, and to start
-- machines there is what those do who mine on other people's account.
with costly as (
    select distinct day, account_id, principal_arn, awsRegion as value
    from calls
    where ok > 0
      and eventName in (
          'CreateCluster', 'CreateFleet', 'CreateNotebookInstance', 'CreateTrainingJob', 'InvokeModel',
          'RequestSpotFleet', 'RequestSpotInstances', 'RunInstances', 'RunJobFlow', 'RunTask'
      )
)
select
    first_seen as eventTime, last_seen as until, first_seen.principal_arn, first_seen.account_id, attribute,
    first_seen.value, usual,
    format(
        '{}{}, {}', first_seen.value,
        case when costly.day is not null then ' to start machines' when not read_only then ' with changes' else '' end,
        case when account_new then 'new to the whole account' else 'new to the principal' end
    ) as unusual,
    'unseen' as class,
    round(
        case
            when costly.day is not null then case when account_new then 100 when account_knows then 20 else 40 end
            when not read_only then case when account_new then 60 when account_knows then 10 else 20 end
            else case when account_new then 30 else 5 end
        end * confidence
    )::bigint as points
from first_seen
left join costly on costly.day = first_seen.day and costly.principal_arn = first_seen.principal_arn
    and costly.account_id is not distinct from first_seen.account_id and costly.value = first_seen.value
where attribute = 'region'
  and known
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn, first_seen.value
