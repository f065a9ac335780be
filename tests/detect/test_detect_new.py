"""Runs over what is new find, together, what one run over everything finds, however the events arrived."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pipeline.detect.run import detect
from pipeline.detect.run_new import Found, detect_new
from tests.detect.arrivals import BEGIN, RULES, Events, arrived, engine


def said(findings: list[dict[str, Any]]) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(each["title"], each["id"], tuple(each["event_ids"])) for each in findings}


def found(old: Events, new: Events) -> Found:
    """What is found of a batch that comes to another."""
    with engine({"old": old, "new": new}) as log:
        return detect_new(log, RULES, ["new"])


@pytest.mark.parametrize("seed", range(6))
def test_what_is_new_adds_up_to_everything(seed: int) -> None:
    batches = {str(number): each for number, each in enumerate(arrived(seed))}
    told: set[tuple[str, str, tuple[str, ...]]] = set()
    for number in batches:
        there = {name: each for name, each in batches.items() if int(name) <= int(number)}
        with engine(there) as log:
            told |= said(detect_new(log, RULES, [number]).findings)
    with engine(batches) as log:
        whole = said(detect(log, RULES).findings)
    assert len({title for title, _, _ in whole}) == 3, "the log has something for each kind"
    assert whole <= told


def test_only_what_holds_a_new_event_is_told() -> None:
    old = [(BEGIN, "A"), (BEGIN + timedelta(hours=5), "A")]
    (finding,) = found(old, [(BEGIN + timedelta(hours=5, minutes=30), "A")]).findings
    assert finding["count"] == 2
    assert found(old, [(BEGIN + timedelta(hours=9), "X")]).findings == []


def test_what_stands_is_told_of_all_that_was_looked_at() -> None:
    """The margin is the pause and the longest span: what begins later than that after the look's begin is known."""
    old = [(BEGIN, "X"), *((BEGIN + timedelta(hours=each), "A") for each in (5, 20, 30))]
    looked = found(old, [(BEGIN + timedelta(hours=20, minutes=30), "A")])
    assert looked.since is not None
    with engine({"all": [*old, (BEGIN + timedelta(hours=20, minutes=30), "A")]}) as log:
        whole = {each["id"]: each["first_seen"] for each in detect(log, RULES).findings}
    assert {each for each, first in whole.items() if first > looked.since} <= looked.standing
    assert len(looked.standing) < len(whole)


def test_a_late_event_completes_a_window_of_older_ones() -> None:
    minutes = [BEGIN + timedelta(minutes=each) for each in (0, 10, 20)]
    (finding,) = found([(minutes[0], "B"), (minutes[2], "B")], [(minutes[1], "B")]).findings
    assert (finding["title"], finding["count"]) == ("many", 3)


def test_an_episode_that_began_long_ago_is_told_whole() -> None:
    """Each event follows within the hour, for two days; only the last is new."""
    chain = [(BEGIN + timedelta(minutes=50 * each), "A") for each in range(60)]
    (finding,) = found(chain[:-1], chain[-1:]).findings
    with engine({"all": chain}) as log:
        (whole,) = detect(log, RULES).findings
    assert finding == whole and finding["count"] == 60
