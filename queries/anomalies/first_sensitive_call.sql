-- /// query
-- title = "Call never made before"
-- question = "Which principals, known for some time, changed something, or read secrets or identities, as never before?"
-- mitre = ["T1078.004"]
-- action = "Ask the owner whether the work is new; if not, look at what the session did around it."
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
-- What touches identities, keys or secrets weighs much; what changes the log and its watchers, runs code on machines
-- or starts many of them yet more. It weighs more where nobody in the account did it before, and less the more such
-- calls the principal knows: to deploy is to do new things. How seldom they show one by itself says how sure that is,
-- as in first_seen. What several others of the account do is ordinary there. Who gets a new telephone makes four calls
-- of IAM about it, of which taking the old device off stands for all.
with graded as (
    select
        *,
        split_part(value, '.', 1) as service,
        split_part(value, ':', 2) as call,
        not coalesce(read_only, false) and service in (
            'access-analyzer', 'account', 'cloudtrail', 'config', 'guardduty', 'iam', 'identitystore', 'kms',
            'organizations', 'ram', 'rolesanywhere', 'secretsmanager', 'securityhub', 'sso', 'sso-directory'
        )
        and call not in ('CreateVirtualMFADevice', 'DeleteVirtualMFADevice', 'EnableMFADevice', 'ResyncMFADevice')
        or call in (
            'BatchGetSecretValue', 'GetFederationToken', 'GetPasswordData', 'GetSecretValue', 'GetSessionToken'
        ) as about_identity,
        call in (
            'CreateFleet', 'CreateLaunchTemplateVersion', 'CreateTrainingJob', 'ExecuteCommand',
            'ModifyInstanceAttribute', 'RequestSpotFleet', 'RequestSpotInstances',
            'RunInstances', 'SendCommand', 'SendSSHPublicKey', 'SendSerialConsoleSSHPublicKey', 'StartSession'
        ) as commanding,
        not coalesce(read_only, false) and service in ('cloudtrail', 'config', 'guardduty', 'securityhub') as watching,
        about_identity or commanding as guarded,
        not coalesce(read_only, false) or service in ('iam', 'identitystore', 'organizations', 'sso') or call in (
            'Decrypt', 'GetParameter', 'GetParameters', 'GetParametersByPath'
        ) as sensitive,
        count(*) filter (guarded) over before as guarded_before,
        count(distinct first_day) filter (guarded and known) over before as guarded_days
    from first_seen
    where attribute = 'api'
      and day = first_day
      -- Signing in is told by networks and agents; taking a role has a question of its own.
      and value not in ('signin.amazonaws.com:ConsoleLogin', 'sts.amazonaws.com:AssumeRole')
    window before as (
        partition by account_id, principal_arn order by first_day
        range between unbounded preceding and interval 1 day preceding
    )
),
weighed as (
    select
        *,
        case
            when guarded then
                least(1, -log2((guarded_days + 1) / (greatest(days_before - 7, guarded_days) + 2)) / 4) *
                (case kind when 'person' then 30 when 'workload' then 50 else 40 end + if(commanding or watching, 10, 0))
                * case when account_new then 1.5 when peers_before >= 3 then 0.5 else 1 end / (1 + guarded_before / 4)
            else 15 * confidence
        end as weight
    from graded
    where known
      and (guarded or (sensitive and peers_before < 3))
)
select
    first_seen as eventTime, last_seen as until, principal_arn, account_id, attribute, value, usual,
    format('{}:{}, made by {} others of the account before', service, call, peers_before) as unusual,
    'unseen' as class,
    round(weight)::bigint as points
from weighed
where last_seen >= $since and first_seen <= $until
order by eventTime, principal_arn, value
