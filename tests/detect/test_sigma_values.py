"""Each modifier and kind of value on a few events, expected by the Sigma specification.

SigmaHQ/sigma-specification, "Sigma Rules Specification" (General, Escaping, Null, Placeholders) and "Sigma Modifiers
Appendix": texts fold their case, `*` and `?` are wildcards unless escaped, a list is OR unless `all`, `re` does not
fold. What the specification leaves open is said in `pipeline/detect/sigma/__init__.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.detect.sigma import refusals, rule, which

AGENTS: list[Any] = [
    *("aws-cli/2.1", "AWS-CLI/2.1", "aws-cli", "", "a*b", "axb", "a\\b", "a?b", "50%_done", "50xy", "line\nend", None)
]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("userAgent", "aws-cli/2.1", [0, 1]),
        ("useragent", "AWS-cli/2.1", [0, 1]),
        ("userAgent|cased", "aws-cli/2.1", [0]),
        ("userAgent", "", [3]),
        ("userAgent", "aws-cli*", [0, 1, 2]),
        ("userAgent|cased", "aws-cli*", [0, 2]),
        ("userAgent", "*2.1", [0, 1]),
        ("userAgent", "*CLI*", [0, 1, 2]),
        ("userAgent", "a*b", [4, 5, 6, 7]),
        ("userAgent", r"a\*b", [4]),
        ("userAgent", "a?b", [4, 5, 6, 7]),
        ("userAgent", r"a\?b", [7]),
        ("userAgent", r"a\\b", [6]),
        ("userAgent", r"a\b", [6]),
        ("userAgent", "50%_done", [8]),
        ("userAgent", "50%*", [8]),
        ("userAgent", "5?%_d*", [8]),
        ("userAgent", "line*end", [10]),
        ("userAgent", "*", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("userAgent", None, [11]),
        ("userAgent", [], [11]),
        ("userAgent", ["", None], [3, 11]),
        ("userAgent|exists", True, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("userAgent|exists", False, [11]),
        ("userAgent|contains", "CLI", [0, 1, 2]),
        ("userAgent|contains", "%", [8]),
        ("userAgent|contains|all", ["aws", "2."], [0, 1]),
        ("userAgent|contains", ["2.1", "xy"], [0, 1, 9]),
        ("userAgent|startswith", "Aws", [0, 1, 2]),
        ("userAgent|startswith|cased", "AWS", [1]),
        ("userAgent|endswith", ".1", [0, 1]),
        ("userAgent|endswith", "_DONE", [8]),
        ("userAgent|re", "^aws-cli/[0-9.]+$", [0]),
        ("userAgent|re|i", "^aws-cli/[0-9.]+$", [0, 1]),
        ("userAgent|re", "cli", [0, 2]),
        ("userAgent|re", "^end", []),
        ("userAgent|re|m", "^end", [10]),
        ("userAgent|re", "line.end", []),
        ("userAgent|re|s", "line.end", [10]),
        ("userAgent|neq", "aws-cli", [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ("userAgent|contains|neq", ["a", "5"], [3, 10, 11]),
    ],
)
def test_a_text(key: str, value: Any, expected: list[int]) -> None:
    assert which({"s": {key: value}}, *({"userAgent": each} for each in AGENTS)) == expected


NUMBERS: list[Any] = [5, "5", 5.0, 6, -1, "x", True, None, [1, 9], "05", 1e3, {"a": 5}]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("", 5, [0, 1, 2]),
        ("", "5", [0, 1]),
        ("", 9, [8]),
        ("", -1, [4]),
        ("", 1000, [10]),
        ("", True, [6]),
        ("", "TRUE", [6]),
        ("", False, []),
        ("|gt", 5, [3, 8, 10]),
        ("|gte", 5, [0, 1, 2, 3, 8, 10]),
        ("|lt", 5, [4, 8]),
        ("|lte", 5, [0, 1, 2, 4, 8]),
        ("|gt", 5.5, [3, 8, 10]),
        ("|exists", True, [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11]),
        ("", None, [7]),
    ],
)
def test_a_number_in_a_request(key: str, value: Any, expected: list[int]) -> None:
    requests = [{"requestParameters": {"n": each}} for each in NUMBERS]
    assert which({"s": {f"requestParameters.n{key}": value}}, *requests) == expected


ADDRESSES: list[Any] = [
    *("10.0.0.1", "10.255.255.255", "11.0.0.0", "010.0.0.1", "10.0.0.256", "AWS Internal", "ec2.amazonaws.com"),
    *("2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:db8:8000::", "2001:db9::", "::1", "1::2::3", "2001:db8:1", None),
]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10.0.0.0/8", [0, 1]),
        ("10.0.0.1/32", [0]),
        ("0.0.0.0/0", [0, 1, 2]),
        ("2001:db8::/32", [7, 8, 9]),
        ("2001:db8::/33", [7, 8]),
        ("2001:db8::1/128", [7, 8]),
        ("::/0", [7, 8, 9, 10, 11]),
        (["11.0.0.0/24", "::1/128"], [2, 11]),
    ],
)
def test_a_network(value: Any, expected: list[int]) -> None:
    assert which({"s": {"sourceIPAddress|cidr": value}}, *({"sourceIPAddress": each} for each in ADDRESSES)) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("userAgent|fieldref", [0, 1]),
        ("userAgent|fieldref|startswith", [0, 1, 2, 5]),
        ("userAgent|fieldref|endswith", [0, 1, 3, 5]),
        ("userAgent|fieldref|contains", [0, 1, 2, 3, 5, 6]),
        ("userAgent|fieldref|neq", [2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_another_field(key: str, expected: list[int]) -> None:
    """userAgent against the request's names: an empty text is a part of every text, an absent one of none."""
    pairs: list[tuple[Any, Any]] = [
        *(("anna", "anna"), ("Anna", ["bob", "ANNA"]), ("anna-x", "anna"), ("x-anna", "anna"), ("an", "anna")),
        *(("anna", ""), ("xannax", "anna"), (None, "anna"), ("anna", None)),
    ]
    changes = [{"userAgent": agent, "requestParameters": {"name": name}} for agent, name in pairs]
    assert which({"s": {key: "requestParameters.name"}}, *changes) == expected


@pytest.mark.parametrize(
    ("key", "value", "text", "expected"),
    [
        ("|base64", "foobar", "Zm9vYmFy", True),
        ("|base64", "foobar", "xZm9vYmFy", False),
        # RFC 4648: "foobar" behind no, one and two bytes; what both neighbours leave alone of it
        ("|base64offset|contains", "foobar", "..Zm9vYmFy..", True),
        ("|base64offset|contains", "foobar", "ZvYmFy", False),
        ("|base64offset|contains", "foobar", "IGZvb2Jhcg==", True),
        ("|base64offset|contains", "foobar", "ICBmb29iYXI=", True),
        ("|wide", "ab", "a\x00b\x00", True),
        ("|wide", "ab", "ab", False),
        ("|wide|base64", "ab", "YQBiAA==", True),
        ("|windash", "run -x", "run /x", True),
        ("|windash", "run -x", "run –x", True),
        ("|windash", "run -x", "run x", False),
        ("|windash|contains|all", ["-a", "-b"], "do /a -b", True),
        ("|windash|contains|all", ["-a", "-b"], "do /a", False),
    ],
)
def test_an_encoded_text(key: str, value: Any, text: str, expected: bool) -> None:
    assert which({"s": {f"userAgent{key}": value}}, {"userAgent": text}) == ([0] if expected else [])


@pytest.mark.parametrize(
    ("key", "expected"), [("hour", [0]), ("minute", []), ("day", [1]), ("month", []), ("week", [])]
)
def test_a_part_of_a_time(key: str, expected: list[int]) -> None:
    times = [{"eventTime": "2026-10-01T03:00:00Z"}, {"eventTime": "2026-10-03T10:04:00Z"}]
    assert which({"s": {f"eventTime|{key}": 3}}, *times) == expected


def test_a_placeholder_stands_for_the_values_of_the_settings() -> None:
    agents = [{"userAgent": each} for each in ("Terraform/1.9", "boto3", "pulumi", "x-boto3-x", None)]
    detection = {"s": {"userAgent|expand": "%tools%"}}
    assert which(detection, *agents, tools=("terraform/*", "Pulumi")) == [0, 2]
    assert which({"s": {"userAgent|expand|contains": "%tools%"}}, *agents, tools=("boto3",)) == [1, 3]
    negated = {"s": {"eventSource": "*"}, "f": detection["s"], "condition": "s and not f"}
    assert which(negated, *agents, tools=("terraform/*", "Pulumi")) == [1, 3, 4]


def test_a_placeholder_without_values_is_refused() -> None:
    (line,) = refusals(rule({"s": {"eventName": "A", "userAgent|expand": ["x", "%tools%"]}}))
    assert "%tools% has no values" in line and "[placeholders]" in line


KEYWORDS: list[dict[str, Any]] = [
    {"userAgent": "Kali Linux"},
    {"requestParameters": {"kali": 1}},
    {"resources": [{"ARN": "arn:aws:s3:::KALI-b"}]},
    {"userAgent": "other"},
    {"newMember": "kali"},
    {"userAgent": "ka", "errorMessage": "li"},
]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(["kali"], [0, 1, 2, 4]), (["kali l*nux"], [0]), ("nosuch", []), ({"|all": ["kali", "linux"]}, [0])],
)
def test_a_keyword_is_looked_for_in_the_whole_record(value: Any, expected: list[int]) -> None:
    assert which({"keywords": value}, *KEYWORDS) == expected


def test_a_keyword_may_be_a_regular_expression() -> None:
    assert which({"keywords": {"|re": "[Kk]ali L"}}, *KEYWORDS) == [0]
