"""Shapes in, records out; and what becomes of bytes that are none of them."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records.decode import ObjectError, Refused, inflate, records

A, B = {"eventID": "a", "n": 1.50}, {"eventID": "b"}
LIMIT = 1 << 20


def ids(data: bytes) -> list[str]:
    return [json.loads(bytes(each))["eventID"] for each in records(data)]


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({"Records": [A, B]}).encode(),
        json.dumps({"Records": [A, B]}, indent=2).encode(),
        b"\xef\xbb\xbf" + json.dumps({"Records": [A, B]}).encode(),
        json.dumps([A, B]).encode(),
        f"{json.dumps(A)}\n{json.dumps(B)}\n".encode(),
        f"{json.dumps(A)}\r\n\r\n{json.dumps(B)}".encode(),
        json.dumps(
            {"Events": [{"EventId": each["eventID"], "CloudTrailEvent": json.dumps(each)} for each in (A, B)]}
        ).encode(),
        "\n".join(
            json.dumps({"version": "0", "detail-type": "AWS API Call via CloudTrail", "detail": each})
            for each in (A, B)
        ).encode(),
        b'{"Records":[{"eventID":"a"}]}\n{"Records":[{"eventID":"b"}]}',
    ],
    ids=["records", "indented", "bom", "list", "ndjson", "crlf", "lookup", "eventbridge", "objects a line"],
)
def test_shapes(data: bytes) -> None:
    assert ids(data) == ["a", "b"]


def test_single_object() -> None:
    assert ids(json.dumps(A).encode()) == ["a"]


@pytest.mark.parametrize("around", ["{}", "[{}]", '{{"Records":[{}]}}', "{}\n"])
def test_a_lone_surrogate_is_json(around: str) -> None:
    record = r'{"eventID":"a","userAgent":"\ud800"}'
    assert ids(around.format(record).encode()) == ["a"]


def test_no_records_is_no_error() -> None:
    assert list(records(b'{"Records":[]}')) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"hello", "is no JSON"),
        (b'{"Records":[{"eventID":"a"},{"eventI', "is no valid JSON"),
        (b'{"Records":{}}', 'has "Records" or "Events" that is no list'),
        (b'{"a":', "is no valid JSON"),
        (b'["a', "is no valid JSON"),
    ],
)
def test_an_object_without_records_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(ObjectError, match=reason.replace("[", r"\[")):
        list(records(data))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"eventID": nope}', "is no valid JSON"),
        (b'{"eventID":"x","deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "is nested too deeply"),
    ],
)
def test_a_bad_record_costs_only_itself(bad: bytes, reason: str) -> None:
    data = b'{"Records":[{"eventID":"a","t":"]}\\"["},' + bad + b',{"eventID":"b"}]}'
    found = list(records(data))
    assert [json.loads(bytes(each))["eventID"] for each in found if not isinstance(each, Refused)] == ["a", "b"]
    refused = found[1]
    assert isinstance(refused, Refused)
    assert refused.raw == bad
    assert refused.reason.startswith(reason)


def test_a_bad_line_costs_only_itself() -> None:
    found = list(records(b'{"eventID":"a"}\n{"eventID":\n{"eventID":"b"}'))
    assert [isinstance(each, Refused) for each in found] == [False, True, False]


def test_half_a_surrogate_beside_the_record_of_a_lookup_page_costs_nothing() -> None:
    page = (
        b'{"Events":[{"EventId":"\\ud800","CloudTrailEvent":"{\\"eventID\\":\\"a\\"}"},{"CloudTrailEvent":"\\ud800"}]}'
    )
    found = list(records(page))
    assert found[0] == b'{"eventID":"a"}'
    assert isinstance(found[1], Refused)  # half a surrogate in the record's own text is no record


def test_a_lookup_page_without_the_record_is_refused() -> None:
    for element in (b'{"EventId":"x"}', b'{"EventId":"x","CloudTrailEvent":""}', b'{"CloudTrailEvent":" "}'):
        (found,) = records(b'{"Events":[' + element + b"]}")
        assert isinstance(found, Refused) and found.raw == element


def test_gzip_is_told_by_its_bytes_and_members_are_joined() -> None:
    assert inflate(b"plain", LIMIT) == b"plain"
    assert inflate(gzip.compress(b"one") + gzip.compress(b"two"), LIMIT) == b"onetwo"
    assert inflate(gzip.compress(b"one") + b"\0" * 512, LIMIT) == b"one"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(b"x" * 1000)[:-9], "truncated"),
        (gzip.compress(b"x" * 1000)[:5], "truncated"),
        (gzip.compress(bytes(range(256)) * 9)[:-8] + b"\1" * 8, "damaged"),
        (gzip.compress(b"one") + b"junk", "no gzip follow"),
        (gzip.compress(b"\0" * (LIMIT + 1)), "more than the limit"),
        (b"x" * (LIMIT + 1), "more than the limit"),
    ],
    ids=["short", "shorter", "checksum", "junk after", "bomb", "large"],
)
def test_bad_gzip_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(ObjectError, match=reason):
        inflate(data, LIMIT)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ \n01aRecords', max_size=60).map(str.encode))
def test_any_bytes_give_records_or_a_reason(data: bytes) -> None:
    try:
        for each in records(inflate(data, LIMIT)):
            assert bytes(each.raw if isinstance(each, Refused) else each)
    except ObjectError as error:
        assert str(error)
