"""How much of a window the log of an account covers: its first and last day, gaps, regions.

Read from the view `coverage`, which says what is a gap: a day without any event between days with events, since an
account that has a trail logs something every day it is in use; and a day of which a digest lists objects that the
lake does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.engines.duckdb import Engine

# Global services' events are logged in one region of each partition ("Global service events", CloudTrail guide).
GLOBAL_REGIONS = ("us-east-1", "us-gov-west-1", "cn-north-1")
GLOBAL_SERVICES = ("iam", "cloudfront", "route53", "organizations")
# IAM Access Analyzer's shortest tracking period for unused access is one day.
_SHORTEST = timedelta(days=1)
_NAMED = 3  # days told by name

_DAYS = """
select
    account_id, awsRegion, day, events > 0 or objects > 0 as delivered, missing
from coverage
where events > 0 or objects > 0 or missing > 0
order by all
"""
_ACCOUNTS = """
with by_day as (
    select
        account_id, day,
        bool_and(state = 'gap') as without_events,
        sum(missing)::bigint as missing,
        sum(altered)::bigint as altered,
        count(*) filter (state = 'silent') as silent
    from coverage
    group by all
)
select
    account_id,
    min(day) as first_day,
    max(day) as last_day,
    (select list(distinct awsRegion order by awsRegion) from coverage c where c.account_id = b.account_id) as regions,
    count(*) filter (without_events or missing > 0) as gap_days,
    list(day order by day) filter (without_events or missing > 0) as gaps,
    sum(silent)::bigint as silent_region_days,
    sum(missing)::bigint as missing_objects,
    sum(altered)::bigint as altered_objects,
    (select bool_or(reads > 0) from coverage c where c.account_id = b.account_id) as reads,
    (select bool_or(writes > 0) from coverage c where c.account_id = b.account_id) as writes,
    (select bool_or(data > 0) from coverage c where c.account_id = b.account_id) as data,
    (select sum(listed)::bigint from coverage c where c.account_id = b.account_id) as listed_objects
from by_day b
group by account_id
order by account_id
"""

# A trail of one region or of all delivers at least what happens in its home region.
_TRAILS = """
select account_id, list(distinct item ->> 'HomeRegion') as regions
from lake.iam_snapshots
where kind = 'trail' and item ->> 'IsLogging' = 'true' and item ->> 'HomeRegion' is not null
group by account_id
"""


@dataclass(frozen=True)
class Coverage:
    """One account's log: the days it delivered on, ascending, and whether the global services' region delivered.

    `missing` counts the objects that digests list and the lake lacks, by day of delivery.
    """

    days: tuple[date, ...] = ()
    global_region: bool = False
    missing: Mapping[date, int] = field(default_factory=dict)

    def doubt(self, start: datetime, end: datetime) -> str | None:
        """Why an absence in [start, end] proves little, in words; None where the log covers all of it."""
        if end - start < _SHORTEST:
            return "short window: under a day"
        if not self.days:
            return "short window: the log has no event of this account"
        inside = self.inside(start, end)
        if not inside:
            return "short window: the log has no event of this account in it"
        asked = _whole_days(start, end)
        if asked and (self.days[0] > asked[0] or self.days[-1] < asked[-1]):
            span = f"{(end - start).days} days were asked for"
            return f"short window: the log covers {inside[0]} to {inside[-1]}, {span}"
        silent = self._silent(start, end)
        if silent:
            return f"gap: {len(silent)} of {len(asked)} days have no event of this account, the first is {silent[0]}"
        lost = self._lost(start, end)
        if lost:
            count = sum(self.missing[day] for day in lost)
            return f"gap: digests list {count:,} log objects that the lake does not have, the first of {lost[0]}"
        return None

    def inside(self, start: datetime, end: datetime) -> list[date]:
        """Days with events that the window touches, ascending."""
        first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
        return [day for day in self.days if first <= day <= last]

    def gap(self, start: datetime, end: datetime) -> list[date]:
        """Days of [start, end] on which something is missing, ascending."""
        return sorted({*self._silent(start, end), *self._lost(start, end)})

    def _silent(self, start: datetime, end: datetime) -> list[date]:
        """Whole days of the window without any event of the account, while it has events before and after."""
        there = set(self.days)
        if not self.days:
            return []
        first, last = (datetime.combine(self.days[n], time.min, UTC) for n in (0, -1))
        return [day for day in _whole_days(max(start, first), min(end, last)) if day not in there]

    def _lost(self, start: datetime, end: datetime) -> list[date]:
        """Days that the window touches of which objects are missing."""
        first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
        return sorted(day for day in self.missing if first <= day <= last)


def gaps(
    covered: Mapping[str, Coverage], start: datetime, end: datetime, accounts: set[str] | None = None
) -> list[str]:
    """One line an account (of `accounts`, where they are given) whose log has a gap in the window.

    One line in all where none of them has an event on any day of it.
    """
    asked = {account: each for account, each in covered.items() if accounts is None or account in accounts}
    found = []
    if asked and not any(each.inside(start, end) for each in asked.values()):
        found.append("no data: no account's log has an event on any day of the window")
    for account, each in sorted(asked.items()):
        if days := each.gap(start, end):
            named = ", ".join(str(day) for day in days[:_NAMED]) + (" …" if len(days) > _NAMED else "")
            many = f"{len(days):,} days" if len(days) > 1 else "a day"
            found.append(f"gap: the log of account {account} lacks something of {many} of the window ({named})")
    return found


def coverage(engine: Engine) -> Mapping[str, Coverage]:
    """Coverage by account id; the catalogue's views must be installed."""
    days: dict[str, set[date]] = {}
    missing: dict[str, dict[date, int]] = {}
    there: set[str] = set()
    for row in engine.rows(_DAYS):
        account, day = row["account_id"], row["day"]
        if row["delivered"]:
            days.setdefault(account, set()).add(day)
            if row["awsRegion"] in GLOBAL_REGIONS:
                there.add(account)
        if row["missing"]:
            lost = missing.setdefault(account, {})
            lost[day] = lost.get(day, 0) + row["missing"]
    return {
        account: Coverage(tuple(sorted(days.get(account, ()))), account in there, missing.get(account, {}))
        for account in days.keys() | missing.keys()
    }


def accounts(engine: Engine, expected: Iterable[str] = ()) -> list[dict[str, Any]]:
    """One row an account: first and last day, regions, gaps, silence, missing and altered objects, classes seen.

    `absent_regions` are those of `expected`, and home regions of the account's trails by a snapshot, that the account
    has never delivered from.
    """
    rows: list[dict[str, Any]] = engine.rows(_ACCOUNTS)
    homes = {row["account_id"]: set(row["regions"]) for row in engine.rows(_TRAILS)}
    for row in rows:
        row["absent_regions"] = sorted((set(expected) | homes.get(row["account_id"], set())) - set(row["regions"]))
    return rows


def _whole_days(start: datetime, end: datetime) -> list[date]:
    """Days that lie wholly in the window: one of 21 days that begins at noon asks for 20."""
    first = start.astimezone(UTC).date().toordinal() + (start.astimezone(UTC).time() > time.min)
    return [date.fromordinal(number) for number in range(first, end.astimezone(UTC).date().toordinal())]
