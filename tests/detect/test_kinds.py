"""Kinds of events decide what they can, leave open what they cannot, and lose no event however they are told apart."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.detect import kinds, scan
from pipeline.detect.run import detect
from tests.detect.sigma import log, rule, rules
from tests.logs import event

ALWAYS: dict[str, Any] = {"since": None, "until": None}


def found(*detections: dict[str, Any], records: list[dict[str, Any]]) -> kinds.Kinds:
    with log(*records) as engine:
        return kinds.find(engine, [each.condition for each in rules(*map(rule, detections)).rules], ALWAYS)


def test_what_the_kind_decides_is_not_left_open() -> None:
    decided = {"s": {"eventName": "A"}, "f": {"errorCode": "*"}, "condition": "s and not f"}
    left = {"s": {"eventName": ["A", "B"], "requestParameters.x": "y"}}
    never = {"s": {"eventName": "C"}}
    told = found(decided, left, never, records=[event(eventName="A"), event(eventName="B"), event(eventName="D")])
    assert told.live == [0, 1] and told.open == pytest.approx({1: 2 / 3})


def test_a_condition_that_any_event_may_meet_is_left_open_for_all() -> None:
    told = found({"s": {"userAgent": "u"}}, records=[event(eventName="A"), event(eventName=None)])
    assert told.open == {0: 1}


@pytest.mark.parametrize("key", ["hash", "row", "many names", "a word a rule"])
def test_every_way_to_tell_kinds_apart_finds_the_same(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two kinds share a number their texts are compared; where names are many none is looked at first."""
    if key == "row":
        other = kinds._hash
        monkeypatch.setattr(kinds, "_hash", lambda texts: other(texts) if "||" in texts[0] else "1::ubigint")
    if key == "a word a rule":
        monkeypatch.setattr(kinds, "BITS", 1)
    if key == "many names":
        monkeypatch.setattr(scan, "_MANY", 0)
    asked = rules(
        rule({"s": {"eventSource": "s3.amazonaws.com"}, "f": {"errorCode": "x"}, "condition": "s and not f"}),
        rule({"s": {"requestParameters.k": "v"}}),
        rule({"s": {"userIdentity.type": "Root", "additionalEventData.MFAUsed": "No"}}),
    )
    root = {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"}
    records = [
        event(eventID="0", eventSource="s3.amazonaws.com", eventName=None),
        event(eventID="1", eventSource="s3.amazonaws.com", errorCode="x", requestParameters={"k": "v"}),
        event(eventID="2", eventSource=None, requestParameters={"K": ["u", "V"]}),
        event(eventID="3", userIdentity=root, additionalEventData={"MFAUsed": "No"}),
        event(eventID="4", userIdentity=root, additionalEventData={"MFAUsed": "Yes"}),
    ]
    with log(*records) as engine:
        findings = detect(engine, asked).findings
    assert sorted(id_ for each in findings for id_ in each["event_ids"]) == ["0", "1", "2", "3"]
