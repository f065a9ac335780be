"""What attackers do. A kind of incident is a function, see `attack`; each seed's judged half has three or four."""

from __future__ import annotations

from datetime import timedelta

from ..dice import Dice
from ..log import Log
from ..world import World
from . import access, hiding, resources, rights, taking  # noqa: F401  (they register their kinds)
from .attack import KINDS, Attack


def commit(world: World, log: Log, kinds: list[str] | None = None) -> list[Attack]:
    """Draws the incidents of the judged half, of these kinds where given, and puts them into the log."""
    d = Dice(f"{world.seed}/incidents")
    chosen = d.some(sorted(KINDS), 3, 4) if kinds is None else kinds
    attacks = []
    for number, kind in enumerate(chosen):
        begin = world.judged + timedelta(hours=d.uniform(6, (world.days // 2 - 1) * 24 * 0.9))
        attack = Attack(world, log, Dice(f"{world.seed}/incidents/{number}/{kind}"), kind, begin)
        KINDS[kind](attack)
        attacks.append(attack)
    return attacks
