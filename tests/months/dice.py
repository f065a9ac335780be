"""Everything drawn by chance, from seeds that are texts: the same text always gives the same draws."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # what IAM's unique ids are written in


class Dice(random.Random):
    """A random source of its own for one part of the months, named by a text such as "7/anna/2026-03-02"."""

    def __init__(self, name: str) -> None:
        super().__init__(name)

    def chance(self, probability: float) -> bool:
        """True that often."""
        return self.random() < probability

    def some(self, given: Sequence[T], low: int, high: int) -> list[T]:
        """Between `low` and `high` of them, each once, in random order; all where there are fewer."""
        return self.sample(given, min(len(given), self.randint(low, high)))

    def weighted(self, given: Mapping[T, float]) -> T:
        """One key, as often as its weight says."""
        return self.choices(list(given), list(given.values()))[0]

    def poisson(self, mean: float) -> int:
        """A count of what happens independently `mean` times on average."""
        if mean > 40:
            return max(0, round(self.gauss(mean, math.sqrt(mean))))
        count, left, limit = 0, self.random(), math.exp(-mean)
        while left > limit:
            left *= self.random()
            count += 1
        return count

    def skewed(self, middle: float, spread: float) -> float:
        """A positive number around `middle`, log-normal: `spread` 1 makes factors of e ordinary."""
        return middle * math.exp(self.gauss(0, spread))

    def text(self, length: int, alphabet: str = LETTERS) -> str:
        """Characters drawn from an alphabet."""
        return "".join(self.choices(alphabet, k=length))

    def hex(self, length: int) -> str:
        """Hexadecimal digits."""
        return f"{self.getrandbits(4 * length):0{length}x}"

    def uuid(self) -> str:
        """A random UUID as AWS writes event ids."""
        digits = f"{self.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def key(self, prefix: str = "AKIA") -> str:
        """An access key id that says it is an example: AKIA for long, ASIA for a session."""
        return prefix + self.text(9) + "EXAMPLE"

    def unique(self, prefix: str) -> str:
        """IAM's unique id of a user (AIDA) or a role (AROA)."""
        return prefix + self.text(10) + "EXAMPLE"
