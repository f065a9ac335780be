-- /// query
-- title = "Role of a service used from elsewhere"
-- question = "Whose credentials, made for a machine or a function, were used from outside, by another tool, or by a person?"
-- mitre = ["T1552.005", "T1078.004"]
-- action = "Find the instance or function whose credentials these are, isolate it, and revoke the sessions of the role."
-- most = 130
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
-- A role that an AWS service assumes belongs to a workload. Its calls come from where the workload runs, by the tool
-- the workload is built with; a machine that scales out comes from new addresses often, which lessens the surprise.
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, attribute, first_seen.value, usual,
    case attribute
        when 'network' then format(
            'used from {}, {}', first_seen.value,
            case when account_new then 'new to the whole account' else 'new to the role' end
        )
        when 'agent' then format('used by {}', first_seen.value)
        else 'used by a person, in the console or under a name'
    end as unusual,
    'unseen' as class,
    round(
        case
            when attribute = 'network' then case when account_knows then 40 when peers >= 3 then 50 else 70 end
            when attribute = 'agent' and first_seen.value in ('aws-cli', 'browser', 'curl', 'python-requests') then 40
            when attribute = 'agent' then 15
            else 60
        end * confidence
    )::bigint as points
from first_seen
left join networks on networks.network = first_seen.value
where attribute in ('network', 'agent', 'caller')
  and kind = 'workload'
  and known
  and first_seen.value not in ('vpc endpoint', 'instance')
  and not coalesce(networks.trusted, false)
  and last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn, attribute, value
