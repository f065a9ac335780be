"""JSON as values and as canonical text, for numbers and depths that Python's json alone does not take."""

from __future__ import annotations

import json

import pytest

from pipeline.records import rebuild
from pipeline.records.normalize import Builder
from pipeline.records.plain import canonical, parse
from tests.logs import event, without_nulls


def test_parse_reads_what_json_does() -> None:
    text = '{"a":[1,-0,1.50,1e5,null,true,"x"],"a2":{"b":12345678901234567890},"c":1e400}'
    assert parse(text) == json.loads(text)


def test_a_number_longer_than_python_reads_is_beyond_every_double() -> None:
    assert parse("[" + "1" * 5_000 + "]") == [float("inf")]


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ('{"a":1.50,"b":null}', '{ "a" : 1.5 }', True),
        ('{"a":1,"b":2}', '{"b":2,"a":1}', True),
        ('{"a":"\\u0041"}', '{"a":"A"}', True),
        ('{"a":0.1}', '{"a":0.10000000000000000001}', False),
        ('{"a":1e400}', '{"a":1e500}', False),
        ('{"a":1e-400}', '{"a":0.0}', False),
        ('{"a":1e9999999999999999999}', '{"a":1e99999999999999999999}', False),
        (f'{{"a":{"1" * 5_000}}}', f'{{"a":{"1" * 4_999}2}}', False),
        ('{"a":[null]}', '{"a":[]}', False),
    ],
)
def test_canonical_tells_different_records_apart(left: str, right: str, equal: bool) -> None:
    assert (canonical(left) == canonical(right)) is equal


@pytest.mark.parametrize(
    "odd",
    ["1" * 5_000, "[" * 600 + "]" * 600, '{"a":' * 400 + "1e400" + "}" * 400, "0.10000000000000000001", '"\\ud800"'],
    ids=["long", "deep list", "deep object", "precise", "half a surrogate"],
)
@pytest.mark.parametrize("member", ["unknown", "requestParameters", "userIdentity", "resources"])
@pytest.mark.parametrize("base", [event(), event(eventID=None), event(eventCategory="Insight")])
def test_what_python_hardly_reads_is_stored_to_the_letter(base: dict[str, object], member: str, odd: str) -> None:
    plain = {name: each for name, each in base.items() if name != member}
    text = json.dumps(plain)[:-1] + f', "{member}": {odd}}}'
    builder = Builder()
    assert builder.add(0, 0, text.encode())
    part = builder.build()
    if part.others:
        assert part.others[0]["record"] == text
        return
    row = part.events.to_pylist()[0]
    assert odd.encode() in rebuild.text(row)
    assert rebuild.record(row).keys() == without_nulls(plain).keys() | {member}
