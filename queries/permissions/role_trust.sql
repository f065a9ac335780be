-- /// query
-- title = "Trust of roles, used and unused"
-- question = "Whom does each role trust, within the account and beyond it, and who of them ever assumed it?"
-- severity = "low"
-- [columns]
-- account_id = "the role's account"
-- role_arn = "the role"
-- trusted = "what its trust policy names: an ARN, an account's root, a service, an identity provider, * for everybody"
-- kind = "principal, account, service, identity_provider or everybody"
-- cross_account = "whether it is of another account"
-- known_account = "whether a snapshot of that account is in the lake; null where it is of none"
-- conditions = "condition keys of the statements that name it"
-- state = "used, unused, or unknown: the log is shorter than the window, or does not tell callers apart"
-- last_used = "last time that one of them assumed the role (UTC)"
-- uses = "how often in the window"
-- reason = "why, in words"
-- [params.since]
-- type = "timestamp"
-- default = "-90d"
-- ///
-- A caller of another account appears with its account alone, unless that account's log is here too: the twins of one
-- call share a sharedEventID. Service-linked roles, whose trust is AWS's own, are left out.
with roles as (
    select
        account_id, arn as role_arn,
        try_cast(item ->> '$.CreateDate' as timestamptz) as created,
        unnest(
            case json_type(item, '$.AssumeRolePolicyDocument.Statement')
                when 'ARRAY' then json_extract(item, '$.AssumeRolePolicyDocument.Statement[*]')
                else [json_extract(item, '$.AssumeRolePolicyDocument.Statement')]
            end
        ) as statement
    from iam_items
    where kind = 'role' and coalesce(item ->> '$.Path', '/') not like '/aws-service-role/%'
),
allowing as (
    select
        account_id, role_arn, created,
        json_extract(statement, '$.Principal') as principal,
        list_distinct(flatten(list_transform(
            coalesce(map_values(try_cast(json_extract(statement, '$.Condition') as map(varchar, json))), []),
            lambda test: json_keys(test)
        ))) as keys
    from roles
    where statement ->> 'Effect' = 'Allow'
),
kinds as (
    select
        account_id, role_arn, created, keys,
        unnest(['AWS', 'Service', 'Federated']) as kind,
        unnest([principal -> 'AWS', principal -> 'Service', principal -> 'Federated']) as listed
    from allowing
    where json_type(principal) = 'OBJECT'
),
entries as (
    select
        account_id, role_arn, created, keys, kind,
        unnest(
            case json_type(listed)
                when 'ARRAY' then json_extract_string(listed, '$[*]')
                when 'VARCHAR' then [listed ->> '$']
            end
        ) as name
    from kinds
    union all
    select account_id, role_arn, created, keys, 'AWS' as kind, '*' as name
    from allowing
    where json_type(principal) = 'VARCHAR' and principal ->> '$' = '*'
),
named as (
    select
        account_id, role_arn, created, keys, name as trusted,
        case
            when kind = 'Service' then 'service'
            when kind = 'Federated' then 'identity_provider'
            when name = '*' then 'everybody'
            when regexp_matches(name, '^([0-9]{12}|arn:[^:]*:iam::[0-9]{12}:root)$') then 'account'
            else 'principal'
        end as kind,
        case when kind = 'AWS' then nullif(regexp_extract(name, '^(?:arn:[^:]*:(?:iam|sts)::)?([0-9]{12})', 1), '') end
            as account
    from entries
    where name is not null
),
trust as (
    select
        account_id, role_arn, trusted, kind, account,
        any_value(created) as created,
        list_sort(list_distinct(flatten(list(keys)))) as conditions
    from named
    group by account_id, role_arn, trusted, kind, account
),
assumed as (
    select
        requestParameters ->> '$.roleArn' as role_arn,
        eventTime, eventID, sharedEventID, principal_arn,
        case when principal_type = 'AWSService' then principal_arn else userIdentity.invokedBy end as service,
        coalesce(userIdentity.accountId, regexp_extract(principal_arn, '^arn:[^:]*:iam::([0-9]{12}):', 1)) as caller_account,
        coalesce(requestParameters ->> '$.principalArn', userIdentity.identityProvider) as provider,
        principal_type = 'AWSAccount' as bare
    from events
    where eventSource = 'sts.amazonaws.com'
      and eventName in ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity')
      and outcome = 'ok'
      and eventTime >= $since
),
calls as (
    -- One call that two accounts' logs have is one; the twin that names the caller tells.
    select
        role_arn,
        max(eventTime) as eventTime,
        any_value(principal_arn) filter (not bare) as caller,
        any_value(service) as service,
        any_value(caller_account) as caller_account,
        any_value(provider) as provider
    from assumed
    group by role_arn, coalesce(sharedEventID, eventID)
),
log_start as (
    select account_id, min(day) as first_day
    from usage
    group by account_id
),
matched as (
    select
        trust.*,
        max(calls.eventTime) as last_used,
        count(calls.eventTime) as uses,
        -- Somebody of the account it is in, whom the log does not name.
        max(unnamed.eventTime) as perhaps
    from trust
    left join calls
        on calls.role_arn = trust.role_arn
        and case trust.kind
            when 'service' then calls.service = trust.trusted
            when 'identity_provider' then calls.provider = trust.trusted
                or calls.provider like '%:oidc-provider/' || trust.trusted
            when 'account' then calls.caller_account = trust.account and calls.service is null
            when 'everybody' then true
            else calls.caller = trust.trusted
        end
    left join calls as unnamed
        on trust.kind = 'principal'
        and unnamed.role_arn = trust.role_arn
        and unnamed.caller is null
        and unnamed.service is null
        and unnamed.caller_account = trust.account
    group by all
),
judged as (
    select
        matched.*,
        log_start.first_day is not null and log_start.first_day <= $since::date as log_covers
    from matched
    left join log_start using (account_id)
)
select
    account_id, role_arn, trusted, kind,
    coalesce(account <> account_id, false) as cross_account,
    case when account is not null then account in (select account_id from iam_items) end as known_account,
    conditions,
    case
        when uses > 0 then 'used'
        when perhaps is not null or not log_covers or created > $since then 'unknown'
        else 'unused'
    end as state,
    last_used, uses,
    case
        when uses > 0 then 'the log shows it'
        when perhaps is not null then 'somebody of that account assumed the role; the log of this account does not say who'
        when created > $since then 'the role was made since the window began'
        when not log_covers then 'the log is shorter than the window'
        else 'nobody of them assumed the role in the window'
    end as reason
from judged
order by state, cross_account desc, account_id, role_arn, kind, trusted
