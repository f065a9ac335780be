"""The fake CloudTrail keeps AWS's rules: what LookupEvents' reference page says of limits, pages and errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.cloudtrail import ENABLED, NOW, CloudTrail
from tests.logs import event


def events(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [event(eventID=f"e{n}", eventTime=f"2026-11-25T10:{n % 60:02}:00Z", **changes) for n in range(count)]


def code(call: Any, **asked: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**asked)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Code"])


def test_pages_of_fifty_newest_first(cloudtrail: CloudTrail) -> None:
    cloudtrail.configure(rate=1000)
    cloudtrail.add(events(120))
    pages = list(cloudtrail.client().get_paginator("lookup_events").paginate())
    assert [len(page["Events"]) for page in pages] == [50, 50, 20]
    moments = [each["EventTime"] for page in pages for each in page["Events"]]
    assert moments == sorted(moments, reverse=True)
    assert moments[0] == datetime(2026, 11, 25, 10, 59, tzinfo=UTC)


def test_two_calls_a_second_an_account_and_region(cloudtrail: CloudTrail) -> None:
    cloudtrail.configure(accounts={"other": "444455556666"})
    here, there, other = cloudtrail.client(), cloudtrail.client("us-east-1"), cloudtrail.client(key="other")
    cloudtrail.configure(rate=0)
    assert code(here.lookup_events) == "ThrottlingException"
    cloudtrail.configure(rate=2)
    for client in (here, there, other):
        client.lookup_events()
    assert cloudtrail.stats()["throttled"] == 1
    answers = cloudtrail.stats()["by_region"]
    assert answers == {"111122223333/eu-west-1": 2, "111122223333/us-east-1": 1, "444455556666/eu-west-1": 1}


def test_invalid_parameters_have_awss_codes(cloudtrail: CloudTrail) -> None:
    cloudtrail.configure(rate=1000)
    cloudtrail.add(events(60))
    look = cloudtrail.client().lookup_events
    old, hour = NOW - timedelta(days=91), timedelta(hours=1)
    assert code(look, StartTime=NOW, EndTime=NOW - hour) == "InvalidTimeRangeException"
    assert code(look, StartTime=old, EndTime=NOW) == "InvalidTimeRangeException"
    assert code(look, MaxResults=51) == "InvalidMaxResultsException"
    assert code(look, EventCategory="data") == "InvalidEventCategoryException"
    assert code(look, NextToken="made up") == "InvalidNextTokenException"
    both = [{"AttributeKey": "EventName", "AttributeValue": "x"}] * 2
    assert code(look, LookupAttributes=both) == "InvalidLookupAttributesException"
    token = look(EndTime=NOW)["NextToken"]
    assert code(look, EndTime=NOW - hour, NextToken=token) == "InvalidNextTokenException"
    assert len(look(EndTime=NOW, NextToken=token)["Events"]) == 10


def test_only_management_events_unless_insight_is_asked_for(cloudtrail: CloudTrail) -> None:
    cloudtrail.add(events(1) + events(1, eventCategory="Data") + events(1, eventCategory="Insight"))
    for asked in ({}, {"EventCategory": "insight"}):
        (entry,) = cloudtrail.client().lookup_events(**asked)["Events"]
        assert f'"eventCategory": "{"Insight" if asked else "Management"}"' in entry["CloudTrailEvent"]


def test_a_region_that_is_off_or_denied(cloudtrail: CloudTrail) -> None:
    cloudtrail.configure(denied=["us-east-1"])
    assert code(cloudtrail.client("me-south-1").lookup_events) == "UnrecognizedClientException"
    assert code(cloudtrail.client("us-east-1").lookup_events) == "AccessDeniedException"


def test_public_keys_of_a_region_and_time(cloudtrail: CloudTrail) -> None:
    cloudtrail.add_public_key(b"der", NOW - timedelta(days=9), NOW - timedelta(days=5), "aa")
    cloudtrail.add_public_key(b"new", NOW - timedelta(days=5), NOW + timedelta(days=5), "bb")
    look = cloudtrail.client().list_public_keys
    assert [each["Fingerprint"] for each in look()["PublicKeyList"]] == ["bb"]
    both = look(StartTime=NOW - timedelta(days=8), EndTime=NOW)["PublicKeyList"]
    assert [(each["Value"], each["ValidityStartTime"]) for each in both] == [
        (b"der", NOW - timedelta(days=9)),
        (b"new", NOW - timedelta(days=5)),
    ]
    assert cloudtrail.client("us-east-1").list_public_keys()["PublicKeyList"] == []


def test_who_asks_and_which_regions(cloudtrail: CloudTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    for name, value in cloudtrail.environment.items():
        monkeypatch.setenv(name, value)
    assert boto3.client("sts").get_caller_identity()["Account"] == "111122223333"
    assert {each["RegionName"] for each in boto3.client("ec2").describe_regions()["Regions"]} == set(ENABLED)
