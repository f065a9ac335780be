"""How much of a window the log of an account covers: its first and last day, days without events, regions.

From the usage roll-up alone: a day without any event between two days with events is a gap, because an account
that has a trail logs something every day it is in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from pipeline.access.snapshots import Engine

# Global services' events are logged in one region of each partition ("Global service events", CloudTrail guide).
GLOBAL_REGIONS = ("us-east-1", "us-gov-west-1", "cn-north-1")
GLOBAL_SERVICES = ("iam", "cloudfront", "route53", "organizations")
# IAM Access Analyzer's shortest tracking period for unused access is one day.
_SHORTEST = timedelta(days=1)

_DAYS = """
select account_id, day, awsRegion
from lake.usage
group by all
order by all
"""


@dataclass(frozen=True)
class Coverage:
    """One account's log: the days it has events on, ascending, and whether the global services' region delivered."""

    days: tuple[date, ...] = ()
    global_region: bool = False

    def doubt(self, start: datetime, end: datetime) -> str | None:
        """Why an absence in [start, end] proves little, in words; None where the log covers all of it."""
        if end - start < _SHORTEST:
            return "short window: under a day"
        if not self.days:
            return "short window: the log has no event of this account"
        inside = [day for day in self.days if start.astimezone(UTC).date() <= day <= end.astimezone(UTC).date()]
        if not inside:
            return "short window: the log has no event of this account in it"
        asked = _whole_days(start, end)
        if asked and (self.days[0] > asked[0] or self.days[-1] < asked[-1]):
            span = f"{(end - start).days} days were asked for"
            return f"short window: the log covers {inside[0]} to {inside[-1]}, {span}"
        silent = self.gap(start, end)
        if silent:
            return f"gap: {len(silent)} of {len(asked)} days have no event of this account, the first is {silent[0]}"
        return None

    def gap(self, start: datetime, end: datetime) -> list[date]:
        """Whole days of [start, end] without any event of the account, while it has events before and after."""
        there = set(self.days)
        asked = _whole_days(start, end) if self.days else []
        return [day for day in asked if self.days[0] < day < self.days[-1] and day not in there]


def _whole_days(start: datetime, end: datetime) -> list[date]:
    """Days that lie wholly in the window: one of 21 days that begins at noon asks for 20."""
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date() - timedelta(days=1)
    first += timedelta(days=start.astimezone(UTC).time() > time.min)
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def coverage(engine: Engine) -> Mapping[str, Coverage]:
    """Coverage by account id."""
    days: dict[str, set[date]] = {}
    there: set[str] = set()
    for row in engine.query(_DAYS).to_pylist():
        account = row["account_id"] or ""
        days.setdefault(account, set()).add(row["day"])
        if row["awsRegion"] in GLOBAL_REGIONS:
            there.add(account)
    return {account: Coverage(tuple(sorted(found)), account in there) for account, found in days.items()}
