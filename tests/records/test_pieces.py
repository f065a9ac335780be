"""Records cut into pieces give the rows that records decoded one by one give, and hostile ones nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.records import normalize
from pipeline.records.decode import records
from pipeline.records.normalize import Builder
from pipeline.records.pieces import cut
from pipeline.records.rebuild import record
from tests.logs import event, without_nulls

ORDER = (
    *("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress"),
    *("userAgent", "errorCode", "errorMessage", "requestParameters", "responseElements", "additionalEventData"),
    *("requestID", "eventID", "readOnly", "resources", "eventType", "managementEvent", "recipientAccountId"),
    *("sharedEventID", "vpcEndpointId", "eventCategory", "tlsDetails"),
)
SHARED = "0b1a7f3e-2f5c-4a52-9c58-3a3c6f1c9d10"
BUCKET = [{"ARN": "arn:aws:s3:::b", "accountId": "111122223333", "type": "AWS::S3::Bucket"}]


@pytest.fixture(autouse=True, params=["cut", "outlines"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test on both fast paths: small objects are cut only where the limit is lifted."""
    if request.param == "cut":
        monkeypatch.setattr(normalize, "SMALL", 0)


def delivered(*found: dict[str, Any]) -> bytes:
    """An object as CloudTrail writes it: its order of members, no space."""
    ordered = [dict(sorted(each.items(), key=lambda pair: ORDER.index(pair[0]))) for each in found]
    return json.dumps({"Records": ordered}, separators=(",", ":")).encode()


def both(data: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the fast path and those of the slow one."""
    fast, slow = Builder(), Builder()
    assert fast.add_whole(0, data)
    for position, each in enumerate(records(data)):
        slow.add(0, position, each)
    return fast.build().events.to_pylist(), slow.build().events.to_pylist()


PLAIN = [
    event(),
    event(requestParameters=None, responseElements={"a": [1, {"b": 'x"y\\'}]}),
    event(additionalEventData={"k": 1.50}, resources=BUCKET, sharedEventID=SHARED, vpcEndpointId="vpce-1"),
    event(resources=BUCKET, errorCode="AccessDenied", errorMessage='no, "no"'),
    event(sharedEventID=SHARED, requestID=None),
    event(userAgent="čeština", sourceIPAddress="2001:db8::1"),
    event(userIdentity={"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}),
    event(eventName="ConsoleLogin", responseElements={"ConsoleLogin": "Failure"}),
]


def test_records_as_delivered_are_cut_and_come_back() -> None:
    data = delivered(*PLAIN)
    pieces = cut(data)
    assert pieces and not pieces.odd.any()
    fast, slow = both(data)
    assert fast == slow
    assert [record(row) for row in fast] == [without_nulls(each) for each in PLAIN]


# Members that only look like the ones at which a record is cut, members twice, in another order or of another type.
ODD = [
    event(requestParameters={"x": 1, "eventID": "no", "requestID": "no"}),
    event(requestParameters={"a": 1, "eventTime": "2020-01-01T00:00:00Z"}),
    event(responseElements={"a": {"b": 1, "resources": [], "eventType": "no"}}),
    event(tlsDetails={"tlsVersion": "v", "sharedEventID": SHARED}),
    event(tlsDetails={"tlsVersion": "v", "resources": [], "eventType": "no"}),
    event(eventID="short"),
    event(requestID='quote"d'),
    event(sharedEventID="not one"),
    event(readOnly="true"),
    event(userIdentity="anna"),
    event(resources=[1]),
    event(resources={"a": 1}),
    event(resources=[{"ARN": "a", "new": 1}]),
    event(tlsDetails={"tlsVersion": 3, "new": None}),
    event(eventTime="2026-10-01T10:00:00.5Z"),
]


@pytest.mark.parametrize("number", range(len(ODD)))
def test_an_odd_record_among_plain_ones_comes_back_in_its_place(number: int) -> None:
    given = [event(), ODD[number], event(), event()]
    fast, slow = both(delivered(*given))
    assert fast == slow
    assert [without_nulls(record(row)) for row in fast] == [without_nulls(each) for each in given]


def texts() -> list[bytes]:
    """Objects whose bytes have the marks of a delivered one at places where they mean something else."""
    plain = delivered(event(resources=BUCKET, sharedEventID=SHARED), event())
    return [
        plain.replace(b',"readOnly":true', b',"readOnly":true,"readOnly":false'),
        plain.replace(b',"readOnly":true', b',"eventVersion":"9","readOnly":true'),
        plain.replace(b',"readOnly":true', b',"n":{"a":1').replace(b'"eventType":"AwsApiCall"', b'"eventType":"x"}'),
        plain.replace(b',"readOnly":true', b',"n":[{"a":1').replace(b',"managementEvent":true', b'}],"b":{"c":1}'),
        plain.replace(b'"requestParameters":{', b'"requestParameters": {'),
        plain.replace(b'"requestID":"', b'"requestID":null,"x":"'),
        plain.replace(b'},{"eventVersion"', b'},{"x":{"y":[{"z":1},{"eventVersion":1}]},"eventVersion"'),
        plain + b"\n",
    ]


@pytest.mark.parametrize("number", range(len(texts())))
def test_bytes_that_mislead_give_what_the_slow_path_gives(number: int) -> None:
    data = texts()[number]
    given = json.loads(data)["Records"]
    builder, slow = Builder(), Builder()
    if not builder.add_whole(0, data):
        return
    for position, each in enumerate(records(data)):
        slow.add(0, position, each)
    rows = builder.build().events.to_pylist()
    assert rows == slow.build().events.to_pylist()
    assert [without_nulls(record(row)) for row in rows] == [without_nulls(each) for each in given]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b',"eventTime"', b',,"eventTime"'),
        (b',"readOnly"', b'"readOnly"'),
        (b',"eventSource"', b' "eventSource"'),
        (b'"requestParameters":{', b'"requestParameters":{{'),
        (b'"responseElements":null', b'"responseElements":nul'),
        (b'"eventCategory":"Management"', b'"eventCategory":"Management",'),
        (b"},{", b"}{"),
        (b"true", b"\xff"),
    ],
)
def test_what_is_no_json_is_not_taken_whole(old: bytes, new: bytes) -> None:
    data = delivered(event(), event()).replace(b',"requestID"', b',"responseElements":null,"requestID"')
    broken = data.replace(old, new)
    with pytest.raises(ValueError):
        json.loads(broken)
    builder = Builder()
    assert not builder.add_whole(0, broken) and builder.rows == 0
