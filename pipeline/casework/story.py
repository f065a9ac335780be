"""The table `story`: the events of a case, each once, filled from as few data files as have any of them.

It stays in DuckDB, so that a seed with millions of events fills no memory of ours, and it is narrow: of the columns of
an event it has those by which a story is counted and chosen. What is wide, such as ids and resources, is fetched for
the events that are told (`pipeline.casework.late`), by `spot`: the number of the data file and the row in it.
"""

from __future__ import annotations

from typing import Any

from pipeline.casework import mentioned
from pipeline.casework.followed import Followed, mentions, questions
from pipeline.casework.seeds import Place
from pipeline.casework.words import first

HOLDERS = 50  # principals for whom services' doings are sought
# Without the order that a question ends in: a table has none, and sorting costs as much as reading.
_ORDER = "\norder by "
_COLUMNS = """
    eventTime, eventSource, eventName, outcome, readOnly, eventCategory, account_id, awsRegion,
    principal_arn, principal_type, session_name, access_key_id, via_service, sourceIPAddress, source_network, userAgent
"""
# Who holds the credentials of an event: a long-lived key; for sessions and sign-ins the principal.
HOLDER = "case when starts_with(access_key_id, 'AKIA') then access_key_id else principal_arn end"
# What is wide where it has not been read, and where it has: events that are found by what they name are read whole, so
# that nothing of them need be fetched again (`carried`).
_NARROW = "null::varchar as id, null::varchar[] as arns, null::varchar as errorCode, null::boolean as console, false"
_WIDE = """
    coalesce(eventID, record_sha256) as id,
    list_filter(list_transform(resources, lambda each: each.ARN), lambda arn: arn is not null) as arns,
    errorCode, sessionCredentialFromConsole = 'true' as console, true
"""
# Each event once: what is asked later leaves out what the story has already.
_FOUND = "select {spot} as spot, {columns}, {wide} as carried from ({sql})"
_NEW = "select * from ({found}) anti join story using (spot)"
_TAKEN = "select *, false as by_time from ({found})"
# The events that lie where the table `named` says.
_OF_NAMED = """
select events_by_file.*
from events_by_file
join named on events_by_file.file is not distinct from named.file and events_by_file.row = named.row
where eventTime between $since and $until
"""
# What a service does on a caller's behalf carries a key of its own, and nothing in the record names the caller's: the
# same principal called that very service within a minute. Its own calls are told by the minute, each for the minutes
# beside it too, so that equality finds them: comparing every pair of times would not end.
_ON_BEHALF = """
with found as ({found}),
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
where exists (
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
# Files in which something that is followed was seen; `story` then takes the events that really count.
_FILES = """
with asked as (
    select
        followed, case $kind when 'role_session' then regexp_replace(followed, '^[^/]*/', '') else followed end as held
    from (select unnest($values::varchar[]) as followed)
)
select distinct file
from sightings
join asked on held = case $kind
    when 'access_key' then access_key_id
    when 'session' then session_name
    when 'role_session' then session_name
    when 'address' then sourceIPAddress
    when 'network' then source_network
    when 'agent' then userAgent
    else principal_arn
end
where last_seen >= $since and first_seen <= $until and (
    $kind <> 'role_session' or followed
        = split_part(principal_arn, ':', 5) || ':' || regexp_extract(principal_arn, '[^/]+$') || '/' || session_name
)
"""
# Files that have calls of a service made for a holder while, within a minute, the case called that service as the same;
# but those of which the case has all such calls.
_BEHALF_FILES = """
with own as (
    select
        principal_arn, session_name, eventSource as via_service,
        min(eventTime) - interval 1 minute as first, max(eventTime) + interval 1 minute as last
    from story
    where list_contains($holders, principal_arn)
    group by principal_arn, session_name, eventSource, spot >> 32
),
known as (
    select principal_arn, session_name, via_service, spot >> 32 as number, count(*) as events
    from story
    where via_service is not null
    group by all
),
made as (
    select
        file, principal_arn, session_name, via_service, coalesce(list_position($paths::varchar[], file), 0) as number,
        sum(events) as events, min(first_seen) as first_seen, max(last_seen) as last_seen
    from sightings
    where first_seen >= $since and last_seen <= $until and via_service is not null
      and principal_arn in (select unnest($holders::varchar[]))
    group by file, principal_arn, session_name, via_service
)
select distinct file
from made
join own using (principal_arn, via_service)
left join known
    on known.principal_arn = made.principal_arn and known.via_service = made.via_service
    and known.session_name is not distinct from made.session_name and known.number = made.number
where made.session_name is not distinct from own.session_name and first <= last_seen and last >= first_seen
  and made.events > coalesce(known.events, 0)
"""


class Story:
    """Fills the table: `add` for the seed, then for what was made, then `add_on_behalf`."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.events = 0

    def add(self, follow: list[Followed]) -> int:
        """Adds the events of these things; how many there were."""
        before = self.events
        for asked in questions(follow):
            self._keep(_TAKEN, asked, self._files(asked, follow))
        self._add_named(mentions(follow))
        return self.events - before

    def add_on_behalf(self, cut: list[str]) -> None:
        """Adds what services did for the keys of the case, by principal, service and time; `by_time` marks these.

        `cut` is told where there are more principals than are sought.
        """
        rows = self.place.engine.rows(_KEY_HOLDERS, {"most": HOLDERS + 1})
        rows = first(rows, HOLDERS, "principals with what services did for them", cut)
        holders = [row["principal_arn"] for row in rows]
        if not holders:
            return
        files = {row["file"] for row in self.place.rows(_BEHALF_FILES, holders=holders, paths=self.place.paths)}
        if files:
            asked = {"kind": "on_behalf", "values": holders, "moments": [], "holders": holders}
            self._keep(_ON_BEHALF, asked, files)

    def _add_named(self, named: dict[str, Any] | None) -> None:
        """Adds events by what they name, which only the events themselves tell."""
        if named is None:
            return
        files = mentioned.find(self.place, named)
        window = {"since": self.place.since, "until": self.place.until}
        self._fill(_TAKEN, _OF_NAMED, _WIDE, window, files, "investigate")
        self.place.engine.drop("named")

    def _files(self, asked: dict[str, Any], follow: list[Followed]) -> set[str]:
        if asked["kind"] == "event":  # which is followed from its own time on
            return self.place.files((each.since, each.since) for each in follow if each.kind == "event" and each.since)
        return {row["file"] for row in self.place.rows(_FILES, **asked)}

    def _keep(self, sql: str, asked: dict[str, Any], files: set[str]) -> None:
        """Adds what `sql` makes of the answer to case_events.sql from these files."""
        query = self.place.catalog.get("investigate/case_events")
        given = {"since": self.place.since, "until": self.place.until} | asked
        self._fill(sql, query.sql.rpartition(_ORDER)[0], _NARROW, given, files, query.path)

    def _fill(self, sql: str, asked: str, wide: str, given: dict[str, Any], files: set[str], path: str) -> None:
        found = _FOUND.format(spot=self.place.spot, columns=_COLUMNS, wide=wide, sql=f"\n{asked}\n")
        filled = sql.format(found=_NEW.format(found=found) if self.events else found)
        with self.place.engine.reading(files):
            self.events += self.place.engine.keep("story", filled, given | {"paths": self.place.paths}, path)
