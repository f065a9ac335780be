"""What is glanced at: a value's mark, what narrow columns decide, which events are then read whole."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.detect import candidates, crowds, kinds
from pipeline.detect.run import detect
from pipeline.detect.sigma import fields
from pipeline.detect.sigma.macros import MACROS
from tests.detect.sigma import log, rule, rules
from tests.logs import event

ALWAYS: dict[str, Any] = {"since": None, "until": None}
BEHIND = {"type": "value_count", "rules": ["a"], "timespan": "10m", "condition": {"gte": 3, "field": "eventName"}}


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (None, "none"),
        ({"key": "x"}, "one"),
        ({"key": ""}, "one"),
        ({"key": {"inner": 1}}, "one"),
        ({"key": None}, "one"),  # one at most
        ({"other": "x"}, "one"),
        ({"inner": {"key": "y"}, "key": "x"}, "one"),  # another path
        ({"KEY": "x"}, "many"),  # rather than to look twice at what is rare
        ({"key": "x", "Key": "y"}, "many"),
        ({"key": ["x", "y"]}, "many"),
        ({"key": "x", "list": []}, "many"),
        ({"key": "\u00e9"}, "many"),  # stands escaped in the text, as a name may
        ({"\u212aey": "x"}, "many"),  # the Kelvin sign, whose small letter is k
    ],
)
def test_requests_are_told_apart_that_may_hold_different_values(request_: Any, told: str) -> None:
    mark = fields.field("requestParameters.key").mark
    with log(event(eventID="0", requestParameters=request_)) as engine:
        engine.con.execute(MACROS)
        found = engine.query(f"select {mark} as mark from events")["mark"][0].as_py()
    assert {None: "none", 0: "many"}.get(found, "one") == told


def test_every_spelling_of_a_name_is_known() -> None:
    """Of all characters DuckDB takes two beyond ASCII for small letters of it; a name is spelled in every way."""
    mark = fields.field("requestParameters.a.ki").mark
    texts = [f'{{"{a}":{{"{k}{i}":1}}}}' for a in "aA" for k in "kK\u212a" for i in "iI\u0130"]
    with log(event()) as engine:
        engine.con.execute(MACROS)
        code = "range(128, 1114112) as t(i) where not i between 55296 and 57343 and ascii(lower(chr(i::int))) < 128"
        rows = engine.query(f"select chr(i::int) as one, lower(chr(i::int)) as small from {code}").to_pylist()
        marks = engine.query(
            f"select {mark} as mark from (select unnest($texts) as requestParameters)", {"texts": texts}
        )
    assert {each["small"]: each["one"] for each in rows} == {"i": "\u0130", "k": "\u212a"}
    assert [each != 0 for each in marks["mark"].to_pylist()] == [True] + [False] * 17


def test_marks_of_values_in_lists_and_columns() -> None:
    one = [{"ARN": "arn:aws:s3:::a"}]
    records = [event(eventID=str(n), resources=each, userAgent="u") for n, each in enumerate([one, one * 2, [], None])]
    with log(*records) as engine:
        marks = ", ".join(fields.field(name).mark for name in ("resources.ARN", "userAgent"))
        rows = engine.query(f"select unnest([{marks}]::hugeint[]) as mark from events order by eventID").to_pylist()
    listed = [row["mark"] for row in rows[::2]]
    assert listed[0] and listed[1:] == [0, None, None] and all(row["mark"] for row in rows[1::2])


def chosen(*documents: dict[str, Any], records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The chosen events, `sure` and `left` saying whether some rule is met for sure, or left open."""
    asked = rules(*documents)
    assert asked.refused == []
    numbers = {each.about.id: number for number, each in enumerate(asked.rules)}
    with log(*records) as engine:
        engine.con.execute(MACROS)
        found = kinds.find(engine, [each.condition for each in asked.rules], ALWAYS)
        candidates.choose(engine, asked.rules, asked.correlations, numbers, found, ALWAYS)
        rows: list[dict[str, Any]] = engine.query(
            f"select eventID as id, s0 <> 0 as sure, m0 <> 0 as left from {candidates.TABLE}"
            f" join events_by_file on {' and '.join(f'{sql} = {name}' for name, sql in crowds.EVENT.items())}"
            " order by all"
        ).to_pylist()
    return rows


def test_narrow_columns_decide_and_a_request_without_the_name_is_not_read() -> None:
    by_agent = rule(
        {"s": {"userAgent|contains": "odd"}, "f": {"sourceIPAddress": "1.1.1.1"}, "condition": "s and not f"}
    )
    by_request = rule({"s": {"requestParameters.acl": "public"}})
    records = [
        event(eventID="0", userAgent="An ODD one", sourceIPAddress="2.2.2.2"),
        event(eventID="1", userAgent="An odd one", sourceIPAddress="1.1.1.1"),
        event(eventID="2", requestParameters={"name": "x"}),
        event(eventID="3", requestParameters={"Acl": "private"}),
    ]
    found = chosen(by_agent, by_request, records=records)
    assert found == [{"id": "0", "sure": True, "left": False}, {"id": "3", "sure": False, "left": True}]


def test_an_event_that_two_accounts_were_told_of_is_two() -> None:
    """Its id is the same in both logs, and what the rule asks of it is not."""
    foreign = rule({"s": {"eventName": "AssumeRole"}, "own": {"userIdentity.accountId|fieldref": "recipientAccountId"},
                    "condition": "s and not own"})  # fmt: skip
    caller = {"type": "AWSAccount", "accountId": "444455556666"}
    records = [
        event(eventID="0", eventName="AssumeRole", recipientAccountId=each, userIdentity=caller)
        for each in ("111122223333", "444455556666")
    ]
    with log(*records) as engine:
        (finding,) = detect(engine, rules(foreign)).findings
    assert (finding["count"], finding["account"]) == (1, "111122223333")


@pytest.mark.parametrize(("busy", "read"), [(1, ["3", "4", "5"]), (100, ["0", "1", "2", "3", "4", "5"])])
def test_only_crowds_are_read_for_a_correlation(busy: int, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three names within two stretches of ten minutes; before them two, an hour earlier, and another's."""
    monkeypatch.setattr(candidates, "_BUSY", busy)
    part = rule({"s": {"eventSource": "s3.amazonaws.com"}}, name="a")
    behind = {"title": "behind", "level": "low", "correlation": BEHIND | {"group-by": ["sourceIPAddress"]}}
    told = [("10:00:00", "A", "1"), ("10:01:00", "B", "1"), ("11:00:00", "A", "2"), ("11:00:00", "A", "1"),
            ("11:09:59", "B", "1"), ("11:19:59", "C", "1")]  # fmt: skip
    records = [
        event(eventID=str(n), eventTime=f"2026-10-01T{at}Z", eventName=name, sourceIPAddress=where,
              eventSource="s3.amazonaws.com")
        for n, (at, name, where) in enumerate(told)
    ]  # fmt: skip
    assert [each["id"] for each in chosen(part, behind, records=records)] == read


def test_parts_of_an_order_must_lie_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One part alone in stretches that follow each other is no order of two; keys in wide columns are not looked at."""
    monkeypatch.setattr(candidates, "_BUSY", 1)
    first = rule({"s": {"eventName": "CreateKeyPair"}}, name="a")
    second = rule({"s": {"eventName": "RunInstances"}}, name="b")
    order = {
        "type": "temporal_ordered",
        "rules": ["a", "b"],
        "timespan": "1h",
        "group-by": ["requestParameters.keyName"],
    }
    told = [("08:10", "RunInstances"), ("09:10", "RunInstances"), ("12:59", "CreateKeyPair"), ("13:01", "RunInstances")]
    records = [
        event(eventID=str(n), eventTime=f"2026-10-01T{at}:00Z", eventName=name, eventSource="ec2.amazonaws.com")
        for n, (at, name) in enumerate(told)
    ]
    found = chosen(first, second, {"title": "order", "level": "low", "correlation": order}, records=records)
    assert [each["id"] for each in found] == ["2", "3"]


def test_groups_alike_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """More correlations than a number has bits, each over the same groups: the n-th asks for n names more than two."""
    monkeypatch.setattr(candidates, "_BUSY", 1)
    monkeypatch.setattr(crowds, "BITS", 2)
    parts = [rule({"s": {"eventName": f"Name{n}*"}}, name=f"part{n}") for n in range(5)]
    behind = [
        {"title": f"behind {n}", "level": "low", "correlation": BEHIND | {
            "rules": [f"part{n}"], "group-by": ["sourceIPAddress"], "condition": {"gte": 3 + n, "field": "eventName"}}}
        for n in range(5)
    ]  # fmt: skip
    records = [
        event(eventID=f"{n}{each}", eventTime="2026-10-01T10:00:00Z", eventName=f"Name{n}{each}", sourceIPAddress="1")
        for n in range(5)
        for each in range(5)
    ]
    found = {each["id"][0] for each in chosen(*parts, *behind, records=records)}
    assert found == {"0", "1", "2"}  # five names are enough for three, four and five
