"""The trail of the company: takes calls as they happen, in any order, and writes them as CloudTrail delivers them.

Keys follow AWS's page "Finding your CloudTrail log files"; real trails deliver every five minutes, this one every
four hours, so that an evaluation spends its time on events and not on opening files.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from .dice import Dice
from .records import Caller, record, refusal
from .shapes import asked
from .things import Things

HOURS = 4  # between two deliveries
UNIQUE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Log:
    """Events between `begin` and `end` (UTC), kept by day of delivery until that day is written."""

    def __init__(self, seed: int, begin: datetime, end: datetime, things: dict[str, Things]) -> None:
        self.begin, self.end, self.things = begin, end, things
        self.dice = Dice(f"{seed}/log")
        self.events = 0
        self.by_story: dict[int, list[str]] = defaultdict(list)
        self.callers: dict[str, int] = {}  # principal -> events in the second half of the time
        self.middle = begin + (end - begin) / 2
        self._waiting: dict[date, dict[tuple[str, str, int], list[bytes]]] = defaultdict(lambda: defaultdict(list))

    def emit(
        self,
        when: datetime,
        caller: Caller,
        api: str,
        region: str,
        error: tuple[str, str] | str | None = None,
        **given: Any,
    ) -> str | None:
        """A call of `api` ("service:Name") was made; its event id, or None where that is outside the time.

        `error` is (code, message), or "denied" for a refusal in the service's own words; `given` are the values of
        the request that matter, see the shapes.
        """
        if not self.begin <= when < self.end:
            return None
        if isinstance(error, str):
            service, _, name = api.partition(":")
            error = refusal(service, name, caller)
        request = asked(api, self.dice, self.things[caller.account], given)
        event_id, filed, text = record(api, caller, request, when, region, error, self.dice)
        self._waiting[when.date()][caller.account, filed, when.hour // HOURS].append(text)
        self.events += 1
        if when >= self.middle:
            self.callers[caller.principal] = self.callers.get(caller.principal, 0) + 1
        if caller.story is not None:
            self.by_story[caller.story].append(event_id)
        return event_id

    def write(self, folder: Path, until: date) -> None:
        """Writes the objects of the days up to `until`, that one included, and forgets them."""
        for day in sorted(each for each in self._waiting if each <= until):
            for (account, region, slot), records in sorted(self._waiting.pop(day).items()):
                begin = datetime(day.year, day.month, day.day, slot * HOURS, tzinfo=UTC)
                delivered = begin + timedelta(hours=HOURS, minutes=5)
                name = f"{account}_CloudTrail_{region}_{delivered:%Y%m%dT%H%MZ}_{self.dice.text(16, UNIQUE)}.json.gz"
                path = folder / "AWSLogs" / account / "CloudTrail" / region / f"{delivered:%Y/%m/%d}" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                self.dice.shuffle(records)  # a file is no ordered stack trace
                path.write_bytes(gzip.compress(b'{"Records":[' + b",".join(records) + b"]}", 1, mtime=0))
