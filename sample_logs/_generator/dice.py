"""Draws that depend on nothing but the names they are made for.

Only `random.random()` is promised to stay the same across Python versions, so everything here rests on it
and on SHA-256; a draw made for one story does not move when another story is added.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # what AWS's unique ids are written in
TOKEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class Dice:
    """A stream of draws; the same names give the same stream on every machine."""

    def __init__(self, *names: object) -> None:
        digest = hashlib.sha256("|".join(str(name) for name in names).encode()).digest()
        self._random = random.Random(int.from_bytes(digest, "big"))
        self.random = self._random.random

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, each as likely."""
        return items[int(self.random() * len(items))]

    def weighted(self, items: Sequence[tuple[float, T]]) -> T:
        """One of the (weight, item) pairs' items, in proportion to the weights."""
        point = self.random() * sum(weight for weight, _ in items)
        for weight, item in items:
            point -= weight
            if point < 0:
                return item
        return items[-1][1]

    def chance(self, share: float) -> bool:
        """True in that share of draws."""
        return self.random() < share

    def count(self, mean: float) -> int:
        """A whole number whose mean is `mean`: its floor, or one more."""
        return int(mean) + self.chance(mean - int(mean))

    def text(self, length: int, alphabet: str = TOKEN) -> str:
        """Characters of the alphabet."""
        return "".join([alphabet[int(self.random() * len(alphabet))] for _ in range(length)])

    def hex(self, length: int) -> str:
        """Hexadecimal digits."""
        return self.text(length, "0123456789abcdef")

    def uuid(self) -> str:
        """A random UUID."""
        return shaped_uuid(self.hex(32))


def shaped_uuid(digits: str) -> str:
    """32 hexadecimal digits in the shape of a random UUID (RFC 9562, version 4)."""
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def unique_id(prefix: str, *names: object) -> str:
    """An id in the shape of IAM's (AIDA…, AROA…, ANPA…: 21 characters), plainly an example's."""
    return prefix + Dice("unique id", prefix, *names).text(10, ALPHABET) + "EXAMPLE"


def key_id(prefix: str, *names: object) -> str:
    """An access key id in AWS's shape (AKIA… long-lived, ASIA… temporary: 20 characters), plainly an example's."""
    return prefix + Dice("access key", prefix, *names).text(9, ALPHABET) + "EXAMPLE"
