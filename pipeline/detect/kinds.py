"""Kinds of events: what the columns with few different texts say of every rule, asked once a kind and not once a row.

Most of a rule hangs on the event's source, name, error code and kind of caller. A million events hold a few hundred
combinations of these. Each is asked twice: whether an event of the kind may meet the rule (`weakened`), and whether it
surely does, whatever its other columns hold. What is left open is asked of the events themselves, those of that name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import Node, leaves, weakened
from pipeline.detect.sigma.literals import literal
from pipeline.engines.duckdb import Engine, quoted

WINDOW = "($since is null or eventTime >= $since) and ($until is null or eventTime <= $until)"
TABLE = "sigma_kinds"
BITS = 60  # of a whole number that stand for a rule each
_MANY = 200  # names from which on it does not pay to look at the name first


@dataclass(frozen=True)
class Kinds:
    """The table `sigma_kinds`, a row a kind that some rule can meet: its `key`, bits `s0`… (sure) and `m0`… (open).

    The n-th of the `live` rules, those that some kind can meet, has bit n. `open` are those left open for some kind.
    `key` is SQL of the key over a row of the events; `may` and `left` say by event name which rules (as bits of one
    number) an event of that name may meet, and which of them are left open.
    """

    key: str
    live: list[int]
    may: dict[str | None, int]
    left: dict[str | None, int]

    @property
    def words(self) -> int:
        """How many whole numbers the bits take."""
        return -(-len(self.live) // BITS)

    @property
    def open(self) -> list[int]:
        """The rules that are left open for some kind."""
        return [rule for rule in self.live if any(each & self._bit(rule) for each in self.left.values())]

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

    def named(self, rules: set[int], given: dict[str | None, int]) -> str:
        """SQL: whether an event has a name for which `given`, `may` or `left`, has one of these rules."""
        bits = sum(self._bit(rule) for rule in rules & set(self.live))
        names = [name for name, each in given.items() if each & bits]
        if len(names) > _MANY:
            return "true"
        some = ", ".join(literal(name) for name in names if name is not None)
        tests = ([f"eventName in ({some})"] if some else []) + (["eventName is null"] if None in names else [])
        return f"({' or '.join(tests)})" if tests else "false"

    def _bit(self, rule: int) -> int:
        return 1 << self.live.index(rule)


def find(engine: Engine, conditions: list[Node], window: dict[str, datetime | None]) -> Kinds:
    """The kinds of a window's events, and what they decide; makes the table `sigma_kinds`."""
    used = {each.field.name for condition in conditions for each in leaves(condition)} | {"eventName"}
    names = ", ".join(quoted(name) for name in fields.ANCHORS if name in used)
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
        some = " or ".join(f"{name} <> 0" for name in words) or "false"
        rows = f"select {_key(engine, names)} as key, eventName as name{told} from sigma_seen"
        engine.keep(TABLE, f"select * from ({rows}) where {some}", place="rules")
        return Kinds(_key(engine, names), live, *_by_name(engine, len(words) // 2))
    finally:
        engine.drop("sigma_seen")


def _key(engine: Engine, names: str) -> str:
    """SQL of what tells kinds apart: a whole number, far quicker to look up than several texts, if no two share it."""
    same = engine.query(f"select count(*) <> count(distinct hash({names})) as same from sigma_seen")["same"][0].as_py()
    return f"row({names})" if same else f"hash({names})"


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


def _by_name(engine: Engine, words: int) -> tuple[dict[str | None, int], dict[str | None, int]]:
    """By event name the rules that an event of it may meet, and those left open."""
    columns = [f"bit_or(s{n} | m{n}) as a{n}, bit_or(m{n}) as o{n}" for n in range(words)]
    if not columns:
        return {}, {}
    found = engine.query(f"select name, {', '.join(columns)} from {TABLE} group by name").to_pylist()

    def bits(row: dict[str, Any], prefix: str) -> int:
        return sum(int(row[f"{prefix}{n}"]) << n * BITS for n in range(words))

    return {row["name"]: bits(row, "a") for row in found}, {row["name"]: bits(row, "o") for row in found}
