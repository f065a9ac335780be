"""Asks the questions of queries/anomalies that give points, over habits that are up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.catalog import Catalog, Query
from pipeline.detect.baselines import habits
from pipeline.detect.baselines.places import places
from pipeline.detect.baselines.scoring import Part
from pipeline.engines.duckdb import Engine
from pipeline.names import Names

if TYPE_CHECKING:
    from pipeline.config import Settings

_MOST_A_DAY = 20
_LEAST = 5  # points; what counts less says nothing
# Views that every question reads; they are worked out once and lie in DuckDB while the questions are asked.
_READ_OFTEN = ("behaviour", "active_days", "first_seen")

UNKNOWN = """
    select principal_arn, max(days_before) + 1 as days, max(events_before + events) as events
    from active_days
    group by account_id, principal_arn
    having not bool_or(known) and max(last_seen) >= $since and min(first_seen) <= $until
    order by principal_arn"""


@dataclass(frozen=True)
class Judging:
    """How unusual behaviour is judged: points from which it is told, findings a principal and week, names, places."""

    threshold: int = 75
    budget: int = 2
    names: Names = field(default_factory=Names)
    country: str = ""
    asn: str = ""

    @classmethod
    def by(cls, settings: Settings) -> Judging:
        """What the settings say; raises UsageError for names that cannot be understood."""
        names = Names.read(settings.names, settings.origin.get("names", "[names]"))
        given = settings.anomalies_threshold, settings.anomalies_budget, names
        return cls(*given, settings.geo_country, settings.geo_asn)


@contextmanager
def prepared(
    engine: Engine, judging: Judging, keep: Callable[[dict[date, pa.Table]], None] | None = None
) -> Iterator[None]:
    """Brings the habits up to date, names the networks, and holds ready what the questions read often.

    `keep` stores habits that were worked out, as `habits.prepare` says.
    """
    habits.prepare(engine, keep)
    seen = engine.query(
        "select distinct value from habits where attribute = 'network' order by value", place="networks"
    )
    networks = [each for each in seen["value"].to_pylist() if each != "vpc endpoint"]
    engine.register("networks_named", places(networks, judging.names, judging.country, judging.asn))
    engine.create_view("networks", "select * from networks_named", "networks")
    try:
        for name in _READ_OFTEN:  # a temporary table comes before the view of its name
            engine.keep(name, f"select * from memory.main.{name}", place=name)
        yield
    finally:
        for name in _READ_OFTEN:
            engine.con.execute(f"drop table if exists temp.{name}")


def scored(catalog: Catalog) -> dict[str, Query]:
    """The questions that give points, by id."""
    return {each.id: each for each in catalog.queries.values() if each.most is not None}


def parts(engine: Engine, catalog: Catalog, window: dict[str, str], as_of: datetime) -> list[Part]:
    """What is unusual within the window (`since` and `until` as text), from every question; needs `prepared`."""
    found = []
    for query in scored(catalog).values():
        for row in catalog.run(engine, query.id, window, as_of).to_pylist():
            if row["points"] >= _LEAST:
                found.append(_part(query.id, row))
    return bounded(found)


def bounded(parts: list[Part]) -> list[Part]:
    """The parts, of which a question has at most _MOST_A_DAY of one principal, attribute and day, and one for the rest.

    Who writes a new user agent with each call must not make the scoring slow; the events of the rest stay matched.
    """
    days: dict[tuple[object, ...], list[Part]] = {}
    for each in parts:
        key = (each.rule, each.principal_arn, each.account_id, each.attribute, each.begin.date())
        days.setdefault(key, []).append(each)
    found = []
    for some in days.values():
        some.sort(key=lambda each: (-each.points, each.begin, each.value or ""))
        found += some[:_MOST_A_DAY]
        if rest := some[_MOST_A_DAY:]:
            first = min(rest, key=lambda each: each.begin)
            values = "\n".join(sorted({each.value for each in rest if each.value}))
            end, told = max(each.end for each in rest), f"and {len(rest):,} more"
            found.append(replace(first, end=end, value=values, unusual=told, points=rest[0].points))
    return found


def _part(rule: str, row: dict[str, Any]) -> Part:
    return Part(
        rule=rule,
        principal_arn=row["principal_arn"],
        account_id=row["account_id"],
        begin=row["eventTime"],
        end=row["until"],
        attribute=row["attribute"],
        value=row["value"],
        usual=row["usual"] or "nothing",
        unusual=row["unusual"],
        commonness=row["class"],
        points=row["points"],
    )
