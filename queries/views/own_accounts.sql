-- /// view
-- title = "Own accounts"
-- question = "Which accounts are one's own, as far as the lake knows?"
-- [columns]
-- account_id = "account"
-- known_by = "how it is known: log (it delivers one), snapshot (its IAM was imported), organization (it is a member)"
-- ///
-- Rules about sharing and trust tell these from all others. A trail logs what happens in its owner's accounts only, so
-- an account that a log was delivered to is one's own; one that merely called into it (userIdentity.accountId) is not.
-- Of the organization the newest list of its accounts counts, since accounts leave.
with members as (
    select item ->> '$.Id' as account_id, snapshot_id, account_id as manager, taken_at, imported_at
    from lake.iam_snapshots
    where kind = 'account'
),
newest as (
    select manager, arg_max(snapshot_id, (taken_at, imported_at, snapshot_id)) as snapshot_id
    from members
    group by manager
),
known as (
    select recipientAccountId as account_id, 'log' as known_by
    from events
    group by all
    union all
    select account_id, 'snapshot'
    from lake.iam_snapshots
    where kind in ('user', 'group', 'role', 'credential')
    group by all
    union all
    select account_id, 'organization'
    from members
    join newest on newest.manager is not distinct from members.manager and newest.snapshot_id = members.snapshot_id
    group by all
)
select account_id, array_to_string(list(known_by order by known_by), ', ') as known_by
from known
where regexp_full_match(account_id, '[0-9]{12}')
group by account_id
