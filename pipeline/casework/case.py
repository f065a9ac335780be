"""A case: everything that the lake tells about a seed, from who it was to what it did, made, gained and touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline.assurance.coverage import coverage, gaps
from pipeline.assurance.statement import statement
from pipeline.casework import casebook, effects, identity, named, related, sightings, summary
from pipeline.casework.gather import Gathered, gather
from pipeline.casework.seeds import Place, recognise
from pipeline.names import Names

if TYPE_CHECKING:
    from pipeline.casework.casebook import CaseFile
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import Engine

MAX_EVENTS = 10_000
_RESOURCES = 200

_COUNTS = """
select
    count(*) as events,
    count(*) filter (outcome = 'denied') as denied,
    count(*) filter (outcome = 'error') as errors,
    count(*) filter (readOnly = false) as writes,
    count(distinct principal_arn) as principals,
    count(distinct access_key_id) filter (not by_time) as access_keys,
    count(distinct account_id) as accounts,
    min(eventTime) as first_seen,
    max(eventTime) as last_seen
from story
"""
# The first time that a principal ever made a call, by the roll-up, which covers the whole lake.
_TIMELINE = """
with firsts as (
    select principal_arn, eventSource, eventName, min(first_seen) as first
    from lake.usage
    where principal_arn between list_min($who) and list_max($who) and list_contains($who, principal_arn)
    group by all
),
marked as (
    select
        story.*,
        eventTime = first
            and row_number() over (
                partition by principal_arn, eventSource, eventName order by eventTime, eventID, account_id
            ) = 1 as is_first
    from story
    left join firsts using (principal_arn, eventSource, eventName)
)
select * replace (coalesce(is_first, false) as is_first)
from marked
order by
    (outcome = 'denied' or coalesce(readOnly = false, false) or coalesce(is_first, false)
        or list_contains($telling, eventID)) desc,
    eventTime, eventID, account_id
limit $most
"""
_TOUCHED = """
with touched as (
    select unnest(resources) as resource, eventTime, eventID, outcome, readOnly
    from story
)
select
    resource, count(*) as events, count(*) filter (outcome = 'denied') as denied,
    count(*) filter (readOnly = false) as writes,
    min(eventTime) as first_seen, max(eventTime) as last_seen,
    arg_min(eventID, (eventTime, eventID)) as sample_event_id
from touched
group by resource
order by events desc, resource
limit $most
"""


@dataclass(frozen=True)
class Case:
    """What was found. `facts` is the design's object for `investigate`; its times are datetimes.

    `names` are what people call ids, for those who draw tables of the facts.
    """

    facts: dict[str, Any]
    gaps: list[str]
    names: Names = field(default_factory=Names)


def investigate(
    engine: Engine,
    catalog: Catalog,
    seed: str,
    since: datetime | None,
    until: datetime,
    max_events: int = MAX_EVENTS,
    book: CaseFile | None = None,
    names: Names | None = None,
) -> Case:
    """The story of a seed in [since, until]; None for `since` means from the beginning of the log.

    With `book` the facts have its pins and notes as `casebook`, and its pinned events are marked in the timeline; with
    `names` they have what people call networks, and who answers for principals.
    The engine serves one case: its events are kept in it. Raises NoDataError where no event of the window has the
    seed, UsageError where a name has several owners.
    """
    begin = since or datetime.min.replace(tzinfo=until.tzinfo)
    sightings.prepare(engine, begin, until)
    place = Place(engine, catalog, begin, until)
    found = gather(recognise(seed, place), place)
    (counts,) = engine.rows(_COUNTS)
    holders = related.networks(place, counts["events"])
    timeline = _timeline(engine, found, holders, max_events, list(book.pins) if book else [])
    own_key = next((each.value for each in found.seed.follow if each.kind == "access_key"), None)
    links, more = identity.chains(place, own_key)
    counts |= {
        "timeline": len(timeline),
        "left_out": counts["events"] - len(timeline),
        "chains_left_out": more,
    }
    lacking = gaps(coverage(engine), begin, until)
    facts = {
        "seed": {"text": found.seed.text, "kind": found.seed.kind, "notes": found.seed.notes},
        "window": {"from": since or counts["first_seen"], "to": until},
        "counts": counts,
        "identity": links,
        "summary": summary.sentences(place, found, holders, links),
        "timeline": timeline,
        "created": found.created,
        "gained": found.gained,
        "resources": engine.rows(_TOUCHED, {"most": _RESOURCES}),
        "related": related.related(place, holders),
        "coverage": [*lacking, *statement(engine, since, until)],
        "bounds": list(dict.fromkeys(found.cut)),
    }
    facts = named.tell(facts, names or Names())
    facts |= {"casebook": casebook.told(book, engine)} if book else {}
    return Case(facts, lacking, names or Names())


def _timeline(
    engine: Engine, found: Gathered, holders: list[dict[str, Any]], max_events: int, pinned: list[str]
) -> list[dict[str, Any]]:
    """The events in order; where there are more than `max_events`, those that tell something before the others."""
    made = {each["eventID"] for each in found.created}
    networks = {each["first_event"] for each in holders}
    telling = sorted(made | networks | {each["eventID"] for each in found.gained} | set(pinned))
    who = [each["principal_arn"] for each in engine.rows("select distinct principal_arn from story order by all")]
    rows = engine.rows(_TIMELINE, {"telling": telling, "most": max_events, "who": who})
    rows.sort(key=lambda each: (each["eventTime"], each["eventID"], each["account_id"] or ""))
    changes = set(effects.names("changed"))
    known = {"seed": {found.seed.text}, "pinned": set(pinned), "first_network": networks, "created": made}
    return [_entry(row, _marks(row, known, changes)) for row in rows]


def _marks(row: dict[str, Any], known: dict[str, set[str]], changes: set[str]) -> list[str]:
    """What stands out in an event, always in this order; `known` are the ids of events by mark."""
    told = {
        "seed": row["eventID"] in known["seed"],
        "pinned": row["eventID"] in known["pinned"],
        "write": row["readOnly"] is False,
        "denied": row["outcome"] == "denied",
        "error": row["outcome"] == "error",
        "first_seen": row["is_first"],
        "first_network": row["eventID"] in known["first_network"],
        "console": bool(row["console"]) or row["eventSource"] == "signin.amazonaws.com",
        "via_service": row["via_service"] is not None,
        "by_time": row["by_time"],
        "created": row["eventID"] in known["created"],
        "permission_change": row["eventSource"] == "iam.amazonaws.com" and row["eventName"] in changes,
    }
    return [name for name, holds in told.items() if holds]


def _entry(row: dict[str, Any], marks: list[str]) -> dict[str, Any]:
    names = ("eventTime", "eventID", "eventSource", "eventName", "outcome", "principal_arn", "sourceIPAddress")
    more = ("access_key_id", "session_name", "account_id", "awsRegion", "errorCode", "via_service", "userAgent")
    entry = {name: row[name] for name in names} | {"resources": row["resources"] or [], "marks": marks}
    return entry | {name: row[name] for name in more}
