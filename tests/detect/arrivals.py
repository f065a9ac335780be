"""Logs that arrive in batches, late and out of order, and the rules that are asked about them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from pipeline.engines.duckdb import Engine, over
from pipeline.lake.decided import rows
from pipeline.lake.tables import Lake
from pipeline.records.normalize import to_table
from tests.detect.sigma import CATALOG, plain, rule, rules
from tests.logs import event

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
ADDING = (
    rule({"s": {"eventName": "A"}}, title="single"),
    rule({"s": {"eventName": "B"}}, name="b"),
    rule({"s": {"eventName": "C"}}, name="c"),
    {
        "title": "many",
        "correlation": {"type": "event_count", "rules": ["b"], "timespan": "30m", "condition": {"gte": 3}},
    },
    {"title": "order", "correlation": {"type": "temporal_ordered", "rules": ["b", "c"], "timespan": "20m"}},
)
# What these two find of some events, they may not find once there are more.
WAVERING = (
    {"title": "few", "correlation": {"type": "event_count", "rules": ["c"], "timespan": "30m", "condition": {"lt": 2}}},
    {"title": "two", "correlation": {"type": "event_count", "rules": ["b"], "timespan": "1h", "condition": {"eq": 2}}},
)
RULES = rules(*ADDING)
EVERY_RULE = rules(*ADDING, *WAVERING)
Events = list[tuple[datetime, str]]


def named(number: int) -> str:
    """The id of a batch: what comes first has no smaller id than what comes later."""
    return f"batch-{(number * 7) % 10}-{number}"


def engine(batches: Mapping[str, Events], lake: Lake | None = None) -> Engine:
    """The log of these batches, each under its id, and what has been examined of it by the lake's store.

    All carry the same `ingested_at`: what is new must not be told by a clock.
    """
    tables = []
    for name, batch in batches.items():
        records = [
            event(eventName=call, eventTime=f"{at:%Y-%m-%dT%H:%M:%SZ}", eventID=f"{call}{at}") for at, call in batch
        ]
        table = plain(to_table(records))
        for column, value in (("batch_id", name), ("ingested_at", BEGIN)):
            position = table.schema.get_field_index(column)
            kind = table.schema.field(position).type
            table = table.set_column(position, column, pa.array([value] * len(batch), kind))
        tables.append(table)
    given = {"events": pa.concat_tables(tables)}
    made = over(given | ({"examined": rows(lake, "examined")} if lake else {}))
    CATALOG.install_views(made)
    return made


def arrived(seed: int, batches: int = 6) -> list[Events]:
    """Bursts with pauses over three days, each event up to hours late, in so many batches."""
    chance = random.Random(seed)
    events: dict[tuple[datetime, str], float] = {}
    for _ in range(60):
        burst = BEGIN + timedelta(minutes=chance.randrange(3 * 24 * 60))
        for _ in range(chance.randrange(1, 6)):
            at = burst + timedelta(minutes=chance.randrange(90))
            events[at, chance.choice("AABBBC")] = at.timestamp() + chance.expovariate(1 / 7200)
    order = sorted(events, key=lambda each: events[each])
    cuts = [0, *sorted(chance.sample(range(1, len(order)), batches - 1)), len(order)]
    return [order[a:b] for a, b in itertools.pairwise(cuts)]
