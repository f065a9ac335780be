"""Runs over what is new find, together, what one run over everything finds, however the events arrived."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from pipeline.detect.run import detect
from pipeline.detect.run_new import detect_new
from pipeline.engines.duckdb import Engine, over
from pipeline.records.normalize import to_table
from tests.detect.sigma import CATALOG, plain, rule, rules
from tests.logs import event

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
RULES = rules(
    rule({"s": {"eventName": "A"}}, title="single"),
    rule({"s": {"eventName": "B"}}, name="b"),
    rule({"s": {"eventName": "C"}}, name="c"),
    {
        "title": "many",
        "correlation": {"type": "event_count", "rules": ["b"], "timespan": "30m", "condition": {"gte": 3}},
    },
    {"title": "order", "correlation": {"type": "temporal_ordered", "rules": ["b", "c"], "timespan": "20m"}},
)
Events = list[tuple[datetime, str]]


def engine(batches: list[Events]) -> Engine:
    """A lake into which one batch was ingested an hour."""
    tables = []
    for number, batch in enumerate(batches):
        records = [
            event(eventName=name, eventTime=f"{at:%Y-%m-%dT%H:%M:%SZ}", eventID=f"{name}{at}") for at, name in batch
        ]
        table = plain(to_table(records))
        moment = pa.array([BEGIN + timedelta(hours=number)] * len(batch), pa.timestamp("us", tz="UTC"))
        tables.append(table.set_column(table.schema.get_field_index("ingested_at"), "ingested_at", moment))
    made = over({"events": pa.concat_tables(tables)})
    CATALOG.install_views(made)
    return made


def said(findings: list[dict[str, Any]]) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(each["title"], each["id"], tuple(each["event_ids"])) for each in findings}


def arrived(seed: int) -> list[Events]:
    """Bursts with pauses, each event up to hours late, in six batches."""
    chance = random.Random(seed)
    events: dict[tuple[datetime, str], float] = {}
    for _ in range(60):
        burst = BEGIN + timedelta(minutes=chance.randrange(3 * 24 * 60))
        for _ in range(chance.randrange(1, 6)):
            at = burst + timedelta(minutes=chance.randrange(90))
            events[at, chance.choice("AABBBC")] = at.timestamp() + chance.expovariate(1 / 7200)
    order = sorted(events, key=lambda each: events[each])
    cuts = [0, *sorted(chance.sample(range(1, len(order)), 5)), len(order)]
    return [order[a:b] for a, b in itertools.pairwise(cuts)]


@pytest.mark.parametrize("seed", range(6))
def test_what_is_new_adds_up_to_everything(seed: int) -> None:
    batches = arrived(seed)
    told: set[tuple[str, str, tuple[str, ...]]] = set()
    for number in range(len(batches)):
        with engine(batches[: number + 1]) as lake:
            told |= said(detect_new(lake, RULES, BEGIN + timedelta(hours=number, minutes=-30)).findings)
    with engine(batches) as lake:
        whole = said(detect(lake, RULES).findings)
    assert len({title for title, _, _ in whole}) == 3, "the log has something for each kind"
    assert whole <= told


def test_only_what_holds_a_new_event_is_told() -> None:
    old = [(BEGIN, "A"), (BEGIN + timedelta(hours=5), "A")]
    with engine([old, [(BEGIN + timedelta(hours=5, minutes=30), "A")]]) as lake:
        (finding,) = detect_new(lake, RULES, BEGIN + timedelta(minutes=30)).findings
        assert finding["count"] == 2
        assert detect_new(lake, RULES, BEGIN + timedelta(hours=9)).findings == []


def test_a_late_event_completes_a_window_of_older_ones() -> None:
    minutes = [BEGIN + timedelta(minutes=each) for each in (0, 10, 20)]
    with engine([[(minutes[0], "B"), (minutes[2], "B")], [(minutes[1], "B")]]) as lake:
        (finding,) = detect_new(lake, RULES, BEGIN + timedelta(minutes=30)).findings
    assert (finding["title"], finding["count"]) == ("many", 3)


def test_an_episode_that_began_long_ago_is_told_whole() -> None:
    """Each event follows within the hour, for two days; only the last is new."""
    chain = [(BEGIN + timedelta(minutes=50 * each), "A") for each in range(60)]
    with engine([chain[:-1], chain[-1:]]) as lake:
        (finding,) = detect_new(lake, RULES, BEGIN + timedelta(minutes=30)).findings
        (whole,) = detect(lake, RULES).findings
    assert finding == whole and finding["count"] == 60
