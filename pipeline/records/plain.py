"""JSON text as Python's values, and records as canonical text, whatever hostile text holds.

Python's json refuses an integer of more than 4,300 digits and stops at the interpreter's own depth, which is less
the deeper the caller stands. What was stored must be readable, so neither limit applies here.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any

# Decoding takes no text that is nested deeper than the interpreter's limit (1,000 unless set), so this is enough.
_DEEPER = 4_000
_DIGITS = 4_000
_EXACT = 15  # decimal digits that a double always keeps


def parse(text: str | bytes) -> Any:
    """The values of valid JSON text; a number that is more than Python reads is infinite, as JSON's 1e400 is."""
    with _deeper():
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= _DIGITS else float(digits))


def canonical(text: str) -> str:
    """The record as canonical JSON: sorted members, null members left out; equal records give equal text.

    A number that a double would round stands for itself, so that records which differ never look alike.
    """
    with _deeper():
        value = json.loads(text, parse_int=_integer, parse_float=_number, object_pairs_hook=_without_nulls)
        return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _without_nulls(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in dict(pairs).items() if value is not None}


def _integer(digits: str) -> Any:
    return int(digits) if len(digits) <= _DIGITS else {"\0number": digits}


def _number(text: str) -> Any:
    number = float(text)
    if len(text) <= _EXACT and number and math.isfinite(number):
        return number
    try:
        exact = Decimal(text) == Decimal(repr(number))
    except InvalidOperation:  # an exponent beyond decimal's own bounds
        exact = False
    return number if exact else {"\0number": text}


@contextmanager
def _deeper() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + _DEEPER)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
