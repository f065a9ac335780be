"""What a seed is: an ARN, a name, a key, a session, an address, a program, an event or a resource.

The form tells most kinds ("IAM identifiers", IAM user guide: AKIA and ASIA begin access key ids, AROA and AIDA the
unique ids of roles and users); a plain name is looked up in the lake, as a user or role before anything else.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.casework.followed import Followed
from pipeline.errors import NoDataError, UsageError
from pipeline.export.cells import plain

if TYPE_CHECKING:
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import Engine

_LONGEST = 2048  # no name that CloudTrail records is longer; an ARN has at most 2,048 characters
_SHOWN = 80
_NEAR = 3
_KEY = re.compile(r"A(KIA|SIA)[A-Z0-9]{4,124}")
_UNIQUE = re.compile(r"(A(?:IDA|ROA)[A-Z0-9]{4,124})(?::(.+))?")
_EVENT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{64}")
_OWNER = re.compile(r"arn:[^:\s]+:iam::\d*:(user/.+|role/.+|root)")
_SESSION = re.compile(r"arn:[^:\s]+:sts::(\d*):assumed-role/([^/]+)/(.+)")
_FEDERATED = re.compile(r"arn:[^:\s]+:sts::(\d+):federated-user/(.+)")
# Principals that are neither users nor roles of an account, in words.
_OTHERS = {"IdentityCenterUser": "Identity Center user", "AWSAccount": "caller of another account"}

_PRINCIPALS = "select distinct principal_arn, principal_id from lake.usage where principal_arn like 'arn:%'"
_PRINCIPAL = """
select min(principal_type) as kind
from lake.usage
where principal_arn = $name and $name <> 'unknown'
having count(*) > 0
"""
# What GetFederationToken gives out carries its caller's identity as the issuer (CloudTrail userIdentity element).
_ISSUERS = """
select distinct principal_arn
from sightings
where principal_type = 'FederatedUser' and session_name = $name and split_part(principal_arn, ':', 5) = $account
order by principal_arn
"""
_NAMES = """
select
    coalesce(sum(events) filter (session_name = $name), 0)::bigint as sessions,
    coalesce(sum(events) filter (userAgent = $name), 0)::bigint as agents
from sightings
where first_seen >= $since and last_seen <= $until
"""
_EVENT_OF = """
select eventTime, principal_arn, session_name, access_key_id
from events
where eventTime between $since and $until and {column} = $id
order by all
"""
_ADDRESSES = """
select distinct sourceIPAddress as address, source_network as network
from sightings
where first_seen >= $since and last_seen <= $until and source_network is not null
"""
_USERS = """
select principal_arn
from lake.usage
where contains(principal_arn, ':user/')
group by principal_arn
order by max(last_seen), principal_arn
"""
_KEYS = "select distinct access_key_id as id from lake.usage where access_key_id is not null"


@dataclass
class Seed:
    """A recognised seed: its text, its kind in words, and what is followed because of it; `notes` qualify it.

    `moments` has the time of an event that is named itself, by its id.
    """

    text: str
    kind: str
    follow: list[Followed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    moments: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a seed is looked up: an engine with the catalogue's views, and the window."""

    engine: Engine
    catalog: Catalog
    since: datetime
    until: datetime

    def rows(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        """The rows of one SELECT over the lake; `$since` and `$until` are the window."""
        bound = {"since": self.since, "until": self.until} | params
        return self.engine.rows(sql, bound, "investigate")

    def ask(self, question: str, files: Iterable[str] | None = None, **params: Any) -> list[dict[str, Any]]:
        """The rows of a question of queries/investigate; parameters left out have their defaults.

        With `files` events are read from these data files alone.
        """
        query = self.catalog.get(f"investigate/{question}")
        given: dict[str, Any] = {}
        for name, each in query.params.items():
            if name in params:
                given[name] = params[name]
            elif name in ("since", "until"):
                given[name] = self.since if name == "since" else self.until
            else:
                given[name] = None if each.default is None else each.parse(each.default, self.until)
        if files is None:
            return self.engine.rows(query.sql, given, query.path)
        with self.engine.reading(files):
            return self.engine.rows(query.sql, given, query.path)

    @cached_property
    def paths(self) -> list[str]:
        """The data files of the plan; one's number is its place in the list, from 1."""
        return self.engine.plan.files["events"][1:] if self.engine.plan else []

    @cached_property
    def users(self) -> dict[tuple[str, str], str]:
        """ARNs of the users that the log has seen, by account and name; one that moved has its latest path."""
        arns = [each["principal_arn"] for each in self.rows(_USERS)]
        return {(arn.split(":")[4], arn.rpartition("/")[2]): arn for arn in arns if _OWNER.fullmatch(arn)}

    @property
    def spot(self) -> str:
        """SQL that numbers a row of `events_by_file` (see `pipeline.casework.late`); it takes `paths` as `$paths`."""
        return f"coalesce(list_position($paths::varchar[], file), 0)::bigint * {1 << 32} + row"

    def files_of(self, spots: Iterable[int]) -> set[str]:
        """The data files that spots lie in."""
        return {self.paths[number - 1] for number in {spot >> 32 for spot in spots} if number}

    def files(self, spans: Iterable[tuple[datetime, datetime]]) -> set[str]:
        """The data files that may hold events of any of these spans of time."""
        plan = self.engine.plan
        return {path for span in spans for path in plan.holding(*span)} if plan else set()


def recognise(text: str, place: Place) -> Seed:
    """The seed `text` is; raises UsageError where a name has several owners, NoDataError where nobody knows it."""
    name = text.strip().encode(errors="backslashreplace").decode()  # an argument may hold bytes that are no text
    if not name:
        raise UsageError("SEED", "is empty", "name an ARN, a key, an address, a session, an event or a resource")
    if len(name) > _LONGEST:
        raise NoDataError(shown(name), f"is in no log: it has {len(name):,} characters", "name something shorter")
    if _KEY.fullmatch(name):
        return Seed(name, "access key", [Followed("access_key", name)])
    if found := _UNIQUE.fullmatch(name):
        return _by_unique_id(name, found[1], found[2], place)
    if _EVENT.fullmatch(name):
        return _by_event(name, place)
    if found := _SESSION.fullmatch(name):
        account, role, session = found.groups()
        return Seed(name, "session", [Followed("role_session", f"{account}:{role}/{session}")])
    if _OWNER.fullmatch(name):
        return Seed(name, _owner_kind(name), [Followed("principal", name)])
    if found := _FEDERATED.fullmatch(name):
        return _federated(name, found[1], found[2], place)
    if name.startswith("arn:"):
        return _principal(name, place) or _resource(name)
    return _by_address(name, place) or _by_name(name, place)


def shown(text: str) -> str:
    """A seed as an error line has it: short, and without what could drive a terminal."""
    return plain(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def unknown(text: str, place: Place) -> NoDataError:
    """The error for a seed that no event of the window has, with what is near."""
    arns = {each["principal_arn"] for each in place.rows(_PRINCIPALS)}
    names = {each["id"]: each["id"] for each in place.rows(_KEYS)} | {each: each for each in arns}
    names |= {each.rpartition("/")[2]: each for each in sorted(arns)}
    near = [plain(names[each]) for each in difflib.get_close_matches(text[:_SHOWN], names, _NEAR, 0.7)]
    remedy = f"near it are {', '.join(near)}" if near else "look at trailsift query views/principals"
    if text in names:
        remedy = "the lake has it, outside the window"
    return NoDataError(shown(text), "no event of the window has it", remedy)


def _owner_kind(arn: str) -> str:
    kind = arn.split(":", 5)[5].partition("/")[0]
    return "root user" if kind == "root" else kind


def _by_unique_id(name: str, unique: str, session: str | None, place: Place) -> Seed:
    """The owner of a unique id, or with `ID:SESSION`, as principalId has it, the owner's session of that name."""
    arns = sorted({each["principal_arn"] for each in place.rows(_PRINCIPALS) if each["principal_id"] == unique})
    other = _principal(name, place)  # a caller of another account goes by its principalId
    if not arns and not other:
        raise unknown(name, place)
    notes = [f"{unique} is the unique id of {' and '.join(arns)}"] if arns else []
    if session is None:
        return Seed(name, "unique id", [Followed("principal", each) for each in arns], notes)
    follow = [_session(each, session) for each in arns] + (other.follow if other else [])
    return Seed(name, "session" if arns or not other else other.kind, follow, notes)


def _session(principal_arn: str, session: str) -> Followed:
    account, owner = principal_arn.split(":")[4], principal_arn.rpartition("/")[2]
    return Followed("role_session", f"{account}:{owner}/{session}")


def _federated(name: str, account: str, session: str, place: Place) -> Seed:
    """A session that GetFederationToken began, whose principal is who asked for it."""
    issuers = [each["principal_arn"] for each in place.rows(_ISSUERS, account=account, name=session)]
    if not issuers:
        raise unknown(name, place)
    return Seed(name, "session", [_session(each, session) for each in issuers])


def _principal(name: str, place: Place) -> Seed | None:
    """A principal of whatever kind, by the name that the lake has for it."""
    rows = place.rows(_PRINCIPAL, name=name)
    if not rows:
        return None
    return Seed(name, _OTHERS.get(rows[0]["kind"], "principal"), [Followed("principal", name)])


def _by_event(name: str, place: Place) -> Seed:
    # An event of the first version has no id; the SHA-256 of its record, which is no UUID, stands for it.
    column = "record_sha256" if len(name) == 64 else "eventID"
    rows = place.rows(_EVENT_OF.format(column=column), id=name)
    if not rows:
        raise unknown(name, place)
    seed = Seed(name, "event")
    for row in rows:
        seed.moments[name] = row["eventTime"]
        if row["access_key_id"]:
            seed.follow.append(Followed("access_key", row["access_key_id"]))
            seed.notes.append(f"the event was made with the key {row['access_key_id']}")
        elif row["principal_arn"].startswith("arn:"):
            seed.follow.append(Followed("principal", row["principal_arn"]))
            seed.notes.append(f"the event was made by {row['principal_arn']}")
        else:
            seed.follow.append(Followed("event", name, row["eventTime"]))
            seed.notes.append("the event does not say with which key or by which principal it was made")
    return seed


def _by_address(name: str, place: Place) -> Seed | None:
    """An address follows itself; a network the networks, or the addresses, of the log that lie in it."""
    try:
        network = ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None
    rows = place.rows(_ADDRESSES) if "/" in name or network.version == 6 else []
    if "/" not in name:  # an IPv6 address may be written in several ways
        same = sorted({name, *(each["address"] for each in rows if _inside(each["address"], network))})
        return Seed(name, "address", [Followed("address", each) for each in same])
    whole = sorted({each["network"] for each in rows if _inside(each["network"], network)})
    single = sorted({e["address"] for e in rows if e["network"] not in set(whole) and _inside(e["address"], network)})
    if not whole and not single:
        raise unknown(name, place)
    follow = [Followed("network", each) for each in whole] + [Followed("address", each) for each in single]
    return Seed(name, "network", follow)


def _inside(text: str, network: Any) -> bool:
    try:
        other: Any = ipaddress.ip_network(text)
    except ValueError:
        return False
    return bool(other.version == network.version and other.subnet_of(network))


def _by_name(name: str, place: Place) -> Seed:
    arns = {each["principal_arn"] for each in place.rows(_PRINCIPALS)}
    owners = sorted(each for each in arns if _OWNER.fullmatch(each) and each.rpartition("/")[2] == name)
    if len(owners) > 1:
        some = ", ".join(plain(each) for each in owners[:_NEAR]) + (" …" if len(owners) > _NEAR else "")
        raise UsageError(shown(name), f"{len(owners)} principals have this name", f"name one of them: {some}")
    (also,) = place.rows(_NAMES, name=name)
    if owners:
        notes = [f"{also['sessions']:,} events are of sessions of this name"] if also["sessions"] else []
        return Seed(name, _owner_kind(owners[0]), [Followed("principal", owners[0])], notes)
    if also["sessions"]:
        return Seed(name, "session name", [Followed("session", name)])
    if also["agents"]:
        return Seed(name, "user agent", [Followed("agent", name)])
    return _principal(name, place) or _resource(name)


def _resource(name: str) -> Seed:
    """A resource follows the events that name it, by ARN or by plain name, in whatever member."""
    names = [name]
    if name.startswith("arn:") and name.split(":", 5)[2:3] == ["s3"]:
        names.append(name.rpartition(":::")[2].partition("/")[0] if "/" not in name else name)
    elif not name.startswith("arn:"):
        names += [f"arn:{each}:s3:::{name}" for each in ("aws", "aws-cn", "aws-us-gov")]
    return Seed(name, "resource", [Followed("resource", each) for each in dict.fromkeys(names)])
