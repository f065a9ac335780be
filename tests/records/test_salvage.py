"""What is left of a broken object: every good record of it, and every other byte refused, at a bounded cost."""

from __future__ import annotations

import json

import pytest

from pipeline.records import brackets
from pipeline.records.decode import ObjectError, Refused, inflate, records
from pipeline.records.normalize import Builder, add_object
from pipeline.records.salvage import PATIENCE
from tests.logs import event

A, B = b'{"eventID":"a"}', b'{"eventID":"b"}'
EVENT = json.dumps(event()).encode()


def pieces(data: bytes) -> list[str | bytes]:
    """The records' ids as text, what was refused as bytes."""
    return [each.raw if isinstance(each, Refused) else json.loads(bytes(each))["eventID"] for each in records(data)]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (A + B, ["a", "b"]),
        (b'{"Records":[%s]}{"Records":[%s]}' % (A, B), ["a", "b"]),
        (b"[%s]\n\n [%s]" % (A, B), ["a", "b"]),
        (b'{"Records":[%s]}{"Records":[x,%s]}' % (A, B), ["a", b"x", "b"]),
        (b'{"Records":[%s]} junk' % A, ["a", b"junk"]),
        (b'{"Records":[%s]}{"Rec' % A, ["a", b'{"Rec']),
        (b'{"Records":[%s,{"x":}},%s]}' % (A, B), ["a", b'{"x":}', b",%s]}" % B]),
        (b'{"Records":[%s%s]}' % (A, B), ["a", "b"]),
        (b'{"Records":[%s,,%s,]}' % (A, B), ["a", "b"]),
        (b'{"x":1,"Records":[%s,nope,%s],"y":[2]}' % (A, B), ["a", b"nope", "b"]),
        (b'{"Events":[{"CloudTrailEvent":"{\\"eventID\\":\\"a\\"}"},nope]}', ["a", b"nope"]),
        (b'{"eventID":\n%s\n%s' % (A, B), [b'{"eventID":', "a", "b"]),
        (b'%s\n{"Records":[%s,nope]}\n' % (A, B), ["a", "b", b"nope"]),
        (b'{"x":[1],"Records":[%s,{"eventID":"\\ud800"}],"y":2}' % A, ["a", "\ud800"]),
        (b'{"eventID":"a","eventTime":"t","Records":[1]}', ["a"]),
        (b'[{"eventID":"a","s":"\\\\\\""},x]', ["a", b"x"]),
    ],
    ids=[
        *("values in a row", "objects in a row", "lists in a row", "a broken one in a row", "junk after"),
        *("the last one truncated", "a bracket too many", "no comma", "too many commas", "members around", "lookup"),
        *("first line broken", "a list in a line", "half a surrogate", "a record with Records", "escapes"),
    ],
)
def test_every_byte_is_a_record_or_refused(data: bytes, found: list[str | bytes]) -> None:
    assert pieces(data) == found


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_only_python_reads_is_no_json(number: bytes) -> None:
    assert pieces(b'[%s,{"eventID":%s}]' % (A, number)) == ["a", b'{"eventID":%s}' % number]


@pytest.mark.parametrize("value", [b"1,", b"{},", b'"\\ud800",'])
def test_an_object_of_rubbish_is_refused_in_few_pieces(value: bytes) -> None:
    builder = Builder()
    list(add_object(builder, 0, b"[" + value * (3 * PATIENCE) + EVENT + b"]"))
    refused = builder.build().refused
    assert len(refused) == PATIENCE + 2
    assert EVENT in refused[-1][2].raw
    assert "was not searched" in refused[-1][2].reason


def test_lines_of_rubbish_are_refused_in_few_pieces() -> None:
    found = list(records(A + b"\n" + b"x\n" * (3 * PATIENCE) + B))
    assert len(found) == 1 + PATIENCE + 2
    assert isinstance(found[-1], Refused) and found[-1].raw.endswith(B)


def test_rubbish_among_as_many_records_does_not_stop_the_search() -> None:
    found = list(records((A + b"\nx\n") * (2 * PATIENCE)))
    assert len(found) == 4 * PATIENCE


@pytest.mark.parametrize(
    "data",
    [
        b'["' + rb"\"" * 2_000_000,
        b'["' + b"\\" * 4_000_001,
        b"[" * 4_000_000,
        b'{"Records":[' + b"[]," * 1_300_000,
        b"[" + b"[]," * 1_300_000 + b"x]",
        b"{}" * 2_000_000,
    ],
    ids=["quotes that do not end", "backslashes", "brackets", "truncated", "empty lists", "empty objects"],
)
def test_no_text_takes_for_ever(data: bytes) -> None:
    """Each of these took minutes, or would not have ended, when the text was searched by a regular expression."""
    with pytest.raises(ObjectError):
        list(records(data))


def test_a_million_gzip_members_do_not_take_for_ever() -> None:
    import gzip

    assert inflate(gzip.compress(b"") * 300_000 + gzip.compress(A), 100) == A


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_cutting_does_not_depend_on_where_a_part_ends(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [b'{"a":"\\\\\\"]}"}', b'"\\\\\\\\"', b'[[],"\\"",{}]', b'"' + b"\\" * 8 + b'"', b"1"]
    monkeypatch.setattr(brackets, "_STEP", step)
    data = b"[" + b",".join(texts) + b"] "
    spans, end = brackets.elements(data, 1)
    assert [data[begin:stop] for begin, stop in spans] == texts
    assert end == len(data) - 1
    assert brackets.values(data) == ([(0, len(data) - 1)], len(data) - 1)


def test_the_rest_of_a_record_behind_a_bracket_too_many_is_kept() -> None:
    """It looks like members of the object that holds the list, which are dropped where the object is whole."""
    deep = b"[" * 2_000 + b"]" * 2_001
    first, rest = b'{"eventID":"a"}', b',"eventName":"x","eventID":"b"}'
    found = list(records(b'{"Records":[' + first + b',{"awsRegion":' + deep + rest + b',{"eventID":"c"}]}'))
    texts = b" ".join(each.raw if isinstance(each, Refused) else bytes(each) for each in found)
    assert all(name in texts for name in (b'"a"', b'"b"', b'"c"'))
