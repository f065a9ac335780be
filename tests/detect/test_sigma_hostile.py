"""Rules written to break out, to exhaust, or to be nonsense: each works, or is refused in one line."""

from __future__ import annotations

import time
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.sigma.literals import Unfit, joined, literal
from tests.detect.sigma import LOGSOURCE, found, refusals, rule, rules, which
from tests.logs import event

INJECTIONS = [
    "' or true --",
    "'; drop table events; --",
    "\\' or 1=1 --",
    "$since",
    "$$ or true $$",
    "x' || (select current_setting('memory_limit')) || '",
    "E'\\''",
    '" or true --',
    "/* ' */ or true",
    "\x00' or true --",
    "{x} %s {0}",
    "a\nb' or true",
]
CONNECTION = duckdb.connect()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_literal_gives_the_text_back(text: str) -> None:
    assert CONNECTION.sql(f"select {literal(text)} as x").fetchall() == [(text,)]


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_literal_gives_an_injection_back(text: str) -> None:
    assert CONNECTION.sql(f"select {literal(text)} as x").fetchall() == [(text,)]


def test_half_a_surrogate_pair_is_no_literal() -> None:
    with pytest.raises(Unfit):
        literal("\ud800")


def test_thousands_of_conditions_are_no_deep_tree() -> None:
    assert CONNECTION.sql(f"select {joined('or', ['false'] * 9999 + ['true'])}").fetchall() == [(True,)]


@pytest.mark.parametrize(
    ("document", "met"),
    [
        ('{"Principal":{"AWS":"arn:aws:iam::444455556666:root"}}', True),
        (r'{"Principal":{"\u0041WS":"arn:aws:iam::4\u00344455556666:root"}}', True),
        (r'{"Sid":"\ud800","Principal":{"A\u0057S":["*","arn:aws:iam::444455556666:root"]}}', True),
        (r'{"Principal":{"\u0042WS":"arn:aws:iam::444455556666:root"}}', False),
        (r'no JSON: "\u0041WS":"arn:aws:iam::444455556666:root"', False),
    ],
)
def test_escaped_letters_of_a_policy_hide_nothing(document: str, met: bool) -> None:
    """A policy is JSON in a text, in which any letter may stand as an escape (RFC 8259, section 7)."""
    asked = {"s": {"requestParameters.policyDocument|re": r'"AWS"\s*:\s*(\[[^\]]*)?"arn:aws:iam::444455556666'}}
    assert which(asked, {"requestParameters": {"policyDocument": document}}) == ([0] if met else [])


@pytest.mark.parametrize("key", ["", "|contains", "|startswith", "|cased", "|contains|cased"])
def test_sql_in_values_is_a_value(key: str) -> None:
    changes = [{"userAgent": each} for each in [*INJECTIONS, "plain"]]
    for number, text in enumerate(INJECTIONS):
        escaped = text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
        inside = [n for n, each in enumerate(INJECTIONS) if text in each] if "contains" in key else [number]
        assert which({"s": {f"userAgent{key}": escaped}}, *changes) == inside


@pytest.mark.parametrize("text", [each for each in INJECTIONS if "." not in each and "|" not in each])
def test_sql_in_the_name_of_a_field_is_a_name(text: str) -> None:
    changes = [{"requestParameters": {text: "x"}}, {"requestParameters": {"a": "x"}}]
    assert which({"s": {f"requestParameters.{text}": "x"}}, *changes) == [0]
    assert which({"s": {text: "x"}}, *changes) == [0]
    assert which({"s": {f"userIdentity.{text}": "x"}}, *changes) == []
    if "*" not in text:
        assert which({"s": {"eventName|fieldref": text}}, {"eventName": "x", "requestParameters": {text: "x"}}) == [0]


def test_sql_in_event_names_of_the_log_is_a_name() -> None:
    """The names that select events are read from the log, whose writers choose them."""
    changes = [{"eventName": f"A{each}"} for each in INJECTIONS]
    detection = {"s": {"eventName|startswith": "A"}, "f": {"userAgent": "nobody"}, "condition": "s and not f"}
    assert which(detection, *changes) == list(range(len(INJECTIONS)))


@pytest.mark.parametrize(
    ("key", "made"), [("eventName", "Name{}"), ("userAgent|contains", "agent-{}-"), ("requestParameters.a.b", "v{}")]
)
def test_ten_thousand_values(key: str, made: str) -> None:
    values = [made.format(number) for number in range(10_000)]
    members = {"eventName": values[-1], "userAgent": f"x{values[-1]}x", "requestParameters": {"a": [{"b": values[-1]}]}}
    begun = time.monotonic()
    assert which({"s": {key: values}}, {"eventName": "other"}, members) == [1]
    assert time.monotonic() - begun < 60


def test_more_tests_than_any_rule_needs_are_refused() -> None:
    named = {f"s{number}": {"userAgent|contains": ["a" * 9 + str(n) for n in range(500)]} for number in range(50)}
    (line,) = refusals(rule({**named, "condition": "1 of s*"}))
    assert "more than 20,000 tests" in line


DEEP = [
    "(" * 500 + "s" + ")" * 500,
    "not " * 900 + "s",
    " and ".join(["s"] * 2000),
    " or ".join(["(s and not s)"] * 15),
    "s" * 5000,
    "((((((((((((((((((s))))))))))))))))))",
]


@pytest.mark.parametrize("condition", DEEP, ids=range(len(DEEP)))
def test_a_deep_condition_works_or_is_refused_soon(condition: str) -> None:
    begun = time.monotonic()
    lines = refusals(rule({"s": {"eventName": "A"}, "condition": condition}))
    assert len(lines) <= 1
    assert all(each.startswith("rules/made.yml:") and "\n" not in each for each in lines)
    assert time.monotonic() - begun < 20


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HEAD = "title: x\nlogsource: {product: aws, service: cloudtrail}\n"
FILES = {
    "bomb": BOMB,
    "cycle": "title: &a [*a]\n",
    "cycle in a detection": HEAD + "detection: &d {s: *d, condition: s}\n",
    "deep": "[" * 20_000,
    "deep blocks": "".join(" " * n + "a:\n" for n in range(300)),
    "binary": "\x01\x02",
    "tag": "!!python/object/apply:os.system ['true']\n",
    "key twice": "title: a\ntitle: b\n",
    "key of a list": "? [a]\n: b\n",
    "list": "- a\n- b\n",
    "text": "just words\n",
    "tab": "title:\n\t- x\n",
    "action": "action: global\ntitle: x\n",
    "half a pair": HEAD + 'detection: {s: {a: "\\ud800"}, condition: s}\n',
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_file_that_is_none_is_one_line(text: str) -> None:
    begun = time.monotonic()
    (line,) = refusals(text=text)
    assert line.startswith("rules/made.yml:") and "\n" not in line and len(line) < 700
    assert time.monotonic() - begun < 10


def test_an_empty_file_is_no_rule() -> None:
    assert refusals(text="") == refusals(text="---\n---\n") == []


ODD: list[Any] = [
    None,
    5,
    1.5,
    True,
    "",
    "x",
    [],
    {},
    ["x"],
    [5],
    [None],
    [{}],
    [["x"]],
    {"x": None},
    {5: 5},
    {"a": {"b": {}}},
]


@pytest.mark.parametrize(
    "member", ["title", "level", "tags", "logsource", "detection", "trailsift", "id", "name", "status"]
)
@pytest.mark.parametrize("value", ODD, ids=str)
def test_wrong_types_of_members(member: str, value: Any) -> None:
    lines = refusals(rule({"s": {"eventName": "A"}}) | {member: value})
    assert len(lines) <= 1
    assert all(each.startswith("rules/made.yml:") and "\n" not in each for each in lines)
    if member in ("logsource", "detection") or (member == "title" and value != "x"):
        assert lines


@pytest.mark.parametrize("value", ODD, ids=str)
@pytest.mark.parametrize(
    "key", ["s", "condition", "eventName", "eventName|re", "a|cidr", "a|gt", "a|exists", "a|contains|all", "a|fieldref"]
)
def test_wrong_types_in_a_detection(key: str, value: Any) -> None:
    detection = {"condition": "s", "s": {"eventName": "A"}}
    detection |= {key: value} if key in ("s", "condition") else {"s": {key: value}}
    lines = refusals({"title": "x", "logsource": LOGSOURCE, "detection": detection})
    assert len(lines) <= 1
    assert all(each.startswith("rules/made.yml:") and "\n" not in each for each in lines)


@pytest.mark.parametrize("member", ["type", "rules", "timespan", "group-by", "condition", "aliases", "generate"])
@pytest.mark.parametrize("value", ODD, ids=str)
def test_wrong_types_in_a_correlation(member: str, value: Any) -> None:
    base = rule({"s": {"eventName": "A"}}, name="a")
    given = {"type": "event_count", "rules": ["a"], "timespan": "5m", "condition": {"gte": 2}} | {member: value}
    lines = refusals(base, {"title": "x", "correlation": given})
    assert len(lines) <= 1
    assert all(each.startswith("rules/made.yml:") and "\n" not in each for each in lines)


@pytest.mark.parametrize(
    ("detection", "line", "reason"),
    [
        ({"s": {"eventName": "A", "userAgent|re": "(?<!x)y"}}, "userAgent|re", "invalid perl operator"),
        ({"s": {"eventName": "A", "userAgent|re": r"(a)\1"}}, "userAgent|re", "invalid escape sequence"),
        ({"s": {"eventName": "A", "userAgent|re": "(a{1000}){1000}"}}, "userAgent|re", "repetition size"),
        ({"s": {"eventName": "A", "userAgent|nosuch": "x"}}, "userAgent|nosuch", "Unknown modifier"),
        ({"s": {"sourceIPAddress|cidr": "10.0.0.1/8"}}, "sourceIPAddress|cidr", "host bits"),
        ({"s": {"a|gt": "many"}}, "a|gt", "incompatible"),
        ({"s": {"eventName": "A"}, "condition": "s | count() > 5"}, "condition", "old form"),
        ({"s": {"eventName": "A"}, "condition": "s and t"}, "condition", "'t' not defined"),
        ({"s": {"eventName": "A"}, "condition": "2 of s*"}, "condition", ""),
        ({"s": {"eventName": "A"}, "condition": "1 of x*"}, "condition", "doesn't match any"),
        ({"s": {"eventName": "A"}, "condition": "s and"}, "condition", ""),
    ],
)
def test_a_refusal_names_its_line(detection: dict[str, Any], line: str, reason: str) -> None:
    """The line is counted in the text, as an editor does."""
    import yaml

    document = rule(detection)
    text = yaml.safe_dump(document)
    (told,) = refusals(document)
    expected = next(number for number, each in enumerate(text.splitlines(), 1) if each.strip().startswith(f"{line}:"))
    assert told.startswith(f"rules/made.yml:{expected}: ")
    assert reason in told


def test_a_bad_rule_costs_no_other() -> None:
    bad = rule({"s": {"userAgent|re": "(?=x)"}})
    ruleset = rules(rule({"s": {"eventName": "A"}}), bad, rule({"s": {"eventName": "B"}}))
    assert len(ruleset.refused) == 1
    assert len(found(ruleset, event(eventName="A"), event(eventName="B")).findings) == 2
