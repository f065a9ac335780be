"""The address plan: who sits where on the internet of the months.

Nothing here may be a real host, so public addresses come from the ranges kept for documentation and benchmarks
(RFC 2544, RFC 5737, RFC 3849). Strangers and staff draw from one shuffled pool: no range tells them apart.
"""

from __future__ import annotations

from datetime import date

from .dice import Dice


class Networks:
    """Hands out networks, each once: a /24 as its first three numbers, an IPv6 /48 as its prefix."""

    def __init__(self, seed: int) -> None:
        self.dice = Dice(f"{seed}/networks")
        blocks = [f"198.{second}.{third}" for second in (18, 19) for third in range(256)]
        self._left = [*blocks, "192.0.2", "198.51.100", "203.0.113"]
        self.dice.shuffle(self._left)

    def take(self) -> str:
        """A network nobody has yet; once the /24s are out, IPv6 ones, of which there are enough."""
        return self._left.pop() if self._left else self.six()

    def several(self, count: int) -> list[str]:
        """That many networks."""
        return [self.take() for _ in range(count)]

    def six(self) -> str:
        """An IPv6 /48."""
        return f"2001:db8:{self.dice.randint(1, 0xFFFF):x}"


def host(network: str, dice: Dice) -> str:
    """An address in a network."""
    if ":" in network:
        return f"{network}:{dice.randint(0, 9):x}::{dice.randint(1, 0xFFFF):x}"
    return f"{network}.{dice.randint(2, 250)}"


def egress(network: str, day: date, dice: Dice) -> str:
    """The address by which a network's people are seen on a day: one of two, which change every other week or so.

    Offices and homes have few addresses and keep them; an IPv6 network has another for each connection.
    """
    if ":" in network:
        return host(network, dice)
    return host(network, Dice(f"{network}/{(day.toordinal() + int(network.split('.')[2])) // 13}/{dice.randint(0, 1)}"))
