"""What is looked at: a span of time, accounts and regions, and the state of the lake that answers come from."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Scope:
    """Events of [since, until], of these accounts and regions (of all, where empty).

    `name` is how the window was chosen (`7d`, `all`, `custom`); `key` is the lake's state.
    """

    key: Key
    since: datetime
    until: datetime
    as_of: datetime
    name: str
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    @property
    def given(self) -> dict[str, str]:
        """The scope as parameters of a question."""
        found = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        lists = {"accounts": self.accounts, "regions": self.regions}
        return found | {name: json.dumps(values) for name, values in lists.items() if values}

    @property
    def length(self) -> str:
        """The window's length as people say it: `7 d`, `24 h`, `90 min`."""
        seconds = (self.until - self.since).total_seconds()
        for unit, size, least in (("d", 86400, 2), ("h", 3600, 2), ("min", 60, 1)):
            if seconds >= size * least:
                return f"{seconds / size:.0f} {unit}"
        return f"{seconds:.0f} s"

    def before(self) -> Scope:
        """The same length of time just before this one."""
        moment = timedelta(microseconds=1)
        return replace(self, since=self.since - (self.until - self.since), until=self.since - moment, name="before")

    def whole(self, since: datetime | None = None, until: datetime | None = None) -> Scope:
        """The same lake without filters, over a span of time or over all of it."""
        begin, end = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
        return replace(self, since=since or begin, until=until or end, accounts=(), regions=(), name="whole")
