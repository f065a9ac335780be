"""The sample trail's planted stories, told from one key alone; what must be found is written in planted.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.casework.case import investigate
from pipeline.catalog import Catalog
from pipeline.engines.duckdb import connect
from pipeline.lake.tables import Lake

CATALOG = Catalog.load()
Facts = dict[str, Any]


@pytest.fixture(scope="module")
def planted(sample_logs: Path) -> Facts:
    found: Facts = json.loads((sample_logs / "planted.json").read_text())
    return found


@pytest.fixture(scope="module")
def story(sample_lake: Path) -> Callable[[str], Facts]:
    def tell(seed: str, **options: Any) -> Facts:
        with connect(Lake.open(sample_lake)) as engine:
            CATALOG.install_views(engine)
            until = engine.as_of()
            assert until is not None
            return investigate(engine, CATALOG, seed, None, until, **options).facts

    return tell


@pytest.fixture(scope="module")
def leaked(story: Callable[[str], Facts], planted: Facts) -> Facts:
    return story(planted["leaked_key"][0] if isinstance(planted["leaked_key"], list) else planted["leaked_key"])


def part(planted: Facts, name: str) -> set[str]:
    (found,) = [each["event_ids"] for each in planted["incident"] if each["name"] == name]
    return set(found)


def backing(facts: Facts, *words: str) -> set[str]:
    """Event ids of the sentences that have all these words."""
    return {
        event for each in facts["summary"] if all(word in each["text"] for word in words) for event in each["event_ids"]
    }


def test_the_timeline_holds_the_whole_incident_in_order(leaked: Facts, planted: Facts) -> None:
    there = [each["eventID"] for each in leaked["timeline"]]
    assert {event for each in planted["incident"] for event in each["event_ids"]} <= set(there)
    assert len(there) == len(set(there))
    times = [each["eventTime"] for each in leaked["timeline"]]
    assert times == sorted(times)
    own = [each for each in leaked["timeline"] if "by_time" not in each["marks"]]
    assert {each["access_key_id"] for each in own} == {planted["leaked_key"], planted["new_key"]}
    assert all(each["via_service"] for each in leaked["timeline"] if "by_time" in each["marks"])


def test_each_part_of_the_incident_is_told_with_its_events(leaked: Facts, planted: Facts) -> None:
    visit = backing(leaked, planted["leaked_key"], "not seen before")
    assert part(planted, "first use from a new network") <= visit
    assert part(planted, "policy attached to itself") <= visit
    assert backing(leaked, "denied", "different calls") == part(planted, "reconnaissance with denials")
    assert part(planted, "new access key") <= backing(leaked, "made the access key", planted["new_key"])
    read = backing(leaked, planted["new_key"], "The new key") | backing(leaked, "Within a minute", "Decrypt")
    assert part(planted, "data read") <= read
    assert part(planted, "second visit") <= backing(leaked, planted["new_key"], "again")
    assert (
        len(backing(leaked, "which is itself", "AdministratorAccess") & part(planted, "policy attached to itself")) == 1
    )


def test_what_was_denied_before_the_change_succeeds_after_it(leaked: Facts, planted: Facts) -> None:
    told = backing(leaked, "had been denied", "succeed")
    assert len(told) >= 3
    assert part(planted, "policy attached to itself") - {leaked["gained"][0]["eventID"]} <= told


def test_what_was_made_and_gained(leaked: Facts, planted: Facts) -> None:
    (key,) = leaked["created"]
    assert (key["kind"], key["id"], {key["eventID"]}) == (
        "access key",
        planted["new_key"],
        part(planted, "new access key"),
    )
    inferred = {each["eventID"] for each in leaked["timeline"] if "by_time" in each["marks"]}
    assert key["events"] == len((part(planted, "data read") | part(planted, "second visit")) - inferred)
    (gain,) = leaked["gained"]
    assert (gain["to_itself"], gain["what"]) == (True, "arn:aws:iam::aws:policy/AdministratorAccess")
    assert gain["eventID"] in part(planted, "policy attached to itself")


def test_marks_of_the_incident(leaked: Facts, planted: Facts) -> None:
    marks = {each["eventID"]: set(each["marks"]) for each in leaked["timeline"]}
    assert all("denied" in marks[event] for event in part(planted, "reconnaissance with denials"))
    assert all({"write", "created"} <= marks[event] for event in part(planted, "new access key"))
    first = min(
        (each for each in leaked["timeline"] if each["eventID"] in part(planted, "first use from a new network")),
        key=lambda each: each["eventTime"],
    )
    assert "first_network" in first["marks"]
    changes = [event for event, there in marks.items() if "permission_change" in there]
    assert len(changes) == 1 and set(changes) <= part(planted, "policy attached to itself")


def test_every_sentence_stands_on_events_of_the_lake(leaked: Facts) -> None:
    there = {each["eventID"] for each in leaked["timeline"]}
    assert all(each["event_ids"] and set(each["event_ids"]) <= there for each in leaked["summary"])


def test_a_short_timeline_keeps_what_tells_something(story: Callable[..., Facts], planted: Facts) -> None:
    facts = story(planted["leaked_key"], max_events=200)
    assert len(facts["timeline"]) == 200
    assert facts["counts"]["left_out"] == facts["counts"]["events"] - 200 > 0
    there = {each["eventID"] for each in facts["timeline"]}
    assert part(planted, "reconnaissance with denials") | part(planted, "new access key") <= there


@pytest.mark.parametrize("number", [0, 7])
def test_a_role_chain_is_walked_back_to_the_pipeline(
    story: Callable[[str], Facts], planted: Facts, number: int
) -> None:
    """From the last event of a promotion: its session, prod's role, its twins in two logs, dev's web identity."""
    chain = planted["chain"][number]["event_ids"]
    facts = story(chain[-1])
    links = facts["identity"]
    assert [each["kind"] for each in links] == ["uses", "session", "session", "federated"]
    proofs = {each["eventID"] for each in links} | {twin for each in links for twin in each.get("twins", [])}
    assert set(chain[:4]) <= proofs
    assert links[-1]["origin"] and links[-1]["eventID"] == chain[0]
    assert links[-1]["provider"].endswith("oidc-provider/token.actions.githubusercontent.com")
    assert links[-2]["principal_arn"].endswith(":role/ci/ci-integration")
