"""Kinds of events: what the columns with few different texts say of every rule, asked once a kind and not once a row.

Most of a rule hangs on the event's source, name, error code and kind of caller. A million events hold a few hundred
combinations of these. Each is asked twice: whether an event of the kind may meet the rule (`weakened`), and whether it
surely does, whatever its other columns hold. What is left open is asked of the events themselves, those of that kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import Node, leaves, weakened
from pipeline.engines.duckdb import Engine, quoted

WINDOW = "($since is null or eventTime >= $since) and ($until is null or eventTime <= $until)"
TABLE = "sigma_kinds"
BITS = 60  # of a whole number that stand for a rule each


@dataclass(frozen=True)
class Kinds:
    """The table `sigma_kinds`: each kind's texts of `columns` as `k0`…, and bits `s0`… (sure) and `m0`… (open).

    The n-th of the `live` rules, those that some kind can meet, has bit n. `open` are those left open for some kind.
    """

    columns: list[str]
    live: list[int]
    open: list[int]

    @property
    def words(self) -> int:
        """How many whole numbers the bits take."""
        return -(-len(self.live) // BITS)

    def bit(self, rule: int) -> tuple[int, int]:
        """(word, value) of a live rule's bit."""
        word, place = divmod(self.live.index(rule), BITS)
        return word, 1 << place

    def any_of(self, rules: set[int], prefix: str) -> str:
        """SQL: whether one of these rules is met, by columns `{prefix}0` and on; false where none is live."""
        masks = [0] * self.words
        for rule in rules & set(self.live):
            word, value = self.bit(rule)
            masks[word] |= value
        tests = [f"{prefix}{word} & {mask} <> 0" for word, mask in enumerate(masks) if mask]
        return f"({' or '.join(tests)})" if tests else "false"


def find(engine: Engine, conditions: list[Node], window: dict[str, datetime | None]) -> Kinds:
    """The kinds of a window's events, and what they decide; makes the table `sigma_kinds`."""
    used = {each.field.name for condition in conditions for each in leaves(condition)}
    columns = [name for name in fields.ANCHORS if name in used] or ["eventName"]
    names = ", ".join(quoted(each) for each in columns)
    engine.drop("sigma_seen", TABLE)
    try:
        engine.keep("sigma_seen", f"select distinct {names} from ({fields.ROWS}) where {WINDOW}", window, "rules")
        may = [weakened(each) or "true" for each in conditions]
        met = engine.query(f"select [{', '.join(f'bool_or({each})' for each in may)}] as met from sigma_seen")
        live = [number for number, each in enumerate(met["met"][0].as_py() or []) if each]
        decided = [(may[number], _surely(conditions[number])) for number in live]
        words = _words("s", [sure for _, sure in decided])
        words |= _words("m", [f"{may} and not {sure}" for may, sure in decided])
        told = "".join(f", {sql} as {name}" for name, sql in words.items())
        keys = ", ".join(f"{quoted(each)} as k{number}" for number, each in enumerate(columns))
        engine.keep(TABLE, f"select {keys}{told} from sigma_seen", place="rules")
        return Kinds(columns, live, _open(engine, live))
    finally:
        engine.drop("sigma_seen")


def _surely(condition: Node) -> str:
    """SQL: whether every event of a kind meets the condition, which is that none can fail it."""
    fails = weakened(condition, negated=True)
    return f"(not {fails})" if fails else "false"


def _words(prefix: str, tests: list[str]) -> dict[str, str]:
    """Whole numbers of which each test has a bit."""
    bits = [f"case when {each} then {1 << number % BITS} else 0 end" for number, each in enumerate(tests)]
    return {
        f"{prefix}{at // BITS}": f"({' + '.join(bits[at : at + BITS])})::bigint" for at in range(0, len(bits), BITS)
    }


def _open(engine: Engine, live: list[int]) -> list[int]:
    words = [f"bit_or(m{number})" for number in range(-(-len(live) // BITS))]
    if not words:
        return []
    (found,) = engine.query(f"select [{', '.join(words)}] as w from {TABLE}")["w"].to_pylist()
    return [rule for place, rule in enumerate(live) if (found[place // BITS] >> place % BITS) & 1]
