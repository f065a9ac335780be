"""Gathers the events of a case, and follows what was made from one thing to the next.

What is made is read from the records of the few calls that can make something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipeline.casework import effects, late
from pipeline.casework.followed import Followed
from pipeline.casework.seeds import Place, Seed, unknown
from pipeline.casework.story import Story
from pipeline.times import shifted

ROUNDS = 6  # from a thing to what it made, and on
THINGS = 10_000  # things made that are told
MOST = 1000  # calls whose records are read, and as many that make sessions, of which some make very many
FOLLOWED = 1000  # things that are followed

_MAKERS = """
with makers as (
    select spot, eventTime, list_contains($sessions, eventName) as of_session
    from story
    where outcome = 'ok' and list_contains($names, eventName) and spot not in (select unnest($known::bigint[]))
)
select spot, of_session
from makers
qualify row_number() over (partition by of_session order by eventTime, spot) <= $most
order by of_session, eventTime, spot
"""
# What the calls asked for and got.
_RECORD = f"""
    eventTime, {late.ID} as eventID, account_id, eventSource, eventName, principal_arn, access_key_id,
    requestParameters, responseElements
"""
_USE = """
select
    {column} as id, count(*) as events, min(eventTime) as first_used, max(eventTime) as last_used,
    arg_min(spot, (eventTime, spot)) as first_spot,
    count(*) filter (outcome = 'denied') as denied
from story
where list_contains($ids, {column})
group by all
"""


@dataclass
class Gathered:
    """What a case holds: the things made, the changes to permissions, and whether a bound cut something off.

    `spots` says where the calls lie whose records were read, by the ids of their events; `sessions` how many of them
    made sessions.
    """

    seed: Seed
    created: list[dict[str, Any]] = field(default_factory=list)
    gained: list[dict[str, Any]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    spots: dict[str, int] = field(default_factory=dict)
    sessions: int = 0


def gather(seed: Seed, place: Place) -> Gathered:
    """Fills `story`; raises NoDataError where no event of the window belongs to the seed."""
    found = Gathered(seed)
    story = Story(place)
    if not story.add(seed.follow):
        raise unknown(seed.text, place)
    known: set[int] = set()
    followed = set(seed.follow)
    for number in range(ROUNDS + 1):
        new = [each for each in _effects(found, place, known) if each not in followed]
        room = max(FOLLOWED - len(followed), 0)  # a seed may itself be more things than are followed
        if len(new) > room:
            found.cut.append(f"only {FOLLOWED:,} things are followed; {len(new) - room:,} more were made or used")
            new = sorted(new, key=_passing)[:room]
        if not new:
            break
        if number == ROUNDS:
            found.cut.append(f"what was made is followed {ROUNDS} times; {len(new):,} more things were made after that")
            break
        followed.update(new)
        story.add(new)
    if any(each.kind in ("access_key", "role_session", "session") for each in followed):
        story.add_on_behalf(found.cut)
    _uses(found.created, place)
    _by_group(found.gained)
    return found


def _effects(found: Gathered, place: Place, known: set[int]) -> list[Followed]:
    """Reads what the calls of the case that were not read yet made and changed; what is to be followed next."""
    room, session_room = MOST - len(known) + found.sessions, MOST - found.sessions
    wanted = sorted({*effects.names("created"), *effects.names("changed")})
    given = {"names": wanted, "sessions": effects.names("created", "session"), "known": sorted(known)}
    there = place.engine.rows(_MAKERS, given | {"most": max(room, session_room) + 1})
    sessions = [each for each in there if each["of_session"]][:session_room]
    calls = [*[each for each in there if not each["of_session"]][:room], *sessions]
    found.sessions += len(sessions)
    if len(calls) < len(there):
        what = "of the calls that make something, or change permissions, only the first"
        found.cut.append(f"{what} {MOST:,} are read, and as many that begin sessions")
    if not calls:
        return []
    known.update(each["spot"] for each in calls)
    rows = late.rows(place, _RECORD, late.table(each["spot"] for each in calls))
    rows.sort(key=lambda each: (each["eventTime"], each["eventID"]))
    found.spots |= {each["eventID"]: each["spot"] for each in rows}
    follow: list[Followed] = []
    for row in rows:
        things = effects.created(row)
        if len(found.created) + len(things) > THINGS:
            found.cut.append(f"only the first {THINGS:,} things that were made are told")
            things = things[: THINGS - len(found.created)]
        for each in things:
            thing = _follow(each, row, place)
            found.created.append(_made(each, row, thing))
            follow += [thing] if thing else []
        if change := effects.changed(row):
            found.gained.append(_change(change, row))
    return list(dict.fromkeys(follow))


def _passing(thing: Followed) -> bool:
    """Whether it ends by itself, and may be one of very many: a session."""
    return thing.kind == "session" or thing.value.startswith("ASIA")


def _made(effect: effects.Effect, row: dict[str, Any], follow: Followed | None) -> dict[str, Any]:
    return {
        "kind": effect.kind,
        "id": effect.id,
        "name": effect.name,
        "eventTime": row["eventTime"],
        "eventID": row["eventID"],
        "eventName": row["eventName"],
        "by": row["principal_arn"],
        "by_key": row["access_key_id"],
        "follow": follow,
    }


def _change(effect: effects.Effect, row: dict[str, Any]) -> dict[str, Any]:
    kind, name = row["principal_arn"].partition(":iam::")[2].partition(":")[2].partition("/")[::2]
    own: bool | None = None
    if effect.target in ("user", "role") and effect.id:
        same_account = row["principal_arn"].split(":")[4:5] == [row["account_id"]]
        own = same_account and kind == effect.target and name.rpartition("/")[2] == effect.id
    return {
        "eventTime": row["eventTime"],
        "eventID": row["eventID"],
        "eventName": row["eventName"],
        "by": row["principal_arn"],
        "text": effect.text,
        "target": effect.target,
        "of": effect.id or None,
        "what": effect.name,
        "to_itself": own,
    }


def _by_group(gained: list[dict[str, Any]]) -> None:
    """Says of a group's new policy that it reached the caller itself, where the case has the caller join that group."""
    joined = {
        (each["by"], each["what"]) for each in gained if each["eventName"] == "AddUserToGroup" and each["to_itself"]
    }
    for each in gained:
        if each["target"] == "group" and (each["by"], each["of"]) in joined:
            each["to_itself"] = True


def _follow(effect: effects.Effect, row: dict[str, Any], place: Place) -> Followed | None:
    if effect.follow == "access_key":
        return Followed("access_key", effect.id)  # an id is given once, so that its whole use counts
    if effect.follow == "principal":
        return Followed("principal", effect.id, row["eventTime"])
    if effect.follow == "console":
        user = _user_arn(effect.id, row, place)
        return Followed("console", user, row["eventTime"]) if user else None
    if effect.follow == "session":
        # EC2 names a role's session after the instance, Lambda after the function.
        name = effect.id if effect.kind == "instance" else effect.name or effect.id
        return Followed("session", name, row["eventTime"])
    return None


def _user_arn(name: str, row: dict[str, Any], place: Place) -> str | None:
    """The ARN of a user of the call's account; its path only the user's own events tell, not the request."""
    if known := place.users.get((row["account_id"], name)):
        return known
    caller = str(row["principal_arn"])
    partition = caller.split(":")[1] if caller.startswith("arn:") else "aws"
    return f"arn:{partition}:iam::{row['account_id']}:user/{name}" if row["account_id"] else None


def _uses(created: list[dict[str, Any]], place: Place) -> None:
    """Adds to each thing made how it was used in the window: events, denied, first_used, last_used, used_before."""
    columns = {"access_key": "access_key_id", "principal": "principal_arn", "session": "session_name"}
    columns["console"] = "principal_arn"
    used: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, column in columns.items():
        ids = sorted({each["follow"].value for each in created if each["follow"] and each["follow"].kind == kind})
        if ids:
            rows = place.engine.rows(_USE.format(column=column), {"ids": ids})
            used |= {(kind, row["id"]): row for row in rows}
    firsts = late.ids(place, (row["first_spot"] for row in used.values()))
    for each in created:
        thing = each.pop("follow")
        use = used.get((thing.kind, thing.value), {}) if thing else {}
        each["followed"] = thing is not None
        each["events"] = use.get("events", 0) if thing else None
        each["denied"] = use.get("denied", 0) if thing else None
        each |= {name: use.get(name) for name in ("first_used", "last_used")}
        each["first_event"] = firsts.get(use.get("first_spot", -1))
        first: datetime | None = use.get("first_used")
        # eventTime is cut to seconds, and of services' own clocks: a second says nothing.
        each["used_before"] = bool(first and first < shifted(each["eventTime"], timedelta(seconds=-1)))
