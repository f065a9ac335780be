"""Makes log objects that are nearly right: real records in real shapes, with a few things wrong at any level.

Everything comes from one `random.Random`, so that an input is known by its seed, whoever draws it: hypothesis,
a plain loop of a million, or libFuzzer's mutator. JSON is written by `encode`, since what breaks readers (members
twice, numbers no machine holds, half a surrogate, bytes that are no UTF-8) is what no JSON library writes.
"""

from __future__ import annotations

import gzip
import json
from random import Random
from typing import Any

from tests.logs import ACCOUNT, event

MARK = "mark-%06d"


class Members(list[tuple[str, Any]]):
    """A JSON object as its members in order; names may repeat."""


class Text(bytes):
    """JSON text to be written as it stands, valid or not."""


OTHERS: list[dict[str, Any]] = [
    {"eventCategory": "Insight", "eventTime": "2026-10-01T10:00:00Z", "eventType": "AwsCloudTrailInsight"},
    {"eventCategory": "Aggregated", "timeWindow": {"windowStart": "2026-10-01T10:00:00Z"}, "summary": {}},
    {"digestStartTime": "2026-10-01T10:00:00Z", "digestEndTime": "2026-10-01T11:00:00Z", "logFiles": []},
]
_EVENTS = [
    event(),
    event(readOnly=False, requestParameters={"roleArn": f"arn:aws:iam::{ACCOUNT}:role/x", "bucketName": "b"}),
    event(eventVersion="1.0", eventID=None, eventCategory=None, errorCode="AccessDenied", errorMessage="no"),
    event(userIdentity={"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/a", "accessKeyId": "AKIAX"}),
    event(userIdentity={"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}, sourceIPAddress="ec2.amazonaws.com"),
    event(
        userIdentity={
            "type": "IdentityCenterUser",
            "onBehalfOf": {"userId": "u", "identityStoreArn": "arn:aws:identitystore::1:identitystore/d-1"},
            "sessionContext": {"webIdFederationData": {"federatedProvider": "p", "attributes": {"k": "v"}}},
        }
    ),
    event(eventName="ConsoleLogin", responseElements={"ConsoleLogin": "Failure"}, sourceIPAddress="2001:db8::1"),
    event(
        resources=[{"ARN": "arn:aws:s3:::b/k", "type": "AWS::S3::Object"}, {"accountId": ACCOUNT}],
        addendum={"reason": "UPDATED_DATA", "updatedFields": "x"},
        sharedEventID="s",
        additionalEventData={"n": 1.50, "list": [1, None]},
        serviceEventDetails={"a": "b"},
    ),
]
# `event` draws its ids anew; here an input should be the same whenever it is made.
BASES = [{**each, "requestID": "b6a9d3a2-4c1f-4f57-9f0e-0d2a4c6e8f10"} for each in _EVENTS] + OTHERS
TIMES = [
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "2026-10-01",
    "20131102",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01T00:00:00Z",
    "-001-01-01T00:00:00Z",
    "2026-10-01T10:00:60Z",
    "2026-02-30T10:00:00Z",
    "2026-10-01T10:00:00.1Z",
    "2026-10-01T10:00:00.123456789Z",
    "2026-10-01T10:00:00,5Z",
    "20131102T010628Z",
    "2026-W40-4",
    "2026-10-01T24:00:00Z",
    "2026-10-01t10:00:00z",
    "2026-10-01T10:00:00+02:00",
    "2026-10-01T10:00",
    "1700000000",
    "now",
    "2026-10-01T10:00:00+23:59:59.999999",
    "2026-10-01T10:00:00-00:00",
    "1969-12-31T23:59:59Z",
    "1600-01-01T00:00:00Z",
]
TIMES += [
    "",
    " 2026-10-01T10:00:00Z",
    "2026-10-01T10:00:00Z ",
    "2026-10-01T10:00:00Z\n",
    "2026-10-01 10:00:00Z",
    "２０２６",
]
ADDRESSES = ["fe80::1%eth0", "::ffff:1.2.3.4%x", "1.2.3.4/24", "300.1.1.1", "AWS Internal", ".amazonaws.com", "x" * 99]
ODD: list[Any] = [
    *(None, True, False, "", [], {}, [None], [[]], [{}], {"": None}, {"a": {"b": [None, {"c": None}]}}, "null", "\0"),
    *("x\0y", "\ufeff", "\U0001f600", "\u2028", "<b>'\"\\", "Insight", "AwsCloudTrailInsight", "true", 0, 1, 2**53 + 1),
    *(-(2**63) - 1, 12345678901234567890, 1.5, "é" * 300),
    *map(Text, (b"-0", b"-0.0", b"1e400", b"-1E+400", b"1e-400", b"1E5", b"0.10000000000000000001", b"1" * 4301)),
    *map(Text, (rb'"\ud800"', rb'"\udc00\ud800x"', rb'"\ud83d\ude00"', rb'"\u0041\/\b"', rb'{"\ud800":1}')),
    *map(Text, (b"{ \"a\"\t:\n1.50 , \"a\" : 2 }", b'[1 ,\r2]', b'{"a":1,"\\u0061":2}', b'{"null":null}')),
]  # fmt: skip
WRONG = [
    *map(Text, (b"NaN", b"-Infinity", b"01", b"1.", b"+1", b"tru", b"nul", b"", b"'a'", b'"a', b'a"', b'"\\q"')),
    *map(Text, (b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\n"', b'"\0"', b"[1,]", b"{,}", b"[", b"}", b"]")),
    *map(Text, (b'{"a" 1}', b'{a:1}', b'{"a":1,}', b'[1 2]', b'"\\', b'"\\u12"', b"/*x*/1", b"\xef\xbb\xbf1", b"\\")),
]  # fmt: skip
NAMES = ["x", "", "eventName", "EventName", "eventID", "\0", "Records", "detail", "digestStartTime", "timeWindow", "é"]


def members_of(value: Any) -> Any:
    """The value with its objects as Members."""
    if isinstance(value, dict):
        return Members((name, members_of(each)) for name, each in value.items())
    return [members_of(each) for each in value] if isinstance(value, list) else value


def encode(rng: Random, value: Any) -> bytes:
    """JSON text, with white space here and there and names sometimes escaped."""
    if isinstance(value, Text):
        return bytes(value)
    gap = rng.choice((b"", b"", b"", b" ", b"\n", b"\t\r")) if rng.random() < 0.1 else b""
    if isinstance(value, dict):
        value = members_of(value)
    if isinstance(value, Members):
        pairs = [_string(rng, name) + gap + b":" + gap + encode(rng, each) for name, each in value]
        return b"{" + gap + (gap + b"," + gap).join(pairs) + gap + b"}"
    if isinstance(value, list):
        return b"[" + gap + (b"," + gap).join(encode(rng, each) for each in value) + gap + b"]"
    return _string(rng, value) if isinstance(value, str) else json.dumps(value).encode()


_ascii, _unicode = json.encoder.encode_basestring_ascii, json.encoder.encode_basestring  # type: ignore[attr-defined]


def _string(rng: Random, text: str) -> bytes:
    if text and rng.random() < 0.01:
        return b'"' + b"".join(b"\\u%04x" % ord(each) for each in text if ord(each) < 0x10000) + b'"'
    return (_ascii if rng.random() < 0.5 else _unicode)(text).encode("utf-8", "surrogatepass")


def odd(rng: Random) -> Any:
    """Any JSON value, seldom no JSON at all."""
    draw = rng.random()
    if draw < 0.03:
        return rng.choice(WRONG)
    if draw < 0.05:
        depth = rng.choice((3, 50, 200, 450, 600, 1500))
        return Text(rng.choice((b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth)))
    if draw < 0.06:
        return "long" * rng.choice((100, 5_000))
    return members_of(rng.choice(TIMES)) if draw < 0.15 else members_of(rng.choice(ODD))


def spoil(rng: Random, value: Any) -> Any:
    """The value with one thing changed somewhere inside; objects are Members."""
    if not isinstance(value, list) or not value or rng.random() < 0.1:
        return odd(rng) if rng.random() < 0.7 else rng.choice(([value], Members([("type", value)])))
    at = rng.randrange(len(value))
    changed = type(value)(value)
    if not isinstance(value, Members):
        changed[at] = spoil(rng, value[at])
        return changed
    name, inner = value[at]
    draw = rng.random()
    if draw < 0.55:
        changed[at] = (name, _fitting(rng, name) if rng.random() < 0.3 else spoil(rng, inner))
    elif draw < 0.65:
        del changed[at]
    elif draw < 0.8:
        changed.insert(rng.randrange(len(value) + 1), (rng.choice((name, name, *NAMES)), odd(rng)))
    elif draw < 0.9:
        changed[at] = (rng.choice((name.upper(), name + "x", *NAMES)), inner)
    else:
        rng.shuffle(changed)
    return changed


def _fitting(rng: Random, name: str) -> Any:
    if name == "eventTime" or name.endswith(("Time", "Date", "Start")):
        return rng.choice(TIMES)
    return rng.choice(ADDRESSES) if name == "sourceIPAddress" else odd(rng)


def record(rng: Random) -> Any:
    """A record, as a tree: its eventID a mark of its own, and none to four things in it changed."""
    base = rng.choice(BASES[:-3]) if rng.random() < 0.9 else rng.choice(BASES)
    tree = members_of({**base, **({"eventID": MARK % rng.randrange(10**6)} if base.get("eventID") else {})})
    for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
        tree = spoil(rng, tree)
    return tree


def container(rng: Random, texts: list[bytes]) -> bytes:
    """The records' texts in one of the shapes records come in."""
    shape = rng.randrange(10)
    if shape < 4:
        before, after = rng.choice([(b"", b"")] * 6 + [(b'"a":[1,{}],', b""), (b"", b',"b":"]"'), (b" ", b"\n")])
        return b"{" + before + b'"Records":[' + b",".join(texts) + b"]" + after + b"}"
    if shape == 4:
        return b"[" + rng.choice((b",", b" ,\n")).join(texts) + b"]"
    if shape == 5:
        return texts[0]
    if shape == 6:
        return rng.choice((b"\n", b"\r\n", b"\n\n")).join(texts) + rng.choice((b"", b"\n"))
    if shape == 7:
        pages = [
            b'{"EventId":"x","CloudTrailEvent":%s}' % json.dumps(each.decode("latin-1")).encode() for each in texts
        ]
        return b'{"Events":[' + b",".join(pages) + b"]}"
    if shape == 8:
        return b"\n".join(b'{"version":"0","detail-type":"x","detail":' + each + b"}" for each in texts)
    return rng.choice((b"", b" ", b"\n")).join(b'{"Records":[' + each + b"]}" for each in texts)


def damage(rng: Random, data: bytes) -> bytes:
    """The bytes with one place wrong: cut off, taken out, put in, doubled or swapped."""
    at = rng.randrange(len(data) + 1)
    to = min(len(data), at + rng.choice((1, 1, 2, 9, 300)))
    kind = rng.randrange(6)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[to:]
    if kind == 2:
        junk = rng.choice(
            (b"\0", b"\xff", b"\xef\xbb\xbf", b",", b'"', b"{", b"}", b"[", b"]", b"\\", b"\n", b":", b"x")
        )
        return data[:at] + junk + data[at:]
    if kind == 3:
        return data[:to] + data[at:]
    if kind == 4:  # a comma missing between two records or members
        comma = data.find(b",", at)
        return data[:comma] + data[comma + 1 :] if comma >= 0 else data
    return data[at:] + data[:at]


def pack(rng: Random, data: bytes) -> bytes:
    """The bytes compressed, in one member or several, now and then wrongly."""
    at = rng.randrange(len(data) + 1)
    packed = rng.choice(
        (gzip.compress(data, 1, mtime=0), gzip.compress(data[:at], 1, mtime=0) + gzip.compress(data[at:], 1, mtime=0))
    )
    draw = rng.random()
    if draw < 0.6:
        return packed
    return packed + rng.choice((b"\0" * 99, b"junk", packed)) if draw < 0.8 else damage(rng, packed)


def make(rng: Random) -> bytes:
    """One input: an object as it would lie in a bucket."""
    texts = [encode(rng, record(rng)) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    data = container(rng, texts)
    if rng.random() < 0.05:
        data = rng.choice((b"\xef\xbb\xbf", b" \n", b"\xff\xfe", b"\0")) + data
    if rng.random() < 0.25:
        data = damage(rng, data)
    return pack(rng, data) if rng.random() < 0.05 else data


def family(rng: Random) -> list[bytes]:
    """An input and three that come of it by damage, since damage is cheaper than making."""
    data = make(rng)
    hurt = damage(rng, data)
    return [data, hurt, damage(rng, hurt), damage(rng, data)]


def again(rng: Random, data: bytes) -> bytes:
    """An input made from another: something in its tree changed, or in its bytes where it is no JSON."""
    try:
        return encode(rng, spoil(rng, json.loads(data, object_pairs_hook=Members)))
    except (ValueError, RecursionError):
        return damage(rng, data) if rng.random() < 0.7 else make(rng)
