"""A lake of many events out of one of a few: its days again and again, each time so many days earlier.

Generating and ingesting 20 million events takes most of an hour; a clone of a day takes seconds, and differs from it
in what would betray it: the ids of its events, its times, and the keys of its sessions.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from pipeline.config import Settings
from pipeline.lake.rewrite import scratch, swap, write_rows
from pipeline.lake.tables import Lake
from pipeline.lake.upkeep import day_of, planned

_ROWS = 200_000  # a file
_OLD = "%Y-%m-%dT%H:%M:%SZ"
_SESSION = "userIdentity.sessionContext"
_CREATED = f"{_SESSION}.attributes.creationDate"
# {n} is a letter, {days} a number of days; both are our own.
_KEY = "regexp_replace({name}, 'ASIA([A-Z0-9])', 'ASIA{n}\\1', 'g')"
_EVENTS = f"""
select * replace (
    eventTime - interval {{days}} day as eventTime,
    '{{hex}}' || eventID[3:] as eventID,
    '{{hex}}' || sharedEventID[3:] as sharedEventID,
    {_KEY.format(name="access_key_id", n="{n}")} as access_key_id,
    {_KEY.format(name="requestParameters", n="{n}")} as requestParameters,
    {_KEY.format(name="responseElements", n="{n}")} as responseElements,
    case when {_CREATED} is null then userIdentity else struct_update(
        userIdentity,
        accessKeyId := {_KEY.format(name="userIdentity.accessKeyId", n="{n}")},
        sessionContext := struct_update({_SESSION}, attributes := struct_update(
            {_SESSION}.attributes,
            creationDate := strftime({_CREATED}::timestamp - interval {{days}} day, '{_OLD}')
        ))
    ) end as userIdentity
)
from read_parquet(?, hive_partitioning = false)
"""
_USAGE = """
select * replace (
    day - {days} as day, first_seen - interval {days} day as first_seen, last_seen - interval {days} day as last_seen,
    '{hex}' || sample_event_id[3:] as sample_event_id
)
from read_parquet(?, hive_partitioning = false)
"""


def clone(folder: Path, times: int, days: int = 28) -> None:
    """Adds to a lake, `times` times, what it has, each time `days` days earlier than the last."""
    lake = Lake.open(str(folder), settings=Settings())
    events = planned(lake.load("events"))
    by_day: dict[object, list[str]] = {}
    for each in events:
        by_day.setdefault(day_of(each), []).append(lake.storage.path(each.file_path))
    usage = lake.files("usage")
    for number in range(1, times + 1):
        words = {"days": str(number * days), "n": chr(ord("A") + number), "hex": f"{number:02x}"}
        made: dict[str, list[str]] = {"events": [], "usage": []}
        with scratch(lake, memory=4 << 30) as connection:
            for some in by_day.values():
                rows = connection.sql(_filled(_EVENTS, words), params=[some]).to_arrow_reader(16_384)
                made["events"] += write_rows(lake, "events", rows, f"{lake.data}/events/clone", _ROWS)
            rows = connection.sql(_filled(_USAGE, words), params=[usage]).to_arrow_reader(16_384)
            made["usage"] = write_rows(lake, "usage", rows, f"{lake.data}/usage/{uuid.uuid4().hex}", 1 << 30)
        for name, files in made.items():
            swap(lake, lake.load(name), [], files, "clone")


def _filled(sql: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        sql = sql.replace("{" + name + "}", value)
    return sql
