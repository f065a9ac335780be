"""The table `story`: the events of a case, each once, filled from as few data files as have any of them.

It stays in DuckDB, so that a seed with millions of events fills no memory of ours, and it is narrow: of the columns of
an event it has those by which a story is counted and chosen. What is wide, such as ids and resources, is fetched for
the events that are told (`pipeline.casework.late`), by `spot`: the number of the data file and the row in it.
"""

from __future__ import annotations

from typing import Any

from pipeline.casework.followed import Followed, mentions, parameters
from pipeline.casework.seeds import Place
from pipeline.casework.words import first

HOLDERS = 50  # principals for whom services' doings are sought
# Without the order that a question ends in: a table has none, and sorting costs as much as reading.
_ORDER = "\norder by "
_COLUMNS = """
    {spot} as spot, eventTime, eventSource, eventName, outcome, readOnly, eventCategory, account_id, awsRegion,
    principal_arn, principal_type, session_name, access_key_id, via_service, sourceIPAddress, source_network, userAgent,
    {wide} as carried
"""
# Who holds the credentials of an event: a long-lived key; for sessions and sign-ins the principal.
HOLDER = "case when starts_with(access_key_id, 'AKIA') then access_key_id else principal_arn end"
# What is wide where it has not been read, and where it has: events that are found by what they name are read whole, so
# that nothing of them need be fetched again (`carried`).
_NARROW = "null::varchar as id, null::varchar[] as arns, null::varchar as errorCode, null::boolean as console, false"
_WIDE = "eventID as id, resources as arns, errorCode, console, true"
# case_events.sql gives each event once; a later round leaves out what an earlier one has.
_FIRST = "select {columns}, false as by_time from ({sql})"
_ADDED = """
with found as (select {columns} from ({sql}))
select *, false as by_time from found
where not exists (from story where story.spot = found.spot)
"""
# What a service does on a caller's behalf carries a key of its own, and nothing in the record names the caller's: the
# same principal called that very service within a minute. Its own calls are told by the minute, each for the minutes
# beside it too, so that equality finds them: comparing every pair of times would not end.
_ON_BEHALF = """
with found as (select {columns} from ({sql})),
minutes as (
    select
        principal_arn, session_name, eventSource as via_service, date_trunc('minute', eventTime) as minute,
        min(eventTime) - interval 1 minute as since, max(eventTime) + interval 1 minute as until
    from story
    where list_contains($holders, principal_arn)
    group by all
),
own as (
    select * replace (minute + to_minutes(unnest([-1, 0, 1])) as minute)
    from minutes
)
select *, true as by_time
from found
where not exists (from story where story.spot = found.spot) and exists (
    from own
    where own.principal_arn = found.principal_arn
      and own.session_name is not distinct from found.session_name
      and own.via_service = found.via_service
      and own.minute = date_trunc('minute', found.eventTime)
      and found.eventTime between own.since and own.until
)
"""
_KEY_HOLDERS = """
select distinct principal_arn
from story
semi join (select principal_arn from lake.usage where via_service is not null) using (principal_arn)
where access_key_id is not null and principal_arn <> 'unknown'
order by principal_arn
limit $most
"""
# Files that may have calls made for a holder within a minute of the case's own.
_BEHALF_FILES = """
with own as (
    select min(eventTime) - interval 1 minute as first, max(eventTime) + interval 1 minute as last
    from story
    where access_key_id is not null
    group by spot >> 32
)
select distinct file
from sightings
where via_service is not null
  and principal_arn in (select unnest($holders::varchar[]))
  and exists (from own where own.first <= last_seen and own.last >= first_seen)
"""
# Files in which anything that is followed was seen; `story` then takes the events that really count.
_FILES = """
select distinct file
from sightings
where last_seen >= $since and first_seen <= $until and (
    access_key_id in (select unnest($keys::varchar[]))
    or principal_arn in (select unnest($principals::varchar[] || $console_users::varchar[]))
    or session_name in (select unnest($sessions::varchar[]))
    or sourceIPAddress in (select unnest($addresses::varchar[]))
    or source_network in (select unnest($networks::varchar[]))
    or userAgent in (select unnest($agents::varchar[]))
    or (len($role_sessions::varchar[]) > 0 and session_name is not null and list_contains(
        $role_sessions::varchar[],
        split_part(principal_arn, ':', 5) || ':' || regexp_extract(principal_arn, '[^/]+$') || '/' || session_name
    ))
)
"""


class Story:
    """Fills the table: `begin` first, then `add` for what was made, then `add_on_behalf`."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def begin(self, follow: list[Followed]) -> int:
        """The events of the seed; how many there are."""
        added = self._keep(_FIRST, parameters(follow))
        return added + self._mentions(mentions(follow))

    def add(self, follow: list[Followed]) -> int:
        """Adds the events of these things; how many there were."""
        lists = parameters(follow)
        added = self._keep(_ADDED, lists) if any(lists.values()) else 0
        return added + self._mentions(mentions(follow))

    def add_on_behalf(self, cut: list[str]) -> None:
        """Adds what services did for the keys of the case, by principal, service and time; `by_time` marks these.

        `cut` is told where there are more principals than are sought.
        """
        rows = self.place.engine.rows(_KEY_HOLDERS, {"most": HOLDERS + 1})
        rows = first(rows, HOLDERS, "principals with what services did for them", cut)
        holders = [row["principal_arn"] for row in rows]
        if not holders:
            return
        files = {row["file"] for row in self.place.rows(_BEHALF_FILES, holders=holders)}
        if files:
            self._keep(_ON_BEHALF, parameters([]) | {"callers": holders, "holders": holders}, files)

    def _mentions(self, named: dict[str, Any] | None) -> int:
        """Adds events by what they name, which only the events themselves tell."""
        if named is None:
            return 0
        whole = self.place.files([(self.place.since, self.place.until)])
        return self._keep(_ADDED, named, whole, "case_mentions")

    def _files(self, lists: dict[str, Any]) -> set[str]:
        return {row["file"] for row in self.place.rows(_FILES, **lists)}

    def _keep(
        self, sql: str, lists: dict[str, Any], files: set[str] | None = None, question: str = "case_events"
    ) -> int:
        """Adds what `sql` makes of a question, from these files or those that have what `lists` follow."""
        query = self.place.catalog.get(f"investigate/{question}")
        asked = query.sql.rpartition(_ORDER)[0]
        wide = _WIDE if question == "case_mentions" else _NARROW
        filled = sql.format(columns=_COLUMNS.format(spot=self.place.spot, wide=wide), sql=f"\n{asked}\n")
        given = {"since": self.place.since, "until": self.place.until, "paths": self.place.paths} | lists
        with self.place.engine.reading(self._files(lists) if files is None else files):
            return self.place.engine.keep("story", filled, given, query.path)
