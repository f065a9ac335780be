"""The logs: those that digests list against those there are, in the place that is verified and in the lake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from pipeline.assurance import digests, places, reading
from pipeline.assurance.digests import Unreadable
from pipeline.assurance.inventory import Inventory
from pipeline.assurance.places import DIGEST, Match
from pipeline.assurance.problems import Problem
from pipeline.assurance.reading import Progress
from pipeline.sources.base import Refusal, Source
from pipeline.times import iso

# A log may be named by a time a little before the digest that lists it begins: delivery takes some minutes,
# and the newest digest arrives some time after its hour.
SLACK = timedelta(hours=2)

# One row a log that a digest lists. A log of which there are several copies is valid if all of them are.
_JUDGED = """
create or replace temp view judged as
with held as (
    select l.rowid as id, bool_or(g.sha256 = l.hash) as in_lake, bool_or(g.sha256 is distinct from l.hash) as differs
    from listed as l join ledger as g using (name) group by l.rowid
),
copies as (
    select l.rowid as id, count(*) as copies, count(*) filter (f.sha256 = l.hash) as good, any_value(f.fault) as fault,
        any_value(f.sha256) filter (f.sha256 <> l.hash) as other, any_value(o.uri) as uri
    from listed as l join objects as o using (place) left join found as f using (number) group by l.rowid
)
select l.digest, l.object, l.hash, c.uri, c.fault, c.other,
    coalesce(h.in_lake, false) as in_lake, coalesce(h.differs, false) as differs,
    case when c.copies is null then 'missing' when not l.known then 'unknown' when c.good = c.copies then 'valid'
        when c.other is not null then 'altered' else 'unreadable' end as state
from listed as l left join copies as c on c.id = l.rowid left join held as h on h.id = l.rowid
"""

_WRONG = """
select j.object, coalesce(j.uri, j.object), j.hash, j.other, j.fault, j.state, j.in_lake, j.differs,
    d.chain, d.start_time, d.end_time, d.uri
from judged as j join digests as d on d.number = j.digest
where j.state <> 'valid' or j.differs
order by d.chain, d.end_time, j.object
"""

# Objects that no digest lists, by what can be said of the time in which they were delivered. `bounds` is how far the
# hourly digests of a chain reach, `covered` has the spans within for which an unbroken run of them speaks. A log in
# a hole of any chain may have been listed there. A digest whose signature was not checked has a say over the logs of
# its own hour alone: else whoever alters the newest one of a folder could let it list anything.
_UNLISTED = """
create or replace temp table unlisted as
with bounds as (
    select d.chain, o.root, o.account, o.region, min(d.start_time) as first, max(d.end_time) as last
    from digests as d join objects as o using (number) where not ends_with(d.chain, ' backfill') group by all
),
reach as (
    select root, account, region, min(first) as first, max(last) as last, min(chain) as chain from bounds group by all
),
kinds as (
    select distinct o.root, o.account, o.region, o.kind, true as known
    from listed as l join objects as o using (place)
),
listed_in_time as (
    select l.place, if(d.status = 'valid', null, d.start_time - $slack) as earliest
    from listed as l join digests as d on d.number = l.digest
),
alone as (
    select o.number, o.uri, o.root, o.account, o.region, o.kind, o.time
    from objects as o anti join listed_in_time as l on l.place = o.place
        and (l.earliest is null or o.time >= l.earliest)
    where o.kind <> $digest and (o.time is null or ((o.time >= $since or $since is null)
        and (o.time < $until or $until is null)))
),
spoken_for as (
    select u.number, b.chain, b.root, bool_or(c.since is not null) as spoken
    from alone as u join bounds as b using (root, account, region)
    left join covered as c on c.chain = b.chain and c.root = b.root and u.time >= c.since and u.time < c.until - $slack
    where u.time >= b.first and u.time < b.last group by all
),
holes as (select number, true as hole from spoken_for group by number having not bool_and(spoken))
select u.uri, u.root, u.account, u.region, u.kind, u.time, r.chain, r.first, r.last,
    case when r.first is null then 'alone'
        when u.kind <> 'CloudTrail' and k.known is null then 'kind'
        when u.time is null then 'extra'
        when u.time < r.first then 'before'
        when u.time >= r.last + $slack then 'after'
        when u.time >= r.last - $slack then 'pending'
        when h.hole then 'hole'
        else 'extra' end as state
from alone as u left join reach as r using (root, account, region) left join holes as h using (number)
left join kinds as k using (root, account, region, kind)
"""
_EXTRA = (
    "select uri, time, coalesce(chain, account || '/' || region || '/-') from unlisted where state = 'extra' order by 1"
)
_GROUPS = """
select state, root, account, region, kind, coalesce(any_value(chain), account || '/' || region || '/-') as chain,
    any_value(first), any_value(last), count(*), min(time), max(time)
from unlisted group by state, root, account, region, kind order by all
"""


def check(inventory: Inventory, source: Source, limit: int, progress: Progress) -> None:
    """Hashes every object that a digest lists; one that unpacks to more than `limit` bytes is not."""
    total, items = inventory.to_read()
    for done, (number, _, coming) in enumerate(reading.each(source, items, partial(digests.sha256, limit=limit)), 1):
        try:
            inventory.add_hash(number, coming.result())
        except Unreadable as error:
            inventory.add_hash(number, None, str(error))
        except (OSError, Refusal) as error:
            inventory.add_hash(number, None, reading.why(error))
        progress("logs", done, total)


def judge(inventory: Inventory, location: str) -> Iterator[Problem]:
    """What is wrong with the logs that digests list."""
    inventory.settle()
    inventory.duckdb.execute(_JUDGED)
    for named, uri, wanted, other, fault, state, in_lake, differs, chain, since, until, digest in inventory.rows(
        _WRONG
    ):
        digest = places.name(digest)
        if differs:
            detail = f"the lake read it with another content than the SHA-256 {wanted} that {digest} gives"
            yield Problem("altered_in_lake", named, detail, chain, since, until)
        if state == "missing":
            held = "; the lake holds it unaltered" if in_lake else ""
            if inventory.match is Match.KEY and not places.within(location, named):
                yield Problem(
                    "outside", f"s3://{named}", f"{digest} lists it; it was not looked at", chain, since, until
                )
            else:
                yield Problem(
                    "missing_log", named, f"{digest} lists it, and it is not there{held}", chain, since, until
                )
        elif state == "altered":
            detail = f"its content has the SHA-256 {other}, not {wanted} as {digest} gives"
            yield Problem("altered_log", uri, detail, chain, since, until)
        elif state == "unknown":
            detail = f"{digest} gives its hash by an algorithm other than SHA-256"
            yield Problem("unreadable", uri, detail, chain, since, until)
        elif state == "unreadable":
            # A log that does not unpack has not the bytes CloudTrail wrote; one that cannot be had may have.
            kind = "unreadable" if not fault or fault.startswith("cannot be read") else "altered_log"
            yield Problem(kind, uri, f"{fault or 'was not read'}; {digest} lists it", chain, since, until)


def unlisted(
    inventory: Inventory, since: datetime | None, until: datetime | None
) -> tuple[list[Problem], dict[str, int]]:
    """What is to be said of logs that no digest lists, and how many there are of each state."""
    given = {"digest": DIGEST, "since": since, "until": until, "slack": SLACK}
    inventory.settle()
    inventory.duckdb.execute(_UNLISTED, given)
    problems: list[Problem] = []
    for uri, time, chain in inventory.rows(_EXTRA):
        detail = "no digest lists it" if time else "no digest lists it, and it has not the name of a log"
        problems.append(Problem("extra_log", uri, detail, chain, time, time))
    counts: dict[str, int] = {}
    for state, root, account, region, kind, chain, first, last, count, begin, end in inventory.rows(_GROUPS):
        counts[state] = counts.get(state, 0) + count
        told = {
            "alone": "logs of an account and region that no digest covers",
            "before": f"logs were delivered before the first digest, which begins {iso(first) if first else ''}",
            "after": f"logs were delivered after the last digest, which ends {iso(last) if last else ''}",
            "kind": f"objects of the kind {kind}, of which the digests list none",
        }
        if state in told:
            weight = "undigested_logs" if state in ("alone", "after") else "gap"
            place = f"{root}{account}/{kind}/{region}"
            problems.append(Problem(weight, place, f"{count:,} {told[state]}", chain, begin, end))
    return problems, counts
