"""How much of a window the log of an account covers: its first and last day, days without events, regions.

From the usage roll-up alone: a day without any event between two days with events is a gap, because an account
that has a trail logs something every day it is in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

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
        first, last = start.astimezone(UTC).date(), (end - timedelta(microseconds=1)).astimezone(UTC).date()
        inside = [day for day in self.days if first <= day <= last]
        asked = (last - first).days + 1
        if not inside:
            return "short window: the log has no event of this account in it"
        # A window that begins or ends within a day is covered by that day's events.
        if (inside[0] > first and self.days[0] > first) or (inside[-1] < last and self.days[-1] < last):
            return f"short window: the log covers {inside[0]} to {inside[-1]}, {asked} days were asked for"
        silent = asked - len(inside)
        if silent:
            missing = next(first + timedelta(days=i) for i in range(asked) if first + timedelta(days=i) not in inside)
            return f"gap: {silent} of {asked} days have no event of this account, the first is {missing}"
        return None


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
