"""The table `story`: the events of a case, each once, filled from as few data files as have any of them.

It stays in DuckDB, so that a seed with millions of events fills no memory of ours. Which files have something the
view `sightings` tells; reading the whole width of a file is what costs, so that one pass takes what it can.
"""

from __future__ import annotations

from typing import Any

from pipeline.casework.followed import Followed, mentions, parameters
from pipeline.casework.seeds import Place

# case_events.sql gives each event once; a later round leaves out what an earlier one has.
_FIRST = "select *, false as by_time from ({sql})"
_ADDED = """
select *, {by_time} as by_time from ({sql}) as found
where not exists (
    from story where story.eventID = found.eventID and story.account_id is not distinct from found.account_id
)
"""
# What a service does on a caller's behalf carries a key of its own, and nothing in the record names the caller's: the
# same principal called that very service within a minute.
_ON_BEHALF = """
and found.via_service is not null and list_contains($holders, found.principal_arn) and exists (
    from story
    where story.principal_arn = found.principal_arn
      and story.session_name is not distinct from found.session_name
      and story.eventSource = found.via_service
      and story.eventTime between found.eventTime - interval 1 minute and found.eventTime + interval 1 minute
)
"""
_KEY_HOLDERS = """
select distinct principal_arn
from story
semi join (select principal_arn from lake.usage where via_service is not null) using (principal_arn)
where access_key_id is not null and principal_arn <> 'unknown'
order by principal_arn
limit 50
"""
# Files that may have calls made for a holder within a minute of the case's own.
_BEHALF_FILES = """
with own as (
    select min(eventTime) - interval 1 minute as first, max(eventTime) + interval 1 minute as last
    from story
    where access_key_id is not null
    group by file
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
# The principals that use these keys, as far as services call on their behalf.
_CALLERS = """
select distinct principal_arn
from sightings
where access_key_id in (select unnest($keys::varchar[]))
  and principal_arn <> 'unknown'
  and principal_arn in (select principal_arn from sightings where via_service is not null)
order by principal_arn
limit 50
"""
# Of the first pass: events with the keys, and beside them what services did for the keys' principals.
_NEAR = "select *, coalesce(list_contains($keys, access_key_id), false) as followed from ({sql})"
_OF_NEAR = "select * exclude (followed) from near {where}"


class Story:
    """Fills the table: `begin` first, then `add` for what was made, then `add_on_behalf`."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._near: set[str] = set()  # files of which the table `near` has what services did for `_callers`
        self._callers: set[str] = set()

    def begin(self, follow: list[Followed]) -> int:
        """The events of the seed; how many there are."""
        if not all(each.kind == "access_key" for each in follow):
            named = mentions(follow)
            added = self._keep("story", _FIRST, parameters(follow))
            return added + (self._mentions(named) if named else 0)
        lists = parameters(follow)
        self._callers = {row["principal_arn"] for row in self.place.rows(_CALLERS, keys=lists["keys"])}
        self._near = self._files(lists)
        self._keep("near", _NEAR, lists | {"callers": sorted(self._callers)}, self._near)
        return self.place.engine.keep("story", _FIRST.format(sql=_OF_NEAR.format(where="where followed")))

    def add(self, follow: list[Followed]) -> int:
        """Adds the events of these things; how many there were."""
        lists, named = parameters(follow), mentions(follow)
        added = self._keep("story", _ADDED.replace("{by_time}", "false"), lists) if any(lists.values()) else 0
        return added + (self._mentions(named) if named else 0)

    def add_on_behalf(self) -> None:
        """Adds what services did for the keys of the case, by principal, service and time; `by_time` marks these."""
        holders = [row["principal_arn"] for row in self.place.engine.rows(_KEY_HOLDERS)]
        if not holders:
            return
        files = {row["file"] for row in self.place.rows(_BEHALF_FILES, holders=holders)}
        sql = _ADDED.replace("{by_time}", "true") + _ON_BEHALF
        if self._callers.issuperset(holders):
            self.place.engine.keep("story", sql.format(sql=_OF_NEAR.format(where="")), {"holders": holders})
            files -= self._near
        if files:
            self._keep("story", sql, parameters([]) | {"callers": holders, "holders": holders}, files)

    def _mentions(self, named: dict[str, Any]) -> int:
        """Adds events by what they name, which only the events themselves tell."""
        whole = self.place.files([(self.place.since, self.place.until)])
        return self._keep("story", _ADDED.replace("{by_time}", "false"), named, whole, "case_mentions")

    def _files(self, lists: dict[str, Any]) -> set[str]:
        return {row["file"] for row in self.place.rows(_FILES, **lists)}

    def _keep(
        self, table: str, sql: str, lists: dict[str, Any], files: set[str] | None = None, question: str = "case_events"
    ) -> int:
        """Adds what `sql` makes of a question to a table, from these files or those that have what `lists` follow."""
        query = self.place.catalog.get(f"investigate/{question}")
        window = {"since": self.place.since, "until": self.place.until}
        with self.place.engine.reading(self._files(lists) if files is None else files):
            return self.place.engine.keep(table, sql.format(sql=f"\n{query.sql}\n"), window | lists, query.path)
