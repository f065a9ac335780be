"""Many generated rules at once over generated events: the one scan finds what a naive reading of each rule finds."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.detect.run import detect
from tests.detect.naive import meets
from tests.detect.sigma import log, rule, rules
from tests.logs import event

WORDS = [
    "a",
    "A",
    "b",
    "ab",
    "aB*",
    "a*b",
    "a?b",
    "a\\b",
    "%",
    "_",
    "a_b",
    "",
    "5",
    "5.5",
    "-1",
    "true",
    "10.0.0.1",
    "é",
]
TEXT = st.sampled_from(WORDS)
SCALAR = st.one_of(TEXT, st.sampled_from([5, -1, 0, 5.5, True, False, None]))
NAMES = ["A", "a", "B", "AB", "Ab"]
PLACES = [
    *("eventName", "EVENTNAME", "eventSource", "userAgent", "errorCode", "userIdentity.type", "readOnly"),
    *("userIdentity.sessionContext.sessionIssuer.userName", "sourceIPAddress", "resources.ARN"),
    *("requestParameters.k", "requestParameters.K.k", "requestparameters.list.k", "additionalEventData.k"),
    *("k", "list.k", "newMember", "userIdentity.newMember.k"),
]
PATTERN = st.lists(
    st.sampled_from(["a", "B", "b", "*", "?", "\\*", "\\?", "\\\\", "%", "_", "5", "é"]), max_size=4
).map("".join)
KEY = st.sampled_from(["k", "K", "list"])
OPEN = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3), max_leaves=6
)
OFTEN = ["", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "plain"]
SELDOM = ["|contains|all", "|neq", "|exists", "|gt", "|lte", "|cidr", "|re", "|re|i"]
REFERRED = ["|fieldref", "|fieldref|contains", "|fieldref|neq"]


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


@st.composite
def record(draw: st.DrawFn) -> dict[str, Any]:
    issuer = {"type": "Role", "userName": draw(TEXT)}
    identity: dict[str, Any] = {
        "type": draw(TEXT),
        "sessionContext": draw(optional(st.just({"sessionIssuer": issuer}))),
    }
    if draw(st.booleans()):
        identity["newMember"] = draw(OPEN)
    changes: dict[str, Any] = {
        "eventName": draw(optional(st.sampled_from(NAMES))),
        "eventSource": draw(optional(TEXT)),
        "userAgent": draw(optional(TEXT)),
        "errorCode": draw(optional(TEXT)),
        "sourceIPAddress": draw(st.sampled_from(["10.0.0.1", "10.1.0.1", "2001:db8::1", "a.amazonaws.com", None])),
        "readOnly": draw(optional(st.booleans())),
        "userIdentity": draw(optional(st.just(identity))),
        "resources": draw(optional(st.lists(st.fixed_dictionaries({"ARN": TEXT}), max_size=2))),
        "requestParameters": draw(OPEN),
        "additionalEventData": draw(OPEN),
        "newMember": draw(OPEN),
    }
    return event(**changes)


@st.composite
def item(draw: st.DrawFn) -> tuple[str, Any]:
    place = draw(st.sampled_from(PLACES))
    kind = draw(st.sampled_from([*OFTEN * 3, *SELDOM, *REFERRED]))
    if kind == "plain":
        return place, draw(st.one_of(SCALAR, st.lists(SCALAR, max_size=3)))
    if kind == "|exists":
        return place + kind, draw(st.booleans())
    if kind in ("|gt", "|lte"):
        return place + kind, draw(st.sampled_from([-1, 0, 5, 5.25]))
    if kind == "|cidr":
        return place + kind, draw(st.sampled_from(["10.0.0.0/16", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"]))
    if kind.startswith("|re"):
        return place + kind, draw(st.sampled_from(["^a", "b$", "^A?b", "[5é]", "a.b", "", "^$"]))
    if kind.startswith("|fieldref"):
        return place + kind, draw(st.sampled_from(PLACES))
    return place + kind, draw(st.one_of(PATTERN, st.lists(PATTERN, min_size=1, max_size=3)))


SELECTION = st.one_of(
    st.lists(item(), min_size=1, max_size=3).map(dict),
    st.lists(st.lists(item(), min_size=1, max_size=2).map(dict), min_size=1, max_size=2),
)
TREE = st.recursive(
    st.sampled_from(["s", "t", "f"]),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=4,
)  # fmt: skip


def written(tree: Any) -> str:
    if isinstance(tree, str):
        return tree
    word, *parts = tree
    return f"not ({written(parts[0])})" if word == "not" else f"({f' {word} '.join(map(written, parts))})"


RULE = st.tuples(st.fixed_dictionaries({"s": SELECTION, "t": SELECTION, "f": SELECTION}), TREE)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(record(), min_size=8, max_size=16), st.lists(RULE, min_size=8, max_size=16))
def test_the_scan_finds_what_a_naive_reading_finds(records: list[dict[str, Any]], made: list[Any]) -> None:
    records = [each | {"eventID": f"e{number}"} for number, each in enumerate(records)]
    documents = [
        rule({**detection, "condition": written(tree)}, name=f"r{number}", title=f"r{number}")
        for number, (detection, tree) in enumerate(made)
    ]
    ruleset = rules(*documents)
    assert ruleset.refused == []
    with log(*records) as engine:
        detected = detect(engine, ruleset)
    assert detected.refused == []
    found: dict[str, set[str]] = {}
    for finding in detected.findings:
        found.setdefault(finding["title"], set()).update(finding["event_ids"])
    for number, (detection, tree) in enumerate(made):
        expected = {each["eventID"] for each in records if meets(each, detection, tree)}
        assert found.get(f"r{number}", set()) == expected, documents[number]["detection"]
