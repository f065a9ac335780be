"""Fields in every place a record has, and conditions over fields that are missing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.detect.sigma import found, refusals, rule, rules, which
from tests.logs import event

ISSUER = {"type": "Role", "arn": "arn:aws:iam::111122223333:role/Admin", "userName": "Admin"}
ROLE = {"userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": ISSUER}}}
ROOT = {"userIdentity": {"type": "Root"}}
# AuthorizeSecurityGroupIngress as CloudTrail records it: lists stand inside `items`.
OPENED = {"ipPermissions": {"items": [{"ipRanges": {"items": [{"cidrIp": "10.0.0.0/8"}, {"cidrIp": "0.0.0.0/0"}]}}]}}
SURROGATE = '{"policyName": "\\ud83d", "twin": "\\ud83d\\ude00", "path": "C:\\\\ud800", "user": "Eve"}'


@pytest.mark.parametrize(
    ("name", "value", "changes", "expected"),
    [
        ("userIdentity.type", "root", [ROOT, ROLE, {"userIdentity": None}], [0]),
        ("USERIDENTITY.Type", "Root", [ROOT, ROLE], [0]),
        ("userIdentity.sessionContext.sessionIssuer.userName", "admin", [ROOT, ROLE], [1]),
        ("userIdentity.newMember.deep", "x", [{"userIdentity": {"type": "X", "newMember": {"deep": ["y", "X"]}}}], [0]),
        ("resources.ARN|endswith", ":b", [{"resources": [{"ARN": "a:a"}, {"ARN": "a:B"}]}, {"resources": []}], [0]),
        ("resources.kind", "x", [{"resources": [{"ARN": "a"}, {"ARN": "b", "kind": "X"}]}], [0]),
        ("readOnly", True, [{"readOnly": True}, {"readOnly": False}, {"readOnly": None}], [0]),
        ("eventTime|startswith", "2026-10-01t10", [{}, {"eventTime": "2026-10-01T11:00:00Z"}], [0]),
        (
            "requestParameters.ipPermissions.items.ipRanges.items.cidrIp",
            "0.0.0.0/0",
            [{"requestParameters": OPENED}],
            [0],
        ),
        ("requestparameters.IPPERMISSIONS.Items.ipranges.items.CIDRIP", "10.*", [{"requestParameters": OPENED}], [0]),
        ("requestParameters.ipPermissions|contains", '"cidrIp":"0.0', [{"requestParameters": OPENED}], [0]),
        ("requestParameters|contains", '"x": "y"', [{"requestParameters": {"x": "y"}}, {}], [0]),
        (
            "requestParameters.a",
            "2",
            [{"requestParameters": {"a": [[1, [2]], 3]}}, {"requestParameters": {"a": 3}}],
            [0],
        ),
        ("requestParameters.a.b", "x", [{"requestParameters": [{"a": [{"b": "X"}]}]}, {"requestParameters": "a"}], [0]),
        ("requestParameters.a", "x", [{"requestParameters": {"A": "y", "a": "x"}}], [0]),
        ('requestParameters.a"b', "x", [{"requestParameters": {'a"b': "x"}}, {"requestParameters": {"ab": "x"}}], [0]),
        ("requestParameters.a/b~c", "x", [{"requestParameters": {"a/b~c": "x"}}], [0]),
        ("additionalEventData.MFAUsed", "no", [{"additionalEventData": {"MFAUsed": "No"}}, {}], [0]),
        # no column: looked for in the open members, and among the members no column takes
        (
            "MFAUsed",
            "no",
            [{"additionalEventData": {"MFAUsed": "No"}}, {"requestParameters": {"mfaUsed": "NO"}}, {}],
            [0, 1],
        ),
        ("brandNew.member", "x", [{"brandNew": [{"member": "X"}]}, {"brandNew": "x"}], [0]),
        ("status", None, [{}, {"requestParameters": {"status": "x"}}, {"requestParameters": {"status": None}}], [0, 2]),
        # what the lake works out
        ("outcome", "denied", [{"errorCode": "AccessDenied"}, {}], [0]),
    ],
)
def test_a_field(name: str, value: Any, changes: list[dict[str, Any]], expected: list[int]) -> None:
    assert which({"s": {name: value}}, *changes) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("user", "eve"), ("policyName", "�"), ("path", "*"), ("twin|exists", True)],
)
def test_half_a_surrogate_pair_hides_nothing(name: str, value: Any) -> None:
    """DuckDB refuses such a JSON text as a whole; whoever can send one must not be free of every rule by it."""
    from pipeline.records.normalize import to_table
    from tests.detect.sigma import CATALOG, detect, over, plain

    table = plain(to_table([event(requestParameters={"user": "Eve"})]))
    column = table.schema.get_field_index("requestParameters")
    import pyarrow as pa

    text = SURROGATE if name != "path" else SURROGATE.replace('"\\ud83d", "twin"', '"x", "twin"')
    with over({"events": table.set_column(column, "requestParameters", pa.array([text]))}) as engine:
        CATALOG.install_views(engine)
        assert len(detect(engine, rules(rule({"s": {f"requestParameters.{name}": value}}))).findings) == 1


def test_a_path_finds_every_value_however_it_is_spelled() -> None:
    """A member in any case, twice, in lists and beside a null; not where its name is a text, or on another path."""
    met: list[Any] = [
        *({"a": {"b": "x"}}, {"A": {"b": "x"}}, {"a": {"B": "x"}}, {"a": {"b": "y", "B": "x"}}),
        *({"a": [{"b": "y"}, {"b": "x"}]}, {"a": {"b": ["y", "x"]}}, {"a": {"b": [["x"]]}}, [{"a": {"b": "x"}}]),
        *({"a": {"b": None}, "A": {"b": "x"}}, {"a": {"c": '"b"', "b": "x"}}, {"b": "y", "a": {"b": "x"}}),
    ]
    others: list[Any] = [
        *({"a": {"b": "y"}}, {"b": "x"}, {"a": {"c": '"b"', "d": "x"}}, {"a": {"b": {"b": "x"}}}, {"a": {"b": None}}),
        *({"a": "x"}, {"a": {"c": {"b": "x"}}}, {"a": {"b": '["x"]'}}, {"a.b": "x"}, None),
    ]
    changes = [{"requestParameters": each} for each in [*met, *others]]
    assert which({"s": {"requestParameters.a.b": "x"}}, *changes) == list(range(len(met)))


MISSING = [
    {"errorCode": "A", "userAgent": "u"},
    {"errorCode": "B", "userAgent": "u"},
    {"userAgent": "u"},
    {"userAgent": None},
]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("s and not f", [1, 2]),
        ("not f", [1, 2, 3]),
        ("not not f", [0]),
        ("not (s and f)", [1, 2, 3]),
        ("s or not f", [0, 1, 2, 3]),
        ("not s", [3]),
        ("not 1 of them", [3]),
        ("all of them", [0]),
        ("1 of f*", [0]),
        ("all of f* and s", [0]),
        ("any of s*", [0, 1, 2]),
        (["f", "not s"], [0, 3]),
    ],
)
def test_a_missing_field_is_not_met_and_its_negation_is(condition: Any, expected: list[int]) -> None:
    detection = {"s": {"userAgent": "u"}, "f": {"errorCode": "a"}, "condition": condition}
    assert which(detection, *MISSING) == expected


def test_members_of_a_map_are_and_and_maps_of_a_list_are_or() -> None:
    changes = [
        {"eventName": "A", "userAgent": "u"},
        {"eventName": "A", "userAgent": "v"},
        {"eventName": "B", "userAgent": "v"},
    ]
    assert which({"s": {"eventName": "a", "userAgent": "v"}}, *changes) == [1]
    assert which({"s": [{"eventName": "b"}, {"userAgent": "u"}]}, *changes) == [0, 2]
    assert which({"s": {"eventName": ["a", "b"], "userAgent": "u"}}, *changes) == [0]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("userIdentity", "is a structure"),
        ("userIdentity.sessionContext", "is a structure"),
        ("resources", "is a structure"),
        ("batch_id", "says where a row came from"),
        ("requestParameters..x", "is no field"),
        (".".join("a" * 30), "is no field"),
    ],
)
def test_a_name_that_cannot_be_asked_is_refused_at_its_line(name: str, reason: str) -> None:
    (line,) = refusals(rule({"s": {"eventName": "A", name: "x"}}))
    assert reason in line
    assert line.startswith("rules/made.yml:")


def test_whether_a_structure_is_there_can_be_asked() -> None:
    changes = [ROLE, ROOT]
    assert which({"s": {"userIdentity.sessionContext": None}}, *changes) == [1]
    assert which({"s": {"userIdentity.sessionContext|exists": True}}, *changes) == [0]


def test_an_event_without_a_name_is_not_lost() -> None:
    """The names that select events cannot select a missing one."""
    nameless = event(eventID="1", eventName=None)
    detected = found(
        rules(rule({"s": {"eventSource": "ec2.amazonaws.com"}, "f": {"eventName": "X"}, "condition": "s and not f"})),
        nameless,
    )
    assert [each["event_ids"] for each in detected.findings] == [["1"]]


def test_names_that_yaml_takes_for_booleans_are_names() -> None:
    """YAML 1.1, "bool": on, off, yes, no. A rule may call a selection, or a caller a parameter, by one of these."""
    text = """
        title: Switched
        logsource: {product: aws, service: cloudtrail}
        detection:
          off: {eventName: A}
          yes: [{eventName: B}, {on: x}]
          5: {eventName: C}
          condition: off or yes or 5
        """
    ruleset = rules(text=text)
    assert ruleset.refused == []
    records = [event(eventID=name, eventName=name) for name in "ABCD"]
    records.append(event(eventID="on", eventName="E", requestParameters={"on": "x"}))
    ids = {each for finding in found(ruleset, *records).findings for each in finding["event_ids"]}
    assert ids == {"A", "B", "C", "on"}
