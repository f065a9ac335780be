"""Anomalies as findings: rules of their own, and points that add up to one finding an episode."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from pipeline.detect.anomalies import SEVERITIES, examine
from pipeline.detect.baselines.asking import Judging
from pipeline.detect.baselines.telling import folded
from pipeline.names import Names
from tests.detect.life import (
    ATTACH,
    CATALOG,
    NEW_NET,
    NOW,
    ROOT,
    USER,
    Records,
    assume,
    at,
    change,
    engine_of,
    examined,
    grant,
    habits,
    points,
)
from tests.logs import event

DAY = timedelta(days=1)


def sign_in(
    identity: dict[str, Any] = USER, result: str = "Success", mfa: str | None = "No", when: datetime = NOW, **more: Any
) -> Records:
    given = {
        "userIdentity": identity,
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "eventType": "AwsConsoleSignIn",
        "responseElements": {"ConsoleLogin": result},
        "additionalEventData": {"MFAUsed": mfa},
    }
    return [at(when, **given, **more)]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (sign_in(), 1),
        (sign_in(ROOT), 1),
        (sign_in(mfa="Yes"), 0),
        (sign_in(result="Failure", errorMessage="Failed authentication"), 0),
        (sign_in(event()["userIdentity"]), 0),
        (sign_in(mfa=None), 0),
    ],
    ids=["a user", "root", "with MFA", "failed", "federated", "the record does not say"],
)
def test_sign_in_without_mfa(records: Records, expected: int) -> None:
    found = examined(records).findings
    assert [each["rule"] for each in found] == ["anomalies/console_sign_in_without_mfa"] * expected
    assert all(each["event_ids"] == [records[0]["eventID"]] for each in found)


def test_a_journey_alone_is_not_told() -> None:
    found = examined([*habits(userIdentity=USER), at(NOW, userIdentity=USER, **NEW_NET)])
    assert points(found)["access_key_from_new_network"] > 0
    assert found.findings == []


def leaked() -> Records:
    """A key used from elsewhere, which then does what its user never did."""
    calls = [
        change(name, NOW + timedelta(minutes=5), userIdentity=USER, **NEW_NET) for name in ("CreateUser", "DeleteUser")
    ]
    return [*habits(userIdentity=USER), at(NOW, userIdentity=USER, **NEW_NET), *calls]


def test_what_several_questions_see_is_one_finding_with_all_of_its_events() -> None:
    records = leaked()
    (found,) = examined(records).findings
    there = [each["eventID"] for each in records if each["sourceIPAddress"] == NEW_NET["sourceIPAddress"]]
    assert (found["rule"], sorted(found["event_ids"])) == ("anomalies/behaviour", sorted(there))
    assert {part["rule"] for part in found["parts"]} >= {
        "anomalies/access_key_from_new_network",
        "anomalies/first_sensitive_call",
    }
    assert found["score"] >= 75 and found["count"] == 3
    for part in found["parts"]:
        assert any(
            f"{part['unusual']}; usual: {part['usual']} ({part['class']}, " in line for line in found["evidence"]
        )


def test_usual_is_what_was_before_and_not_what_came_after() -> None:
    later = [at(NOW + DAY * n, userIdentity=USER) for n in (1, 2)]
    records = [*habits(userIdentity=USER), at(NOW, userIdentity=USER, **NEW_NET), *later]
    (told,) = examined(records, judging=Judging(threshold=20)).findings
    parts = {part["attribute"]: part for part in told["parts"]}
    assert parts["network"]["usual"] == "203.0.113.0/24 (30 days)"


def test_each_kind_of_part_finds_its_events() -> None:
    """By role, session, network, region and tool, on lives of their own; the events are known by hand."""
    session = event()["userIdentity"]
    lives: dict[str, Records] = {
        "role": [assume("admin", userIdentity=session), assume("admin", NOW + DAY * 2, userIdentity=USER)],
        "region": [at(NOW, awsRegion="ap-south-1")],
        "network": [at(NOW, **NEW_NET)],
        "moved_session": [at(NOW + timedelta(hours=1), **NEW_NET)],
        "agent": [at(NOW, userAgent="curl/8.1")],
        "own_change": grant("PutRolePolicy", {"roleName": "worker"}, userIdentity=session),
    }
    for attribute, (meant, *others) in lives.items():
        before = [at(NOW)] if attribute == "moved_session" else []
        (found,) = examined([*habits(), *before, meant, *others], judging=Judging(threshold=10)).findings
        assert attribute in {part["attribute"] for part in found["parts"]}
        assert found["event_ids"] == [meant["eventID"]], attribute


def test_only_events_of_the_window_are_told() -> None:
    records = leaked()
    after = NOW + timedelta(minutes=1)
    (found,) = examined(records, since=after, judging=Judging(threshold=20)).findings
    assert sorted(found["event_ids"]) == sorted(each["eventID"] for each in records[-2:])
    assert found["first_seen"] > after
    assert examined(records, since=NOW + DAY).findings == []


def test_an_episode_keeps_its_id_when_it_grows() -> None:
    records = leaked()
    (before,) = examined([*records[:-1], change("DeleteUser", userIdentity=USER, **NEW_NET)]).findings
    later = change("CreateAccessKey", NOW + DAY, userIdentity=USER, **NEW_NET)
    (after,) = examined([*records, later]).findings
    first = records[-3]["eventID"]
    with engine_of(records) as engine:
        (alone,) = examine(engine, CATALOG, None, NOW + DAY).findings
    assert alone["id"] == after["id"] and first in after["event_ids"] and later["eventID"] in after["event_ids"]
    assert before["rule"] == after["rule"]


def test_many_new_tools_of_a_day_are_few_parts_and_all_events() -> None:
    """Anybody can write another user agent with each call."""
    calls = [at(NOW + timedelta(seconds=n), userIdentity=USER, userAgent=f"tool{n}/1", **NEW_NET) for n in range(60)]
    records = [*habits(userIdentity=USER), *calls, *grant("AttachUserPolicy", ATTACH)]
    (found,) = examined(records).findings
    assert sum(part["attribute"] == "agent" for part in found["parts"]) == 21
    assert {each["eventID"] for each in calls} <= set(found["event_ids"])


def test_the_threshold_is_the_settings() -> None:
    records = [*habits(userIdentity=USER), at(NOW, userIdentity=USER, **NEW_NET)]
    weight = points(examined(records))["access_key_from_new_network"]
    assert len(examined(records, judging=Judging(threshold=weight)).findings) == 1
    assert examined(records, judging=Judging(threshold=weight + 1)).findings == []


def test_a_trusted_network_is_no_news_and_named_ones_are_named() -> None:
    names = {"192.0.2.0/24": "hotel", "203.0.113.0/24": "office"}
    (told,) = examined(leaked(), judging=Judging(names=Names.read({"networks": names}))).findings
    assert any("192.0.2.0/24 (hotel)" in line and "203.0.113.0/24 (office)" in line for line in told["evidence"])
    trusted = Names.read({"networks": {"192.0.2.0/24": {"name": "VPN", "trusted": True}}})
    assert "access_key_from_new_network" not in points(examined(leaked(), judging=Judging(names=trusted)))


def test_the_owner_and_the_account_are_named() -> None:
    table = {"owners": {"*:user/anna": "finance"}, "accounts": {"111122223333": "production"}}
    (told,) = examined(leaked(), judging=Judging(names=Names.read(table))).findings
    assert told["evidence"][-2:] == ["owner: finance", "account: production"]


def test_who_is_new_is_said_and_raises_nothing() -> None:
    """A new principal does everything for the first time, which is no hundred findings."""
    calls = [change(f"Delete{n}User", NOW + timedelta(minutes=n), userIdentity=USER) for n in range(30)]
    judged = examined([*habits(), *calls])
    assert judged.findings == []
    assert [(rule, arn) for rule, arn, _ in judged.unjudged] == [("anomalies/behaviour", USER["arn"])]


def test_who_becomes_known_is_judged_and_not_told() -> None:
    with engine_of([*habits(), *habits(userIdentity=USER)]) as engine:
        judged = examine(engine, CATALOG, None, NOW)
    assert (judged.findings, judged.unjudged) == ([], [])


def test_asking_twice_gives_the_same_and_leaves_the_views_as_they_were() -> None:
    with engine_of(leaked()) as engine:
        first, second = (examine(engine, CATALOG, None, NOW + DAY).findings for _ in range(2))
        assert first == second != []
        assert engine.query("select count(*) as n from duckdb_tables() where temporary")["n"][0].as_py() == 0


def test_threads_that_ask_one_engine_do_not_mix() -> None:
    with engine_of(leaked()) as engine, ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(examine, engine, CATALOG, None, NOW + DAY * n) for n in (1, 2)]
        one, two = (each.result().findings for each in asked)
    assert one == two != []


def test_episodes_of_a_rule_part_after_a_quiet_week_and_keep_their_id() -> None:
    records = [sign_in(when=NOW + timedelta(hours=hours), eventID=f"r{hours}")[0] for hours in (0, 100, 300)]
    with engine_of(records) as engine:
        found = examine(engine, CATALOG, None, NOW + timedelta(days=30)).findings
    assert [each["event_ids"] for each in found] == [["r0", "r100"], ["r300"]]
    with engine_of(records[:1]) as engine:
        assert examine(engine, CATALOG, None, NOW + timedelta(days=30)).findings[0]["id"] == found[0]["id"]


def test_what_is_over_the_budget_is_folded_and_not_dropped() -> None:
    monday = datetime.fromisoformat("2026-10-26T00:00:00+00:00")

    def told(n: int, severity: str, day: int = 0) -> dict[str, Any]:
        (one,) = examined(grant("AttachUserPolicy", ATTACH)).findings
        when = monday + DAY * day
        return one | {"id": str(n), "severity": severity, "event_ids": [f"e{n}"], "first_seen": when, "last_seen": when}

    found = folded([told(1, "low"), told(2, "high", 1), told(3, "medium", 6), told(4, "low", 7)], 1)
    assert [each["id"] for each in found if each["rule"] != "anomalies/more"] == ["2", "4"]
    (more,) = (each for each in found if each["rule"] == "anomalies/more")
    assert (sorted(more["event_ids"]), more["count"], more["severity"]) == (["e1", "e3"], 2, "medium")
    assert more["title"] == "And 2 more findings in week 2026-W44"
    again = folded([told(1, "low"), told(2, "high", 1), told(3, "medium", 6)], 1)
    assert more["id"] in {each["id"] for each in again}


def test_table_has_the_designs_columns() -> None:
    names = "id rule title severity status principal_arn account region first_seen last_seen count event_ids evidence"
    table = examined(leaked()).table()
    assert {*names.split(), "controls", "mitre"} <= set(table.column_names)
    assert set(table["severity"].to_pylist()) <= set(SEVERITIES)
