"""The months are what they say: the same for the same seed, readable, with the incidents in them and told whole."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.records.principal import principal
from tests.months import generate
from tests.months.dice import Dice
from tests.months.incidents.attack import KINDS, Attack
from tests.months.log import Log
from tests.months.make import populate
from tests.months.stories.telling import TELLERS, Telling
from tests.months.world import company

SMALL: dict[str, Any] = {"principals": 40, "days": 20, "quiet": 0.15}


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, dict[str, Any]], Path]:
    """(truth, records by event id, folder) of one small seed."""
    folder = tmp_path_factory.mktemp("months")
    truth = generate(7, folder, **SMALL)
    found = {each["eventID"]: each for path in folder.rglob("*.json.gz") for each in records(path)}
    return truth, found, folder


def records(path: Path) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))["Records"]
    return made


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_seed_always_makes_the_same_files(months: Any, tmp_path: Path) -> None:
    _, _, folder = months
    generate(7, tmp_path, **SMALL)
    names = sorted(each.relative_to(folder) for each in folder.rglob("*") if each.is_file())
    assert names == sorted(each.relative_to(tmp_path) for each in tmp_path.rglob("*") if each.is_file())
    assert all((folder / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)


def test_another_seed_makes_others(months: Any, tmp_path: Path) -> None:
    truth, found, _ = months
    other = generate(8, tmp_path, **SMALL)
    assert other["accounts"] != truth["accounts"]
    assert not {each for one in other["incidents"] for each in one["event_ids"]} & found.keys()


def test_every_event_is_written_once(months: Any) -> None:
    truth, found, folder = months
    assert sum(len(records(path)) for path in folder.rglob("*.json.gz")) == len(found) == truth["events"]


def test_an_object_holds_what_its_key_says(months: Any) -> None:
    _, _, folder = months
    for path in folder.rglob("*.json.gz"):
        _, account, _, region, year, month, day, _ = path.relative_to(folder).parts
        for each in records(path):
            assert (each["recipientAccountId"], each["awsRegion"]) == (account, region)
            late = datetime(int(year), int(month), int(day)).date() - when(each["eventTime"]).date()
            assert timedelta(0) <= late <= timedelta(days=1)


def test_everybody_is_recognised(months: Any) -> None:
    """But for tokens of an identity provider and anonymous or misnamed strangers: no principals of AWS's.

    See the design on principals: what a record does not say is unknown, never a guess.
    """
    _, found, _ = months
    unknown = {
        each["userIdentity"]["type"] for each in found.values() if principal(each["userIdentity"]).arn == "unknown"
    }
    assert unknown == {"WebIdentityUser"}


def test_the_warm_up_has_no_incident_and_the_judged_half_has_three_or_four(months: Any) -> None:
    truth, found, _ = months
    assert 3 <= len(truth["incidents"]) <= 4
    assert when(truth["judged_to"]) - when(truth["judged_from"]) == when(truth["judged_from"]) - when(truth["begin"])
    for each in truth["incidents"]:
        times = sorted(found[event]["eventTime"] for event in each["event_ids"])
        assert truth["judged_from"] <= each["begin"] == times[0]
        assert times[-1] == each["end"] < truth["judged_to"]
        assert sorted(event for step in each["steps"] for event in step["event_ids"]) == sorted(each["event_ids"])


def test_the_truth_names_every_event_of_an_attacker(months: Any) -> None:
    truth, found, _ = months
    for each in truth["incidents"]:
        if each["entry"] in {"own account", "inside a program"}:
            continue  # these use the credentials where their owners do
        told = {event for event in each["event_ids"] if hand(found[event]) != (None, None)}
        hands = {hand(found[event]) for event in told}
        assert {event for event, one in found.items() if hand(one) in hands} == told


def hand(event: dict[str, Any]) -> tuple[str | None, str | None]:
    """Which key was used from where; (None, None) for a sign-in, which has no key."""
    key = event["userIdentity"].get("accessKeyId")
    return (key, event["sourceIPAddress"]) if key else (None, None)


def test_stories_are_in_the_log_and_are_no_incidents(months: Any) -> None:
    truth, found, _ = months
    events = {event for each in truth["stories"] for event in each["event_ids"]}
    assert events and events <= found.keys()
    assert not events & {event for each in truth["incidents"] for event in each["event_ids"]}


def test_the_census_counts_who_acted_in_the_judged_half(months: Any) -> None:
    truth, found, _ = months
    counted: dict[str, int] = {}
    for each in found.values():
        arn = principal(each["userIdentity"]).arn
        if (
            each["eventTime"] >= truth["judged_from"]
            and arn.startswith("arn:aws:iam::")
            and "/aws-service-role/" not in arn
        ):
            counted[arn] = counted.get(arn, 0) + 1
    assert {each["arn"]: each["events"] for each in truth["principals"]} == counted
    assert abs(len(counted) - SMALL["principals"]) < 20


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_two_incidents_of_a_kind_are_alike(kind: str) -> None:
    seen = set()
    for seed in range(10):
        world = company(seed, 30)
        populate(world, 40)
        log = Log(seed, world.begin, world.end, world.things)
        attack = Attack(world, log, Dice(f"{seed}/{kind}"), kind, world.judged + timedelta(days=3, hours=seed))
        KINDS[kind](attack)
        told = attack.as_json()
        assert any(not step["trivial"] for step in told["steps"])
        assert told["principals"] and told["begin"] <= told["end"]
        seen.add((told["entry"], tuple(step["step"] for step in told["steps"]), len(told["event_ids"])))
    assert len(seen) > 7


@pytest.mark.parametrize("kind", sorted(TELLERS))
def test_a_story_can_be_told_on_any_day(kind: str) -> None:
    world = company(3, 30)
    populate(world, 40)
    telling = Telling(world, Log(3, world.begin, world.end, world.things))
    for day in range(0, 30, 3):
        TELLERS[kind][0](telling, Dice(f"{kind}/{day}"), world.first + timedelta(days=day))
    assert telling.told and {each.kind for each in telling.told} == {kind}
    assert all(each.begin < each.end for each in telling.told)


def test_there_is_enough_to_draw_from() -> None:
    assert len(KINDS) >= 13 and len(TELLERS) >= 30
