"""Ordinary but unusual life: what looks odd in a log and is nobody's attack. A story is a function, see `telling`."""

from __future__ import annotations

from datetime import timedelta

from ..dice import Dice
from ..log import Log
from ..world import World
from . import changes, credentials, operations, outside, programs, staff  # noqa: F401  (they register their tellers)
from .telling import TELLERS, Story, Telling


def tell(world: World, log: Log, principals: int) -> list[Story]:
    """Draws what happens in the months and puts it into the log, or into what people and machines will do."""
    telling = Telling(world, log)
    for kind, (teller, monthly) in sorted(TELLERS.items()):
        d = Dice(f"{world.seed}/stories/{kind}")
        for _ in range(d.poisson(monthly * world.days / 30 * principals / 200)):
            teller(telling, d, world.first + timedelta(days=d.randrange(2, world.days)))
    return telling.told
