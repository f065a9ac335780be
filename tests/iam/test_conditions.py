"""Condition operators; expectations worked out by hand from the AWS page each group names."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.iam.conditions import compile_conditions
from pipeline.iam.variables import Context
from tests.iam.cases import Json


def holds(operator: str, value: object, given: object, key: str = "aws:key", **more: object) -> Any:
    """Whether `{operator: {key: value}}` holds where the request's key is `given` (... : absent)."""
    context = Context(({} if given is ... else {key: given}) | more)
    tests = compile_conditions({operator: {key: value}}, True, "policy")
    return all(test.holds(context) for test in tests)


# "IAM JSON policy elements: Condition operators", string operators.
@pytest.mark.parametrize(
    ("operator", "value", "given", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "a*", "a*", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringNotEquals", "a", "a", False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringEqualsIgnoreCase", "AbC", "aBc", True),
        ("StringNotEqualsIgnoreCase", "AbC", "aBc", False),
        ("StringLike", "a*c", "abbc", True),
        ("StringLike", "a?c", "abc", True),
        ("StringLike", "a?c", "ac", False),
        ("StringLike", "A*", "abc", False),
        ("StringLike", "*", "", True),
        ("StringNotLike", "a*", "abc", False),
        ("StringNotLike", ["a*", "b*"], "c", True),
        ("stringequals", "a", "a", True),
    ],
)
def test_strings(operator: str, value: object, given: object, expected: bool) -> None:
    assert holds(operator, value, given) is expected


# The same page, numeric, date, Boolean, binary.
@pytest.mark.parametrize(
    ("operator", "value", "given", "expected"),
    [
        ("NumericEquals", "10", "10", True),
        ("NumericEquals", 10, 10.0, True),
        ("NumericEquals", "10", "10.50", False),
        ("NumericNotEquals", "10", "11", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThan", "9", "10", False),  # as texts it would hold
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "100", True),
        ("NumericGreaterThanEquals", "10", "-100", False),
        ("NumericEquals", "10", "ten", False),
        ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", True),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", True),
        ("DateLessThan", "2026-01-01", "2026-01-01T00:00:00Z", False),
        ("DateGreaterThan", "2026", "2026-01-01T00:00:01Z", True),
        ("DateGreaterThanEquals", "2026-02", "2026-02-01T00:00:00Z", True),
        ("DateLessThanEquals", "1767225600", "2026-01-01T00:00:00Z", True),  # epoch seconds
        ("DateNotEquals", "2026-01-01T00:00:00Z", 1767225600, False),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "soon", False),
        ("Bool", "true", "true", True),
        ("Bool", True, True, True),
        ("Bool", "true", "True", True),
        ("Bool", "false", "true", False),
        ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
        ("BinaryEquals", "QQ==", "Qg==", False),
    ],
)
def test_numbers_dates_truth_values_and_bytes(operator: str, value: object, given: object, expected: bool) -> None:
    assert holds(operator, value, given) is expected


# The same page, IP address operators; IPv6 in its several spellings (RFC 4291).
@pytest.mark.parametrize(
    ("operator", "value", "given", "expected"),
    [
        ("IpAddress", "203.0.113.0/24", "203.0.113.255", True),
        ("IpAddress", "203.0.113.0/24", "203.0.114.0", False),
        ("IpAddress", "203.0.113.7", "203.0.113.7", True),
        ("IpAddress", "203.0.113.7/24", "203.0.113.9", True),
        ("IpAddress", "0.0.0.0/0", "10.1.2.3", True),
        ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
        ("IpAddress", "2001:DB8:1234:5678::/64", "2001:db8:1234:5678:0:0:0:1", True),
        ("IpAddress", "2001:DB8:1234:5678::/64", "2001:db8:1234:5679::1", False),
        ("IpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
        ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
        ("NotIpAddress", ["10.0.0.0/8", "192.168.0.0/16"], "192.168.1.1", False),
        ("NotIpAddress", "10.0.0.0/8", "203.0.113.1", True),
        ("IpAddress", "0.0.0.0/0", "cloudformation.amazonaws.com", False),
    ],
)
def test_addresses(operator: str, value: object, given: object, expected: bool) -> None:
    assert holds(operator, value, given) is expected


# The same page, ARN operators: each of the six parts is compared by itself; ArnEquals and ArnLike are alike.
TOPIC = "arn:aws:sns:us-east-1:111122223333:alerts:9f2c"


@pytest.mark.parametrize("operator", ["ArnLike", "ArnEquals"])
@pytest.mark.parametrize(
    ("value", "given", "expected"),
    [
        (TOPIC, TOPIC, True),
        ("arn:aws:sns:*:111122223333:alerts:*", TOPIC, True),
        ("arn:aws:sns:us-east-?:111122223333:*", TOPIC, True),
        ("arn:*:111122223333:*", TOPIC, False),  # no star reaches over a colon
        ("arn:aws:sns:*:alerts:9f2c", TOPIC, False),
        ("arn:aws:*:*:*:*", TOPIC, True),
        ("arn:aws:sns:us-east-1:111122223333:Alerts:9f2c", TOPIC, False),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b:c", True),
        ("arn:aws:s3:::*", "bucket", False),
    ],
)
def test_arns(operator: str, value: str, given: str, expected: bool) -> None:
    assert holds(operator, value, given) is expected
    assert holds(operator.replace("Arn", "ArnNot"), value, given) is not expected


# The same page: a key that is absent does not match, so negated operators hold; ...IfExists; Null.
@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("StringEquals", "a", False),
        ("StringLike", "*", False),
        ("NumericLessThan", "10", False),
        ("Bool", "false", False),
        ("IpAddress", "0.0.0.0/0", False),
        ("ArnLike", "arn:*:*:*:*:*", False),
        ("StringNotEquals", "a", True),
        ("StringNotLike", "*", True),
        ("NumericNotEquals", "10", True),
        ("DateNotEquals", "2026", True),
        ("NotIpAddress", "0.0.0.0/0", True),
        ("ArnNotEquals", "arn:*:*:*:*:*", True),
        ("StringEqualsIfExists", "a", True),
        ("BoolIfExists", "true", True),
        ("NotIpAddressIfExists", "10.0.0.0/8", True),
        ("Null", "true", True),
        ("Null", "false", False),
        ("ForAllValues:StringEquals", "a", True),
        ("ForAnyValue:StringEquals", "a", False),
        ("ForAnyValue:StringNotEquals", "a", False),
        ("ForAnyValue:StringEqualsIfExists", "a", True),
    ],
)
@pytest.mark.parametrize("absent", [..., None, []])
def test_an_absent_key(operator: str, value: str, expected: bool, absent: object) -> None:
    assert holds(operator, value, absent) is expected


@pytest.mark.parametrize(
    ("operator", "value", "given", "expected"),
    [
        ("StringEqualsIfExists", "a", "b", False),
        ("Null", "true", "x", False),
        ("Null", False, "x", True),
        ("Null", ["true", "false"], "x", True),
    ],
)
def test_a_present_key(operator: str, value: object, given: object, expected: bool) -> None:
    assert holds(operator, value, given) is expected


# "Set operators for multivalued context keys".
@pytest.mark.parametrize(
    ("operator", "value", "given", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b", "c"], ["a"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "z"], False),
        ("ForAllValues:StringEquals", ["a"], [""], True),  # a null data set, such as an empty string
        ("ForAnyValue:StringEquals", ["a", "b"], ["z", "b"], True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["y", "z"], False),
        ("ForAnyValue:StringEquals", ["a", ""], [""], False),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["y", "z"], True),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["a", "z"], False),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "z"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "b"], False),
        ("ForAllValues:StringLike", ["env-*"], ["env-a", "env-b"], True),
        ("ForAnyValue:ArnLike", ["arn:aws:s3:::a*"], ["arn:aws:s3:::b", "arn:aws:s3:::ab"], True),
        ("forallvalues:stringequals", "a", "a", True),
        ("StringEquals", "a", ["z", "a"], True),
        ("StringNotEquals", "a", ["z", "a"], False),
    ],
)
def test_keys_of_several_values(operator: str, value: object, given: object, expected: bool) -> None:
    assert holds(operator, value, given) is expected


# "Conditions with multiple context keys or values": operators and keys are joined by AND.
@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"aws:a": "1", "aws:b": "2", "aws:c": "true"}, True),
        ({"aws:a": "1", "aws:b": "x", "aws:c": "true"}, False),
        ({"aws:a": "1", "aws:b": "2", "aws:c": "false"}, False),
        ({"AWS:A": "1", "aws:B": "2", "Aws:c": "true"}, True),  # key names mind no case
    ],
)
def test_operators_and_keys_must_all_hold(context: Json, expected: bool) -> None:
    block = {"StringEquals": {"aws:a": "1", "AWS:b": "2"}, "Bool": {"aws:c": "true"}}
    assert all(test.holds(Context(context)) for test in compile_conditions(block, True, "policy")) is expected
