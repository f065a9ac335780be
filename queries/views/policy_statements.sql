-- /// view
-- title = "Policy statements"
-- question = "What do the policies of each snapshot say, one row a statement, with who holds the policy inline?"
-- [columns]
-- snapshot_id = "the snapshot"
-- taken_at = "when it was taken (UTC)"
-- account_id = "account"
-- source = "managed, or inline"
-- policy = "a managed policy's ARN, an inline policy's name"
-- holder_arn = "whose inline policy it is; null for a managed one"
-- effect = "Allow or Deny"
-- actions = "Action, as a list; null where the statement has NotAction"
-- resources = "Resource, as a list; null where the statement has NotResource"
-- condition = "the Condition as JSON; null without"
-- ///
-- GetAccountAuthorizationDetails gives managed policies with all versions, of which the default is in force, and inline
-- policies in the entry of their user, group or role. A document is an object, or its URL-encoded text as the API's
-- own answer has it. Statement, Action and Resource may each be one value or a list.
with items as (
    select snapshot_id, taken_at, account_id, kind, coalesce(item ->> 'Arn', arn) as arn, item::json as item
    from lake.iam_snapshots
    where kind in ('user', 'group', 'role', 'policy')
),
versions as (
    select snapshot_id, taken_at, account_id, arn, unnest(json_extract(item, '$.PolicyVersionList[*]')) as version
    from items
    where kind = 'policy'
),
managed as (
    select
        snapshot_id, taken_at, account_id, 'managed' as source, arn as policy, null::varchar as holder_arn,
        json_extract(version, '$.Document') as document
    from versions
    where try_cast(version ->> 'IsDefaultVersion' as boolean)
),
inline_lists as (
    select
        snapshot_id, taken_at, account_id, arn as holder_arn,
        unnest(list_concat(
            list_concat(json_extract(item, '$.UserPolicyList[*]'), json_extract(item, '$.GroupPolicyList[*]')),
            json_extract(item, '$.RolePolicyList[*]')
        )) as policy
    from items
    where kind in ('user', 'group', 'role')
),
documents as (
    select * from managed
    union all
    select
        snapshot_id, taken_at, account_id, 'inline' as source, policy ->> 'PolicyName' as policy, holder_arn,
        json_extract(policy, '$.PolicyDocument') as document
    from inline_lists
),
decoded as (
    select
        * exclude (document),
        case
            when json_type(document) = 'VARCHAR' then try(url_decode(document ->> '$')::json)
            else document
        end as document
    from documents
),
statements as (
    select
        * exclude (document),
        unnest(
            case
                when json_type(document, '$.Statement') = 'ARRAY' then json_extract(document, '$.Statement[*]')
                else [json_extract(document, '$.Statement')]
            end
        ) as statement
    from decoded
)
select
    snapshot_id, taken_at, account_id, source, policy, holder_arn,
    statement ->> 'Effect' as effect,
    case json_type(statement, '$.Action')
        when 'ARRAY' then json_extract_string(statement, '$.Action[*]')
        when 'VARCHAR' then [statement ->> 'Action']
    end as actions,
    case json_type(statement, '$.Resource')
        when 'ARRAY' then json_extract_string(statement, '$.Resource[*]')
        when 'VARCHAR' then [statement ->> 'Resource']
    end as resources,
    json_extract(statement, '$.Condition')::varchar as condition
from statements
