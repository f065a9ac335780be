"""The state that behaviour is judged by: what each principal is wont to do, one row a day and thing.

The roll-up `usage` knows who called what in which region; `habits` has what it lacks. Of a day it holds, for each
account and principal, the values seen of each attribute, with counts by outcome. Sessions are folded to their role, but
of a role of IAM Identity Center, which many people share, each session's name is a person and one principal:

- `network`: /24 or /48, by long-lived key; `vpc endpoint` for calls through one; private addresses say nothing
- `agent`: the family of the user agent, such as aws-cli, boto3, terraform, browser
- `hour`: hour of the day, 00 to 23 (UTC)
- `caller`: `person` or `instance`, where the record tells
- `role`: ARN of a role that the principal assumed; services are principals here, since they tell a role's purpose
- `moved_session`: `A → B`, for a session's key used from network B after A, of the same family, on one day
- `own_change`: a call by which the principal widened its own permissions
- `call`: of a person of IAM Identity Center, whom the roll-up does not know: `w|eu-west-1|s3.amazonaws.com:PutObject`,
  with `r` for a call that only reads
- `made`: not of a principal: name of a user who was made, or given a key or a password, that day
- `examined`: not of a principal: how many events the day had when its rows were made, and by which version of this

AWS services, service-linked roles and what services do on somebody's behalf are left out. Events are only ever added
to a day, so a day whose number of events is the one it was examined with is up to date, however its events came; any
other is worked out anew from all of its events. So the state is always what a computation from scratch would give.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engines.duckdb import Engine
from pipeline.records.schema import HABITS
from pipeline.times import shifted

VERSION = "4"
EXAMINED = "examined"
_PERSON = re.compile(r"^([^/]*:role/aws-reserved/sso\.amazonaws\.com/(?:[^/]*/)?AWSReservedSSO_[^/]*)/.*$", re.DOTALL)
_CHUNK = 1_000_000  # events worked on at once
_PLACE = "habits"

# IAM Identity Center makes a role of each permission set in each account and lets the users assigned to it in ("IAM
# roles created by IAM Identity Center"); a session's name is the user's name. AWS alone can change such a role.
SHARED = "contains(principal_arn, ':role/aws-reserved/sso.amazonaws.com/')"
WHO = f"""
    case
        when {SHARED} and session_name is not null then principal_arn || '/' || left(session_name, 64)
        else principal_arn
    end"""

OWN = """
    from lake."events"
    where eventTime >= $begin and eventTime < $end
      and principal_type not in ('AWSService', 'AWSAccount')
      and via_service is null
      and principal_arn <> 'unknown'
      and principal_arn not like '%:role/aws-service-role/%'
      and coalesce(eventType, 'AwsApiCall') in ('AwsApiCall', 'AwsConsoleAction', 'AwsConsoleSignIn')"""

_COUNTS = """
    sum(ok)::bigint as ok, sum(denied)::bigint as denied, sum(error)::bigint as error,
    min(first_seen) as first_seen, max(last_seen) as last_seen"""

_TALLY = """
    count(*) filter (outcome = 'ok') as ok, count(*) filter (outcome = 'denied') as denied,
    count(*) filter (outcome = 'error') as error, min(eventTime) as first_seen, max(eventTime) as last_seen"""

# Addresses of private networks (RFC 1918, 6598, 3927, 4193) tell no place.
PRIVATE = (
    r"^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\."
    r"|f[cd]|fe80|::)"
)
NETWORK = f"""
    case
        when vpcEndpointId is not null then 'vpc endpoint'
        when not regexp_matches(source_network, '{PRIVATE}') then source_network
    end"""
# The tool, not its version: the first product of the agent, or the one that drives it.
AGENT = r"""
    case
        when userAgent is null or userAgent like '%.amazonaws.com' or starts_with(userAgent, 'AWS Internal') then null
        when userAgent ilike '%terraform%' then 'terraform'
        when userAgent ilike '%pulumi%' then 'pulumi'
        when userAgent ilike '%ansible%' then 'ansible'
        when userAgent ilike 'mozilla%' or userAgent ilike '%console%' then 'browser'
        else nullif(lower(regexp_extract(userAgent, '^\[?([^/ ]{1,40})', 1)), '')
    end"""
CALLER = """
    case
        when sessionCredentialFromConsole = 'true' or eventType = 'AwsConsoleSignIn' or contains(session_name, '@')
            or principal_type in ('IdentityCenterUser', 'SAMLUser') or contains(principal_arn, '/AWSReservedSSO_')
            then 'person'
        when regexp_full_match(session_name, 'i-[0-9a-f]{8,17}') then 'instance'
    end"""

# Grouped by the raw texts first, so that expressions are worked out for each different text and not each event.
_SEEN = f"""
with told as (
    select
        eventTime::date as day, account_id, {WHO} as principal_arn, principal_type,
        case when starts_with(access_key_id, 'AKIA') then access_key_id end as access_key_id,
        source_network, vpcEndpointId, userAgent, date_part('hour', eventTime) as hour,
        {CALLER} as caller,
        {_TALLY}
    {OWN}
    group by all
),
named as (
    select * exclude (source_network, vpcEndpointId, userAgent), {NETWORK} as network, {AGENT} as agent
    from told
),
listed as (
    select
        * exclude (access_key_id, network, agent, hour, caller),
        unnest([
            {{'attribute': 'network', 'value': network, 'access_key_id': access_key_id}},
            {{'attribute': 'agent', 'value': agent, 'access_key_id': null}},
            {{'attribute': 'hour', 'value': format('{{:02d}}', hour), 'access_key_id': null}},
            {{'attribute': 'caller',
                'value': coalesce(caller, case when agent = 'browser' then 'person' end), 'access_key_id': null}}
        ], recursive := true)
    from named
)
select day, account_id, principal_arn, principal_type, access_key_id, attribute, value, {_COUNTS}
from listed
where value is not null
group by all
"""

_ROLES = f"""
select
    eventTime::date as day, account_id, {WHO} as principal_arn, principal_type, null::varchar as access_key_id,
    'role' as attribute, left(try(requestParameters ->> '$.roleArn'), 300) as value, {_TALLY}
from lake."events"
where eventTime >= $begin and eventTime < $end
  and eventSource = 'sts.amazonaws.com' and eventName = 'AssumeRole'
  and principal_type <> 'AWSAccount' and principal_arn <> 'unknown'
  and try(requestParameters ->> '$.roleArn') is not null
group by all
"""

# One session's key seen from several networks; a machine may speak IPv4 and IPv6 from one place.
_MOVED = f"""
with places as (
    select
        eventTime::date as day, account_id, {WHO} as principal_arn, principal_type, access_key_id,
        source_network as network,
        contains(source_network, ':') as six, {_TALLY}
    {OWN}
      and access_key_id not like 'AKIA%'
      and vpcEndpointId is null
      and not regexp_matches(source_network, '{PRIVATE}')
    group by all
),
several as (
    select *, first_value(network) over (
        partition by day, account_id, principal_arn, access_key_id, six order by first_seen, network
    ) as begun
    from places
)
select
    day, account_id, principal_arn, principal_type, access_key_id, 'moved_session' as attribute,
    begun || ' → ' || network as value, ok, denied, error, first_seen, last_seen
from several
where network <> begun
"""

# The call names a user, role or group member; it is oneself where the name is the caller's own.
_OWN_CHANGES = f"""
with grants as (
    select
        *, regexp_extract(principal_arn, '[^/]+$') as own_name,
        case
            when principal_type = 'IAMUser' then try(requestParameters ->> '$.userName')
            when principal_type = 'AssumedRole' then try(requestParameters ->> '$.roleName')
        end as target
    {OWN}
      and eventSource = 'iam.amazonaws.com'
      and outcome = 'ok'
      and eventName in (
          'AttachUserPolicy', 'PutUserPolicy', 'AddUserToGroup', 'DeleteUserPermissionsBoundary',
          'AttachRolePolicy', 'PutRolePolicy', 'DeleteRolePermissionsBoundary'
      )
)
select
    eventTime::date as day, account_id, {WHO} as principal_arn, principal_type, null::varchar as access_key_id,
    'own_change' as attribute,
    left(concat_ws(
        ' ', eventName,
        coalesce(
            try(requestParameters ->> '$.policyArn'), try(requestParameters ->> '$.policyName'),
            try(requestParameters ->> '$.groupName')
        )
    ), 300) as value, {_TALLY}
from grants
where target = own_name and (principal_type = 'IAMUser') = (eventName not like '%Role%')
group by all
"""

_CALLS = f"""
select
    eventTime::date as day, account_id, {WHO} as principal_arn, principal_type, null::varchar as access_key_id,
    'call' as attribute,
    left(format(
        '{{}}|{{}}|{{}}:{{}}', if(coalesce(readOnly, false), 'r', 'w'), coalesce(awsRegion, ''), eventSource, eventName
    ), 300) as value, {_TALLY}
{OWN}
  and {SHARED}
group by all
"""

_MADE = f"""
select
    eventTime::date as day, account_id, null::varchar as principal_arn, null::varchar as principal_type,
    null::varchar as access_key_id, 'made' as attribute, left(try(requestParameters ->> '$.userName'), 300) as value,
    {_TALLY}
from lake."events"
where eventTime >= $begin and eventTime < $end
  and eventSource = 'iam.amazonaws.com' and outcome = 'ok'
  and (
      eventName in ('CreateUser', 'CreateAccessKey', 'CreateLoginProfile')
      or eventName = 'UpdateAccessKey' and try(requestParameters ->> '$.status') = 'Active'
  )
  and try(requestParameters ->> '$.userName') is not null
group by all
"""


def prepare(engine: Engine, keep: Callable[[dict[date, pa.Table]], None] | None = None) -> int:
    """Makes the view `habits` of an engine tell every day of its events; gives how many days were worked out.

    `keep` is handed the rows of those days, some days at a time, to store them. Without it they live in memory only,
    so that a lake that cannot be written is judged all the same.
    """
    there = engine.days()
    held = _held(engine)
    fresh = [HABITS.empty_table()]
    stale = sorted(day for day, events in there.items() if held.get(day) != events)
    for days in _chunks(stale, there):
        rows = worked_out(engine, days, there)
        fresh.append(rows)
        if keep:
            keep(_by_day(rows, days))
    if stale or held.keys() - there.keys():
        engine.register("habits_made", pa.concat_tables(fresh))
        engine.register("habits_days", pa.table({"day": pa.array(set(there) - set(stale), pa.date32())}))
        engine.create_view(
            "habits",
            "select * from lake.habits where day in (select day from habits_days) union all select * from habits_made",
            _PLACE,
        )
    return len(stale)


def role_of(principal_arn: str) -> str:
    """The role that a person of IAM Identity Center is in; any other principal is given back."""
    return _PERSON.sub(r"\1", principal_arn)


def rebuild(engine: Engine, keep: Callable[[dict[date, pa.Table]], None]) -> int:
    """Works out every day of the log, whatever the lake has of it, and hands it to `keep`; gives how many."""
    there = engine.days()
    for days in _chunks(sorted(there), there):
        keep(_by_day(worked_out(engine, days, there), days))
    return len(there)


def _by_day(rows: pa.Table, days: list[date]) -> dict[date, pa.Table]:
    return {day: rows.filter(pc.equal(rows["day"], pa.scalar(day))) for day in days}


def worked_out(engine: Engine, days: list[date], events: dict[date, int]) -> pa.Table:
    """The rows (schema HABITS) of successive days of the log, which have so many events each."""
    window = {"begin": _start(days[0]), "end": shifted(_start(days[-1]), timedelta(days=1))}
    parts = [engine.query(sql, window, _PLACE) for sql in (_SEEN, _ROLES, _MOVED, _OWN_CHANGES, _CALLS, _MADE)]
    examined = [{"day": d, "attribute": EXAMINED, "value": VERSION, "ok": events[d]} for d in days]
    rows = pa.concat_tables([each.select(HABITS.names).cast(HABITS) for each in parts])
    wanted = rows.filter(pc.is_in(rows["day"], pa.array(days, pa.date32())))
    order = [(name, "ascending") for name in HABITS.names[:7]]
    return pa.concat_tables([wanted, pa.Table.from_pylist(examined, schema=HABITS)]).sort_by(order)


def _held(engine: Engine) -> dict[date, int]:
    """The days the lake has rows of, with the number of events each was examined with."""
    rows = engine.query(
        "select day, ok from lake.habits where attribute = $examined and value = $version",
        {"examined": EXAMINED, "version": VERSION},
        _PLACE,
    )
    return dict(zip(rows["day"].to_pylist(), rows["ok"].to_pylist(), strict=True))


def _chunks(days: list[date], events: dict[date, int]) -> Iterator[list[date]]:
    """Days in groups of about _CHUNK events, each at least one."""
    chunk: list[date] = []
    held = 0
    for day in days:
        if chunk and held + events[day] > _CHUNK:
            yield chunk
            chunk, held = [], 0
        chunk.append(day)
        held += events[day]
    if chunk:
        yield chunk


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
