"""A case: everything that the lake tells about a seed, from who it was to what it did, made, gained and touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline.assurance.coverage import coverage, gaps
from pipeline.assurance.statement import statement
from pipeline.casework import casebook, identity, named, related, sightings, summary, timeline, touched
from pipeline.casework.gather import gather
from pipeline.casework.seeds import Place, recognise
from pipeline.names import Names

if TYPE_CHECKING:
    from pipeline.casework.casebook import CaseFile
    from pipeline.catalog import Catalog
    from pipeline.engines.duckdb import Engine

# Nobody reads ten thousand events; a case with more of them tells those that stand out.
WHOLE, OF_MANY = 10_000, 2_000
_RESOURCES, _LEFT_OUT = 200, 200

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
    max_events: int | None = None,
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
    holders = related.networks(place, counts["events"], found.cut)
    written = casebook.told(book, engine) if book else None
    pinned = {each["eventID"]: each["eventTime"] for each in (written or {}).get("pinned", []) if each["eventTime"]}
    most = max_events or (WHOLE if counts["events"] <= WHOLE else OF_MANY)
    told = timeline.entries(place, found, holders, most, pinned)
    own_key = next((each.value for each in found.seed.follow if each.kind == "access_key"), None)
    links, more = identity.chains(place, own_key)
    counts |= {
        "timeline": len(told),
        "left_out": counts["events"] - len(told),
        "chains_left_out": more,
    }
    lacking = gaps(coverage(engine), begin, until)
    facts = {
        "seed": {"text": found.seed.text, "kind": found.seed.kind, "notes": found.seed.notes},
        "window": {"from": since or counts["first_seen"], "to": until},
        "counts": counts,
        "identity": links,
        "summary": summary.sentences(place, found, holders, links),
        "timeline": told,
        "left_out": timeline.left_out(place, _LEFT_OUT, found.cut) if counts["left_out"] else [],
        "created": found.created,
        "gained": found.gained,
        "resources": touched.resources(place, _RESOURCES, found.cut),
        "related": related.related(place, holders, found.cut),
        "coverage": [*lacking, *statement(engine, since, until)],
        "bounds": list(dict.fromkeys(found.cut)),
    }
    facts = named.tell(facts, names or Names())
    return Case(facts | ({"casebook": written} if written else {}), lacking, names or Names())
