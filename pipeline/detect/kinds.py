"""Kinds of events: what the columns with few different texts say of every rule, asked once a kind and not once a row.

Most of a rule hangs on the event's source, name, error code and kind of caller. A million events hold a few hundred
combinations of these. Each is asked twice: whether an event of the kind may meet the rule (`weakened`), and whether it
surely does, whatever its other columns hold. What is left open is asked of the events themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import Node, anchored, leaves, weakened
from pipeline.engines.duckdb import Engine, quoted

WINDOW = "($since is null or eventTime >= $since) and ($until is null or eventTime <= $until)"
TABLE = "sigma_kinds"
_SEEN = "sigma_seen"
BITS = 60  # of a whole number that stand for a rule each


@dataclass(frozen=True)
class Kinds:
    """The table `sigma_kinds`, a row a kind that some rule can meet: `key`, `name`, how many `events`, `s0`… and `m0`….

    Bits of `s` stand for rules that an event of the kind surely meets, bits of `m` for those that are left open.

    The n-th of the `live` rules, those that some kind can meet, has bit n. `key` is SQL of the key over a row of the
    events. `open` has the rules that are left open for some kind, each with the share of all events it is open for.
    """

    key: str
    live: list[int]
    open: dict[int, float]

    @property
    def words(self) -> int:
        """How many whole numbers the bits take."""
        return -(-len(self.live) // BITS)

    @property
    def columns(self) -> list[str]:
        """The columns of the bits."""
        return [f"{prefix}{word}" for prefix in "sm" for word in range(self.words)]

    def bit(self, rule: int) -> tuple[int, int]:
        """(word, value) of a live rule's bit."""
        word, place = divmod(self.live.index(rule), BITS)
        return word, 1 << place

    def masks(self, rules: set[int]) -> list[int]:
        """The bits of those of the rules that are live, a number a word."""
        masks = [0] * self.words
        for rule in rules & set(self.live):
            word, value = self.bit(rule)
            masks[word] |= value
        return masks

    def any_of(self, rules: set[int], *prefixes: str) -> str:
        """SQL: whether one of these rules has its bit in columns `{prefix}0` and on; false where none is live."""
        tests = []
        for word, mask in enumerate(self.masks(rules)):
            if mask:
                tests.append(f"({' | '.join(f'{prefix}{word}' for prefix in prefixes)}) & {mask} <> 0")
        return f"({' or '.join(tests)})" if tests else "false"


def find(engine: Engine, conditions: list[Node], window: dict[str, datetime | None]) -> Kinds:
    """The kinds of a window's events, and what they decide; makes the table `sigma_kinds`."""
    used = {each.field.name for condition in conditions for each in leaves(condition)} | {"eventName"}
    engine.drop(_SEEN, TABLE)
    try:
        key = _see(engine, [quoted(name) for name in fields.ANCHORS if name in used], window)
        may = [weakened(each, anchored) or "true" for each in conditions]
        met = engine.query(f"select [{', '.join(f'bool_or({each})' for each in may)}] as met from {_SEEN}")
        live = [number for number, each in enumerate(met["met"][0].as_py() or []) if each]
        decided = [(may[number], _surely(conditions[number])) for number in live]
        words = _words("s", [sure for _, sure in decided])
        words |= _words("m", [f"{may} and not {sure}" for may, sure in decided])
        told = "".join(f", {sql} as {name}" for name, sql in words.items())
        some = " or ".join(f"{name} <> 0" for name in words) or "false"
        rows = f"select {key} as key, eventName as name, events{told} from {_SEEN}"
        engine.keep(TABLE, f"select * from ({rows}) where {some}", place="rules")
        return Kinds(key, live, _open(engine, live))
    finally:
        engine.drop(_SEEN)


def _see(engine: Engine, names: list[str], window: dict[str, datetime | None]) -> str:
    """Makes the table of every kind there is; SQL of the key by which kinds are told apart.

    A number is far quicker to group by and to look up than several texts. Texts that share one are found by another
    number, of what they are with something after them; then it is the texts by which kinds are told apart.
    """
    key, rows = _hash(names), f"select * from ({fields.ROWS}) where {WINDOW}"
    other = _hash([f"{name}::varchar || '.'" for name in names])
    firsts = ", ".join(f"first({name}) as {name}" for name in names)
    seen = f"""
        select {firsts}, count(*) as events, min(other) <> max(other) as mixed
        from (select *, {other} as other from ({rows})) group by {key}"""
    engine.keep(_SEEN, seen, window, "rules")
    if not engine.query(f"select coalesce(bool_or(mixed), false) as mixed from {_SEEN}")["mixed"][0].as_py():
        return key
    engine.drop(_SEEN)
    columns = ", ".join(names)
    engine.keep(_SEEN, f"select {columns}, count(*) as events from ({rows}) group by all", window, "rules")
    return f"row({columns})"


def _hash(texts: list[str]) -> str:
    return f"hash({', '.join(texts)})"


def there(engine: Engine, table: str, live: list[int], prefixes: str) -> list[int]:
    """Those of the `live` rules that have a bit in some row of a table, in columns `{prefix}0`… of the prefixes."""
    if not live:
        return []
    words = range(-(-len(live) // BITS))
    some = ", ".join(f"coalesce(bit_or({' | '.join(f'{each}{word}' for each in prefixes)}), 0)" for word in words)
    found = engine.query(f"select [{some}] as bits from {table}", place="rules")["bits"][0].as_py()
    return [rule for number, rule in enumerate(live) if found[number // BITS] & 1 << number % BITS]


def _open(engine: Engine, live: list[int]) -> dict[int, float]:
    """The rules that are left open for some kind, each with the share of all events that are of such a kind."""
    left = there(engine, TABLE, live, "m")
    shares = []
    for rule in left:
        word, place = divmod(live.index(rule), BITS)
        shares.append(f"sum(events) filter (m{word} & {1 << place} <> 0) / (select sum(events) from {_SEEN})")
    found = (
        engine.query(f"select [{', '.join(shares)}]::double[] as shares from {TABLE}", place="rules") if left else None
    )
    return dict(zip(left, found["shares"][0].as_py(), strict=True)) if found else {}


def _surely(condition: Node) -> str:
    """SQL: whether every event of a kind meets the condition, which is that none can fail it."""
    fails = weakened(condition, anchored, negated=True)
    return f"(not {fails})" if fails else "false"


def _words(prefix: str, tests: list[str]) -> dict[str, str]:
    """Whole numbers of which each test has a bit."""
    bits = [f"case when {each} then {1 << number % BITS} else 0 end" for number, each in enumerate(tests)]
    return {
        f"{prefix}{at // BITS}": f"({' + '.join(bits[at : at + BITS])})::bigint" for at in range(0, len(bits), BITS)
    }
