"""However the log is cut into runs, the store ends with what one run over the whole log finds."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from pipeline.detect.run import detect
from pipeline.detect.sigma.correlations import RuleSet
from pipeline.detect.store import Journal, Looked, View, change, current, record, states
from pipeline.detect.unseen import Examined, examine_new
from pipeline.lake.tables import Lake
from pipeline.lake.upkeep import merge
from tests.detect.arrivals import BEGIN, EVERY_RULE, RULES, Events, arrived, engine, named
from tests.detect.sigma import rule, rules

LIVE = ("open", "acknowledged", "muted")


def hours(number: float) -> Any:
    return BEGIN + timedelta(hours=number)


@pytest.fixture
def lake(empty_lake: Lake) -> Lake:
    return empty_lake


def run(lake: Lake, batches: dict[str, Events], ruleset: RuleSet = RULES, **also: Any) -> Examined:
    with engine(batches, lake) as log:
        return examine_new(lake, log, ruleset, {}, **also)


def stored(lake: Lake) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(each["title"], each["id"], tuple(each["event_ids"])) for each in current(lake, LIVE)}


def whole(batches: dict[str, Events], ruleset: RuleSet) -> set[tuple[str, str, tuple[str, ...]]]:
    with engine(batches) as log:
        found = detect(log, ruleset).findings
    return {(each["title"], each["id"], tuple(each["event_ids"])) for each in found}


def whole_findings(log: Events) -> list[dict[str, Any]]:
    with engine({"all": log}) as opened:
        return detect(opened, RULES).findings


@pytest.mark.parametrize("seed", range(4))
def test_any_split_ends_in_the_same_findings(seed: int, lake: Lake) -> None:
    """Batches become visible in any order and in any number at once; two rules may take back what they found."""
    chance = random.Random(seed)
    batches = {named(number): each for number, each in enumerate(arrived(seed, 7))}
    order = chance.sample(sorted(batches), len(batches))
    there: dict[str, Events] = {}
    changes = set()
    while order:
        for name in [order.pop() for _ in range(min(len(order), chance.randrange(1, 3)))]:
            there[name] = batches[name]
        run(lake, there, EVERY_RULE)
        assert stored(lake) == whole(there, EVERY_RULE)
        assert not run(lake, there, EVERY_RULE).due.batches, "what was examined is not examined again"
    for state in states(lake)[0].values():
        changes |= {each["change"] for each in state.history}
        assert [each["number"] for each in state.history] == list(range(1, state.number + 1))
    assert {"found", "replaced"} <= changes, "the log has something of each kind"
    before = {each.id: each.number for each in states(lake)[0].values()}
    run(lake, there, EVERY_RULE, again=True)
    assert {each.id: each.number for each in states(lake)[0].values()} == before, "examined again, nothing changes"


def test_a_batch_committed_later_is_not_missed_though_it_began_earlier(lake: Lake) -> None:
    """`engine` gives every batch the same ingested_at, and the later one the smaller id."""
    run(lake, {"b": [(hours(0), "A")]})
    examined = run(lake, {"b": [(hours(0), "A")], "a": [(hours(5), "A")]})
    assert examined.due.batches == ["a"]
    assert [each["first_seen"] for each in examined.recorded.new] == [hours(5)]


def test_what_grew_is_told_as_grown_and_the_rest_not_at_all(lake: Lake) -> None:
    first = {"1": [(hours(0), "A"), (hours(9), "A")]}
    assert len(run(lake, first).recorded.new) == 2
    examined = run(lake, first | {"2": [(hours(0.5), "A")]})
    assert (examined.recorded.new, examined.whole) == ([], 0)
    (grown,) = examined.recorded.grown
    assert (grown["count"], grown["first_seen"], grown["last_seen"]) == (2, hours(0), hours(0.5))


def test_an_earlier_event_replaces_the_finding_which_keeps_its_state(lake: Lake) -> None:
    first = {"1": [(hours(2), "A")]}
    (old,) = run(lake, first).recorded.new

    def look_after(journal: Journal) -> None:
        journal.add(journal.states[old["id"]], "acknowledged", "acknowledged", "ann", "mine")

    change(lake, look_after)
    examined = run(lake, first | {"2": [(hours(1.5), "A")]})
    (new,) = examined.recorded.grown
    assert examined.recorded.new == [] and new["id"] != old["id"]
    assert (new["status"], new["count"], new["note"]) == ("acknowledged", 2, f"as {old['id']} was: mine")
    found, _ = states(lake)
    assert found[old["id"]].successor == new["id"]
    assert [each["change"] for each in found[old["id"]].history] == ["found", "acknowledged", "replaced"]
    assert [each["change"] for each in found[new["id"]].history] == ["found", "acknowledged"]
    assert [each["id"] for each in current(lake)] == [new["id"]]


def test_of_two_that_become_one_the_open_one_counts(lake: Lake) -> None:
    """The first is acknowledged, the second open; an event between them makes them one episode."""
    first = {"1": [(hours(0), "A"), (hours(1.5), "A")]}
    run(lake, first)
    one, two = sorted(current(lake), key=lambda each: each["first_seen"])

    def look_after(journal: Journal) -> None:
        journal.add(journal.states[one["id"]], "acknowledged", "acknowledged", "ann")

    change(lake, look_after)
    run(lake, first | {"2": [(hours(0.75), "A")]})
    (left,) = current(lake)
    assert (left["id"], left["count"], left["status"]) == (one["id"], 3, "open")
    assert states(lake)[0][two["id"]].successor == one["id"]


def test_a_new_rule_is_asked_about_the_whole_log_and_the_others_are_not(lake: Lake) -> None:
    log = {"1": [(hours(0), "A"), (hours(5), "D")]}
    one = rules(rule({"s": {"eventName": "A"}}, title="one", id="11111111-0000-4000-8000-000000000000"))
    two = rule({"s": {"eventName": "D"}}, title="two", id="22222222-0000-4000-8000-000000000000")
    both = rules(rule({"s": {"eventName": "A"}}, title="one", id="11111111-0000-4000-8000-000000000000"), two)
    run(lake, log, one)
    examined = run(lake, log, both)
    assert examined.whole == 1
    assert [each["title"] for each in examined.recorded.new] == ["two"]
    assert not run(lake, log, both).due.batches and not run(lake, log, one).due.batches


def test_a_changed_rule_takes_back_what_it_finds_no_more_and_finds_it_again(lake: Lake) -> None:
    log = {"1": [(hours(0), "A"), (hours(5), "B")]}
    either = rules(rule({"s": {"eventName": ["A", "B"]}}, id="11111111-0000-4000-8000-000000000000"))
    only = rules(rule({"s": {"eventName": "A"}}, id="11111111-0000-4000-8000-000000000000"))
    assert len(run(lake, log, either).recorded.new) == 2
    examined = run(lake, log, only)
    assert (examined.whole, examined.recorded.gone) == (1, 1)
    assert {each["status"]: each["first_seen"] for each in current(lake)} == {"open": hours(0), "resolved": hours(5)}
    back = run(lake, log, either)
    assert [each["first_seen"] for each in back.recorded.grown] == [hours(5)]
    assert {each["status"] for each in current(lake)} == {"open"}


def test_a_changed_placeholder_is_a_changed_rule(lake: Lake) -> None:
    log = {"1": [(hours(0), "A"), (hours(5), "B")]}
    for values, whole_log in ((("A",), 1), (("A",), 0), (("A", "B"), 1)):
        ruleset = rules(rule({"s": {"eventName|expand": "%calls%"}}), calls=values)
        with engine(log, lake) as opened:
            assert examine_new(lake, opened, ruleset, {"calls": values, "other": ("x",)}).whole == whole_log
    assert len(current(lake, LIVE)) == 2


def test_days_that_left_the_lake_leave_their_findings_as_they_were(lake: Lake) -> None:
    """An episode whose beginning is gone from the log keeps its id and the events it had, and goes on growing."""
    old, rest = [(hours(0), "A"), (hours(5), "A")], [(hours(5.5), "A")]
    run(lake, {"1": old, "2": rest})
    gone = {each["id"]: each["event_ids"] for each in current(lake)}
    run(lake, {"2": rest}, again=True)
    assert {each["id"]: each["event_ids"] for each in current(lake, LIVE)} == gone
    examined = run(lake, {"2": rest, "3": [(hours(6), "A")]})
    (grown,) = examined.recorded.grown
    assert grown["id"] in gone and (grown["count"], grown["first_seen"]) == (3, hours(5))
    assert len(current(lake, LIVE)) == 2


def test_a_run_that_saw_less_of_the_log_changes_nothing_of_what_one_that_saw_more_has_stored(lake: Lake) -> None:
    """A slow run found the second call alone, a quick one, which saw another batch, both as one episode."""
    with engine({"1": [(hours(1), "A")]}) as log:
        less = detect(log, RULES).findings
    with engine({"1": [(hours(1), "A")], "2": [(hours(0.5), "A")]}) as log:
        more = detect(log, RULES).findings
    every = frozenset(each["rule"] for each in more)
    record(lake, more, View("20", 2), [Looked(every, frozenset(each["id"] for each in more))])
    late = record(lake, less, View("10", 1), [Looked(every, frozenset(each["id"] for each in less))])
    assert (late.new, late.grown, late.gone) == ([], [], 0)
    assert {each["id"]: each["event_ids"] for each in current(lake)} == {more[0]["id"]: more[0]["event_ids"]}
    assert [each.number for each in states(lake)[0].values()] == [1]


def test_copies_of_an_event_in_two_accounts_are_two_stories(lake: Lake) -> None:
    """The finding of one account is replaced by its own successor, though the other's shares as many events."""
    (one,) = whole_findings([(hours(1), "A")])
    other = one | {"id": "f" * 16, "account": "444455556666"}
    (longer,) = whole_findings([(hours(0.5), "A"), (hours(1), "A")])
    record(lake, [one])
    every = frozenset([other["id"], longer["id"]])
    record(lake, [other, longer], looked=[Looked(frozenset([one["rule"]]), every)])
    assert states(lake)[0][one["id"]].successor == longer["id"]
    assert {each["id"] for each in current(lake)} == every


def test_what_is_folded_into_another_finding_is_part_of_it_and_not_gone(lake: Lake) -> None:
    one, other = whole_findings([(hours(1), "A"), (hours(9), "A")])
    record(lake, [one, other])
    ids = [*one["event_ids"], "e", *other["event_ids"]]
    more = one | {"id": "f" * 16, "rule": "rules/more", "event_ids": ids, "count": 3}
    looked = Looked(frozenset([one["rule"], "rules/more"]), frozenset([more["id"], other["id"]]), folding="rules/more")
    recorded = record(lake, [more, other], looked=[looked])
    assert (recorded.new, [each["id"] for each in recorded.grown], recorded.gone) == ([], [more["id"]], 0)
    assert states(lake)[0][one["id"]].successor == more["id"]
    assert {each["id"]: each["status"] for each in current(lake)} == {more["id"]: "open", other["id"]: "open"}


def test_the_tables_of_the_store_can_be_merged(lake: Lake) -> None:
    """Upkeep writes their rows anew in another order (`pipeline.lake.upkeep`); the history is what it was."""
    there: dict[str, Events] = {}
    for number in range(9):
        there[str(number)] = [(hours(number / 2), "A")]
        run(lake, there)
    before = {name: (each.history, each.event_ids) for name, each in states(lake)[0].items()}
    assert merge(lake, lake.load("findings")) and merge(lake, lake.load("examined"))
    assert {name: (each.history, each.event_ids) for name, each in states(lake)[0].items()} == before
    assert [len(ids) for _, ids in before.values()] == [9]
    assert not run(lake, there).due.batches


def test_whatever_a_finding_says_comes_back_as_it_was(lake: Lake) -> None:
    """Times with microseconds, texts that JSON escapes, nothing at all: equal, so that nothing counts as changed."""
    (one,) = whole_findings([(hours(1), "A")])
    odd = one | {"first_seen": hours(1) + timedelta(microseconds=1), "evidence": ['"\\\n\u2028\x00é'], "account": None}
    part = dict.fromkeys(("rule", "attribute", "usual", "unusual", "class"), "é") | {
        "points": 3,
        "first_seen": hours(1),
    }
    odd |= {"score": 3, "parts": [part]}
    record(lake, [odd])
    (back,) = current(lake)
    assert {name: back[name] for name in odd} == odd
    assert record(lake, [odd]).grown == [] and len(states(lake)[0][one["id"]].history) == 1
