"""Every record can be rebuilt from its row, equal as JSON: known members, unknown ones, and odd values of either."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.records import normalize, rebuild
from pipeline.records.schema import OPEN, RECORD
from tests.logs import event, without_nulls

TEXT = st.text(max_size=12)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
ANY = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)


def of_type(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Mostly values of the schema's type, members missing or unknown now and then, and sometimes anything at all."""
    if pa.types.is_struct(kind):
        known = st.fixed_dictionaries({}, optional={each.name: of_type(each.type) for each in kind})
        right: st.SearchStrategy[Any] = st.builds(
            lambda a, b: {**b, **a}, known, st.dictionaries(TEXT, ANY, max_size=2)
        )
    elif pa.types.is_list(kind):
        right = st.lists(of_type(kind.value_type), max_size=3)
    elif pa.types.is_map(kind):
        right = st.dictionaries(TEXT, TEXT, max_size=3)
    elif pa.types.is_boolean(kind):
        right = st.booleans()
    else:
        right = TEXT
    return st.one_of(right, right, right, ANY)


def members() -> st.SearchStrategy[dict[str, Any]]:
    known = {each.name: ANY if each.name in OPEN else of_type(each.type) for each in RECORD if each.name != "eventTime"}
    return st.builds(
        lambda known, unknown, moment: {**unknown, **known, "eventTime": moment},
        st.fixed_dictionaries({}, optional=known),
        st.dictionaries(TEXT, ANY, max_size=3),
        st.sampled_from(
            ["2014-02-03T04:05:06Z", "2026-10-01T10:00:00.123Z", "20131102T010628Z", "2026-10-01T10:00:00+02:00"]
        ),
    ).filter(lambda record: not _elsewhere(record))


def _elsewhere(record: dict[str, Any]) -> bool:
    """Digests, insights and aggregated records are not events."""
    return record.get("eventCategory") in ("Insight", "Aggregated") or "digestStartTime" in record


@given(record=members())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_record_comes_back(record: dict[str, Any]) -> None:
    table = normalize.to_table([record])
    assert without_nulls(rebuild.record(table.to_pylist()[0])) == without_nulls(record)


@given(records=st.lists(members(), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_fast_and_slow_path_agree(records: list[dict[str, Any]]) -> None:
    data = json.dumps({"Records": records}).encode()
    fast, slow = normalize.Builder(), normalize.Builder()
    if fast.add_whole(0, data):
        for position, record in enumerate(records):
            slow.add(0, position, json.dumps(record).encode())
        assert fast.build().events.equals(slow.build().events)


def test_plain_records_take_the_fast_path_and_agree_with_the_slow_one() -> None:
    records = [event(), event(userIdentity=None), event(readOnly=None, errorCode="AccessDenied", errorMessage="no")]
    fast, slow = normalize.Builder(), normalize.Builder()
    assert fast.add_whole(0, json.dumps({"Records": records}).encode())
    for position, record in enumerate(records):
        slow.add(0, position, json.dumps(record).encode())
    assert fast.build().events.equals(slow.build().events)


def test_open_fields_keep_their_text_to_the_letter() -> None:
    text = '{ "b" : 1.50,\t"a":[ 1e2 , null ] , "big":123456789012345678901234567890 }'
    data = (
        b'{"Records":[{"eventTime":"2026-10-01T10:00:00Z","eventID":"e","requestParameters":' + text.encode() + b"}]}"
    )
    for whole in (True, False):
        builder = normalize.Builder()
        if whole:
            assert builder.add_whole(0, data)
        else:
            builder.add(0, 0, data[len(b'{"Records":[') : -2])
        assert builder.build().events["requestParameters"].to_pylist() == [text]


def test_lone_surrogates_and_repeated_members_survive() -> None:
    raw = rb'{"eventTime":"2026-10-01T10:00:00Z","eventName":"a","eventName":"b",'
    raw += rb'"userAgent":"\ud800x","\udc00":{"k":"\ud801"}}'
    builder = normalize.Builder()
    builder.add(0, 0, raw)
    row = builder.build().events.to_pylist()[0]
    assert rebuild.record(row) == json.loads(raw)
    assert (row["eventName"], row["userAgent"]) == ("b", None)


def records_of(folder: Path) -> list[tuple[Path, list[dict[str, Any]]]]:
    found = []
    for path in sorted(folder.rglob("*.json*")):
        data = path.read_bytes()
        found.append((path, json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)["Records"]))
    return found


def check_folder(folder: Path) -> int:
    checked = 0
    for path, records in records_of(folder):
        rows = normalize.to_table(records).to_pylist()
        for record, row in zip(records, rows, strict=True):
            assert without_nulls(rebuild.record(row)) == without_nulls(record), path
            checked += 1
    return checked


@pytest.mark.real_logs
def test_real_logs_come_back(real_logs: Path) -> None:
    assert check_folder(real_logs / "invictus") == 2900


def test_sample_logs_come_back(sample_logs: Path) -> None:
    assert check_folder(sample_logs / "cloudtrail") >= 5000
