"""A case of very many events: what is told is bounded, what is counted is not, and both agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.casework import case, gather, related, sightings, story, visits
from pipeline.config import Settings
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake
from tests.casework.test_story import run
from tests.casework.worlds import assume, call, ids, role, tell, user

EVE = user("eve", "AKIAEVE1")
BUCKET = {"resources": [{"ARN": "arn:aws:s3:::plans", "accountId": "111122223333", "type": "AWS::S3::Bucket"}]}


def many() -> list[dict[str, Any]]:
    """Forty reads of one bucket, then a write, a refusal, and a read that eve had never made before."""
    reads = [call(n, EVE, "GetObject", "s3", **BUCKET) for n in range(1, 41)]
    refused = call(52, EVE, "StopInstances", errorCode="Client.UnauthorizedOperation")
    return [*reads, call(51, EVE, "PutObject", "s3", **BUCKET), refused, call(53, EVE, "ListUsers", "iam")]


def test_what_is_told_of_many_events_is_bounded_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tell(many(), "AKIAEVE1")
    monkeypatch.setattr(case, "WHOLE", 20)
    monkeypatch.setattr(case, "OF_MANY", 6)
    facts = tell(many(), "AKIAEVE1")
    # The first call of each name, the write and the refusal stand out; two reads fill the room that is left.
    assert ids(facts) == ["e1", "e2", "e3", "e51", "e52", "e53"]
    assert (facts["counts"]["left_out"], whole["counts"]["left_out"]) == (37, 0)
    assert facts["left_out"] == [
        {
            "principal_arn": "arn:aws:iam::111122223333:user/eve",
            "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject",
            "outcome": "ok",
            "events": 37,
            "first_seen": facts["timeline"][2]["eventTime"].replace(minute=4),
            "last_seen": facts["timeline"][2]["eventTime"].replace(minute=40),
        }
    ]
    # Apart from what is left out, the bounded case says what the whole one does.
    same = set(whole) - {"timeline", "counts", "left_out"}
    assert {name: facts[name] for name in same} == {name: whole[name] for name in same}
    assert facts["resources"][0]["events"] == 41 and facts["resources"][0]["sample_event_id"] == "e1"
    told = {each["eventID"]: each for each in whole["timeline"]}
    assert all(each == told[each["eventID"]] for each in facts["timeline"])


def test_an_event_that_is_the_seed_is_told_wherever_it_lies() -> None:
    name = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    records = [*many(), call(54, EVE, "GetObject", "s3", eventID=name)]
    facts = tell(records, name, max_events=5)
    assert name in ids(facts) and "seed" in facts["timeline"][-1]["marks"]


@pytest.mark.parametrize(("seconds", "tied"), [(0, True), (-60, True), (60, True), (-61, False), (61, False)])
def test_a_minute_ties_what_a_service_did_to_a_call(seconds: int, tied: bool) -> None:
    """The caller's own call is at ten past; the service's, under a key of its own, before or after it."""
    own = role("app", "work", "ASIAAPP1", 0)
    service = role("app", "work", "ASIASERVICE1", 0) | {"invokedBy": "athena.amazonaws.com"}
    moment = f"2026-10-01T10:{10 + seconds // 60:02}:{seconds % 60:02}Z"
    records = [
        call(10, own, "StartQueryExecution", "athena"),
        call(
            11,
            service,
            "GetObject",
            "s3",
            eventID="by-service",
            eventTime=moment,
            sourceIPAddress="athena.amazonaws.com",
        ),
    ]
    assert ("by-service" in ids(tell(records, "ASIAAPP1"))) is tied


def test_a_pause_of_over_six_hours_begins_another_visit() -> None:
    """At 10:01 from home, then from elsewhere: at 10:02, 16:02 (six hours, no pause) and 22:03 (over six)."""
    away = {"sourceIPAddress": "198.51.100.7"}
    later = [call(n, EVE, "ListBuckets", "s3", **away) for n in (2, 6 * 60 + 2, 12 * 60 + 3)]
    texts = [each["text"] for each in tell([call(1, EVE, "ListBuckets", "s3"), *later], "AKIAEVE1")["summary"]]
    first, again = (text for text in texts if "198.51.100.7" in text)
    assert "is used: 2 events until 2026-10-01T16:02:00Z" in first and "is used again" in again and "1 event" in again


def test_ingest_looks_ahead_for_the_next_investigation(tmp_path: Path) -> None:
    import json

    source, lake = tmp_path / "log.json", tmp_path / "lake"
    source.write_text(json.dumps({"Records": many()}))
    assert run("ingest", str(source), "--lake", str(lake), "--jobs", "1") == 0
    assert sightings.refresh(Lake.open(lake)) == 0
    source.with_name("more.json").write_text(json.dumps({"Records": [call(60, EVE, "ListUsers", "iam")]}))
    ingest(lake, [str(source.with_name("more.json"))], Settings(jobs=1))  # without the command nothing is found out
    assert sightings.refresh(Lake.open(lake)) == 1


def test_whatever_a_bound_leaves_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of each thing where one is told. Eve's second and third networks are strange to her, a visit each."""
    calls = [
        call(
            n,
            EVE,
            name,
            "s3",
            sourceIPAddress=f"198.51.{n}.1",
            userAgent=f"tool{n}",
            resources=[{"ARN": f"arn:aws:s3:::plans-{n}"}],
        )
        for n, name in enumerate(["ListBuckets", "GetObject", "HeadObject"], 1)
    ]
    others = [call(10 + n, user(f"ann{n}", f"AKIAANN{n}"), "ListUsers", "iam", userAgent="tool1") for n in (1, 2)]
    monkeypatch.setattr(case, "_RESOURCES", 1)
    monkeypatch.setattr(case, "_LEFT_OUT", 1)
    for name in ("_PLACES", "_NEIGHBOURS"):
        monkeypatch.setattr(related, name, 1)
    monkeypatch.setattr(visits, "_VISITS_READ", 1)
    facts = tell([*calls, *others], "AKIAEVE1", max_events=1)
    assert facts["bounds"] == [
        "only 1 visits, the earliest, are told; there are more",
        "only 1 kinds of calls left out are told; there are more",
        "only 1 resources, those of most events, are told; there are more",
        "only 1 addresses with who else came from there are told; there are more",
        "only 1 programs with who else used them are told; there are more",
        "only 1 neighbours are told; there are more",
    ]
    lists = (facts["left_out"], facts["resources"], facts["related"]["same_agent"])
    assert [len(each) for each in lists] == [1, 1, 1]


def test_of_many_networks_the_first_and_those_seen_last_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of many networks must not hide where it was used at last, nor where another key was."""
    monkeypatch.setattr(related, "NETWORKS", 3)
    records = [call(n, EVE, "ListBuckets", "s3", sourceIPAddress=f"198.51.{n}.1") for n in (1, 2, 3)]
    records.append(call(4, user("bob", "AKIABOB"), "ListBuckets", "s3", sourceIPAddress="198.51.1.9"))
    facts = tell(records, "198.51.0.0/16")
    told = [(each["holder"], each["source_network"], each["earliest"]) for each in facts["related"]["networks"]]
    assert told == [
        ("AKIAEVE1", "198.51.1.0/24", True),
        ("AKIAEVE1", "198.51.3.0/24", False),
        ("AKIABOB", "198.51.1.0/24", True),
    ]
    assert facts["bounds"] == ["only 3 of 4 networks are told: the first of each holder, and those seen last"]
    monkeypatch.setattr(related, "NETWORKS", 4)
    assert tell(records, "198.51.0.0/16")["bounds"] == []


def test_holders_for_whom_services_are_not_asked_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two roles start a query from one address, and Athena reads for both; the events of one are sought."""
    monkeypatch.setattr(story, "HOLDERS", 1)
    records = []
    for n, name in enumerate(("app", "web")):
        own = role(name, "work", f"ASIAOWN{n}", 0)
        behalf = role(name, "work", f"ASIAFOR{n}", 0) | {"invokedBy": "athena.amazonaws.com"}
        records.append(call(10 + n, own, "StartQueryExecution", "athena"))
        given = {"eventID": f"for-{name}", "sourceIPAddress": "athena.amazonaws.com"}
        records.append(call(10 + n, behalf, "GetObject", "s3", **given))
    facts = tell([*records, call(5, EVE, "ListUsers", "iam", **made("AKIANEW1"))], "203.0.113.7")
    assert [each for each in ids(facts) if each.startswith("for-")] == ["for-app"]
    assert facts["bounds"] == ["only 1 principals with what services did for them are told; there are more"]


def made(key: str) -> dict[str, Any]:
    """What CreateAccessKey answers."""
    answer = {"accessKey": {"accessKeyId": key, "status": "Active", "userName": "ben"}}
    return {"eventName": "CreateAccessKey", "responseElements": answer, "readOnly": False}


def test_sessions_do_not_crowd_out_what_else_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five sessions, then a key for ben, with which ben is let in further: two calls of either kind are read."""
    monkeypatch.setattr(gather, "MOST", 2)
    sessions = [assume(n, EVE, "worker", f"ASIAWORK{n}") for n in range(1, 6)]
    key = call(20, EVE, "CreateAccessKey", "iam", responseElements={"accessKey": {"accessKeyId": "AKIABEN"}})
    policy = {"userName": "ben", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    granted = call(30, user("ben", "AKIABEN"), "AttachUserPolicy", "iam", requestParameters=policy, readOnly=False)
    facts = tell([*sessions, key, granted], "AKIAEVE1")
    assert {each["id"] for each in facts["created"]} == {"ASIAWORK1", "ASIAWORK2", "AKIABEN"}
    assert [each["eventID"] for each in facts["gained"]] == ["e30"]
    assert facts["bounds"] == [
        "of the calls that make something, or change permissions, only the first 2 are read, "
        "and as many that begin sessions"
    ]


def test_sessions_do_not_crowd_out_what_else_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed and one thing more may be followed: ben's key, although it was made after a session."""
    monkeypatch.setattr(gather, "FOLLOWED", 2)
    key = call(20, EVE, "CreateAccessKey", "iam", responseElements={"accessKey": {"accessKeyId": "AKIABEN"}})
    used = [call(30, user("ben", "AKIABEN"), "ListUsers", "iam"), call(31, role("w", "s", "ASIAW1", 1), "ListUsers")]
    facts = tell([assume(1, EVE, "w", "ASIAW1"), key, *used], "AKIAEVE1")
    assert ids(facts) == ["e1", "e20", "e30"]
    assert facts["bounds"] == ["only 2 things are followed; 1 more were made or used"]


def test_what_is_asked_for_by_name_is_told_before_whatever_else_stands_out() -> None:
    """Forty writes and refusals come before the event that is the seed, and before the key that was made."""
    name = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    writes = [call(n, EVE, "PutObject", "s3") for n in range(1, 21)]
    writes += [call(n, EVE, "StopInstances", errorCode="AccessDenied") for n in range(21, 41)]
    key = call(50, EVE, "CreateAccessKey", "iam", responseElements={"accessKey": {"accessKeyId": "AKIABEN"}})
    facts = tell([*writes, key, call(51, EVE, "GetObject", "s3", eventID=name)], name, max_events=3)
    assert ids(facts) == ["e1", "e50", name]
