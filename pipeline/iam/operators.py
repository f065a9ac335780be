"""The condition operators: how one value of the policy is compared with one of the request.

Each operator makes, of the policy's value, a function that takes the request's value. A value of the request that is
not of the operator's type matches nothing. Source: "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pipeline.iam.globs import STAR, Glob, Token, fits

Match = Callable[[str], bool]

_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?\Z")
_EPOCH = re.compile(r"-?\d{5,20}(\.\d{1,9})?\Z")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?)?)?\Z")


@dataclass(frozen=True)
class Operator:
    """One operator, without its qualifiers. `make` raises ValueError for a value of another type."""

    name: str
    make: Callable[[Glob], Match]
    negated: bool = False
    wild: bool = False
    variables: bool = False


def plain(glob: Glob) -> str:
    """The text of a glob whose wildcards mean themselves."""
    return "".join(part if isinstance(part, str) else part.value for part in glob)


def _equal(glob: Glob) -> Match:
    return plain(glob).__eq__


def _equal_ignoring_case(glob: Glob) -> Match:
    wanted = plain(glob).lower()
    return lambda value: value.lower() == wanted


@lru_cache(maxsize=4096)
def number(text: str) -> Decimal | None:
    """The number a text spells, if it spells one."""
    return Decimal(text) if _NUMBER.match(text) else None


@lru_cache(maxsize=4096)
def moment(text: str) -> datetime | None:
    """The time a text spells: ISO 8601 as the W3C's note on date formats has it (without zone: UTC), or epoch seconds.

    A number of four digits is a year.
    """
    try:
        if _EPOCH.match(text):
            return datetime.fromtimestamp(float(text), UTC)
        if not _DATE.match(text):
            return None
        whole = text + "-01-01"[len(text) - 4 :] if len(text) in (4, 7) else text
        found = datetime.fromisoformat(whole)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _ordered(read: Callable[[str], Any], compare: Callable[[Any, Any], bool], kind: str) -> Callable[[Glob], Match]:
    """Comparison by a reading of both texts; `compare(request's, policy's)`."""

    def make(glob: Glob) -> Match:
        wanted = read(plain(glob))
        if wanted is None:
            raise ValueError(f"is no {kind}")
        return lambda value: (found := read(value)) is not None and compare(found, wanted)

    return make


def _bool(glob: Glob) -> Match:
    wanted = plain(glob).lower()
    if wanted not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return lambda value: value.lower() == wanted


@lru_cache(maxsize=4096)
def _binary_value(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=4096)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _ip(glob: Glob) -> Match:
    try:
        network = ipaddress.ip_network(plain(glob), strict=False)
    except ValueError:
        raise ValueError("is no address or range of addresses") from None
    return lambda value: (found := _address(value)) is not None and found in network


@lru_cache(maxsize=4096)
def _arn(glob: Glob) -> Match:
    """Six parts, each a glob of its own; `*` alone is every ARN."""
    if glob == (STAR,):
        return lambda value: value.count(":") >= 5
    parts = [fits(part) for part in arn_parts(glob)]
    if len(parts) != 6:
        return lambda value: False

    def answer(value: str) -> bool:
        found = value.split(":", 5)
        return len(found) == 6 and all(fit(text) for fit, text in zip(parts, found, strict=True))

    return answer


def arn_parts(glob: Glob) -> list[Glob]:
    """A glob cut at its first five colons."""
    parts: list[list[Token]] = [[]]
    for token in glob:
        if not isinstance(token, str):
            parts[-1].append(token)
            continue
        first, *rest = token.split(":", 6 - len(parts))
        if first:
            parts[-1].append(first)
        parts += [[each] if each else [] for each in rest]
    return [tuple(part) for part in parts]


def _family(name: str, make: Callable[[Glob], Match], **more: bool) -> list[Operator]:
    """An operator and its negation, `StringEquals` and `StringNotEquals`."""
    word = next(each for each in ("Equals", "Like", "IpAddress") if each in name)
    return [Operator(name, make, **more), Operator(name.replace(word, "Not" + word, 1), make, negated=True, **more)]


def _all() -> list[Operator]:
    made = [
        *_family("StringEquals", _equal, variables=True),
        *_family("StringEqualsIgnoreCase", _equal_ignoring_case, variables=True),
        *_family("StringLike", fits, wild=True, variables=True),
        *_family("ArnEquals", _arn, wild=True, variables=True),
        *_family("ArnLike", _arn, wild=True, variables=True),
        *_family("IpAddress", _ip),
        Operator("Bool", _bool, variables=True),
        Operator("BinaryEquals", _ordered(_binary_value, operator.eq, "base64")),
        Operator("Null", _bool),
    ]
    for kind, read, noun in (("Numeric", number, "number"), ("Date", moment, "date")):
        made += _family(f"{kind}Equals", _ordered(read, operator.eq, noun))
        for word, compare in (("LessThan", operator.lt), ("GreaterThan", operator.gt)):
            made.append(Operator(f"{kind}{word}", _ordered(read, compare, noun)))
        for word, compare in (("LessThanEquals", operator.le), ("GreaterThanEquals", operator.ge)):
            made.append(Operator(f"{kind}{word}", _ordered(read, compare, noun)))
    return made


OPERATORS = {each.name.lower(): each for each in _all()}
