"""Mutes of findings that others took the place of, however often that happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.detect.store.mutes import Mute, Muted
from pipeline.detect.store.states import State, written

NOW = datetime(2026, 10, 1, tzinfo=UTC)
FINDING = written({"rule": "r", "rule_key": "r"})


def mute(finding: str, days: int) -> Mute:
    return Mute(finding, NOW, "ines", "known", "ines", NOW + timedelta(days=days), finding_id=finding)


def until(muted: Muted, identity: str) -> datetime | None:
    covering = muted.covering(State(identity, FINDING))
    return covering.until if covering else None


def test_a_mute_is_passed_on_over_thousands_of_successors() -> None:
    """Whoever loads a log from its end makes an episode begin earlier with each batch, under another id."""
    chain = {f"f{n}": [f"f{n - 1}"] for n in range(1, 5000)}
    muted = Muted([mute("f0", 3)], NOW, chain)
    assert until(muted, "f4999") == NOW + timedelta(days=3)
    assert until(Muted([], NOW, chain), "f4999") is None


def test_of_several_predecessors_each_has_to_be_muted_and_the_first_to_end_counts() -> None:
    joined = {"c": ["a", "b"], "d": ["c"]}
    assert until(Muted([mute("a", 3), mute("b", 2)], NOW, joined), "d") == NOW + timedelta(days=2)
    assert until(Muted([mute("a", 3)], NOW, joined), "d") is None
    assert until(Muted([mute("a", 3), mute("d", 9)], NOW, joined), "d") == NOW + timedelta(days=9)
