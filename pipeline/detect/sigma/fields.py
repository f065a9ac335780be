"""Fields of rules: from a dotted name, in any case, to the SQL of its values in a row of `events`.

A name is followed through the typed columns as far as the schema goes; what lies beyond is looked for in the JSON
text of `extra`, where the lake keeps members it has no column for. In JSON every step goes through arrays and takes
members in any case, so one field may have several values. A name whose first member is no column is looked for in
`extra` and in the open members (`requestParameters` …). A value that did not fit its column's type is not seen.

The SQL is over `ROWS`: the view `events_by_file` with a column for each typed member of a structure, named as rules
name it. A structure that a lambda takes hold of is read as a whole; a column of its own costs what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.detect.sigma.literals import Unfit, folded, joined, literal
from pipeline.records.schema import EVENTS, OPEN, PROVENANCE, RECORD

Test = Callable[[str], str]
MAX_STEPS = 20
# Columns that hold far more than the others.
WIDE = frozenset([*OPEN, "extra", "resources"])
# The mark (`Field.mark`) of more values than one; as a hash it is as good as impossible.
MANY = "0::ubigint"
# Columns with few different texts: together they make the kinds of events (`pipeline.detect.kinds`).
ANCHORS = (
    *(
        "eventSource",
        "eventName",
        "errorCode",
        "eventCategory",
        "eventType",
        "managementEvent",
        "readOnly",
        "awsRegion",
    ),
    *("userIdentity.type", "userIdentity.invokedBy", "userIdentity.sessionContext.sessionIssuer.type", "outcome"),
)
_PLAIN = re.compile(r"[A-Za-z0-9_.:\-]+")
_LONG = 100  # letters of a path whose other spellings are not looked for: their pattern grows with its square
# Beyond ASCII what DuckDB's own small letters take for one of its letters.
_ALSO = {"i": "\u0130", "k": "\u212a"}


@dataclass(frozen=True)
class Field:
    """Where a field's values lie: `sql` is a text, or a list of texts where `many`; None for a structure.

    `present` is an SQL condition, true where the field has a value; `columns` are those of `ROWS` that it reads.
    `hint` is a condition without which it has none, if there is one that is quicker to ask.
    """

    name: str
    sql: str | None
    many: bool
    present: str
    columns: frozenset[str]
    hint: str | None = None
    _mark: str = MANY

    @property
    def narrow(self) -> bool:
        """Whether it is one text, in a column that holds little."""
        return self.sql is not None and not self.many and self.columns.isdisjoint(WIDE)

    @property
    def mark(self) -> str:
        """SQL of a number that differs between rows whose values differ; `MANY` where a row may have several.

        Rows of one value may differ too; where a row has none it is NULL, or any number.
        """
        return f"case when {self.sql} is not null then hash({self.sql}) end" if self.narrow else self._mark

    @property
    def anchor(self) -> bool:
        """Whether it is one of the columns by which events are of a kind."""
        return self.name in ANCHORS

    def any(self, test: Test) -> str:
        """SQL, never NULL: whether some value of the field passes the test."""
        if not self.many:
            return f"coalesce({test(self.texts if self.sql is None else self.sql)}, false)"
        return f"(len(list_filter({self.sql}, lambda x: coalesce({test('x')}, false))) > 0)"

    @property
    def texts(self) -> str:
        """SQL of the list of all its values; an absent one has none."""
        if self.sql is None:
            raise Unfit(f"{self.name} is a structure", "name one of its members")
        return self.sql if self.many else f"list_filter([{self.sql}], lambda t: t is not null)"


def field(name: str) -> Field:
    """The field a rule names; raises Unfit where it cannot be one."""
    steps = name.split(".")
    if not all(steps) or len(steps) > MAX_STEPS:
        raise Unfit(f"{name[:80]!r} is no field", "write names joined by single dots", name)
    column = _named(EVENTS.names, steps[0])
    if column is None:
        places = ("extra", *OPEN)
        found = [_walk(each, steps) for each in places]
        return _many(name, f"list_concat({', '.join(found)})", frozenset(places))
    if column in PROVENANCE:
        raise Unfit(f"{column} says where a row came from, not what happened", "name a member of the record", name)
    if column in OPEN or column == "extra":
        if len(steps) == 1:
            return Field(column, column, False, f"({column} is not null)", frozenset([column]))
        hint = _hint(column, steps[1:]) if column == "requestParameters" else None
        return _many(name, _walk(column, steps[1:]), frozenset([column]), hint, _only(column, steps[1:]))
    return _typed(EVENTS.field(column).type, [column], steps[1:])


def whole_record() -> Field:
    """Every text of the record, for keywords: a list of the typed members and of the JSON texts, as they are."""
    singles: list[str] = []
    lists: list[str] = []
    for member in RECORD:
        for sql, many in _leaves(f'"{member.name}"', member.type):
            (lists if many else singles).append(sql)
    texts = f"list_filter(list_concat([{', '.join([*singles, 'extra'])}], {', '.join(lists)}), lambda t: t is not null)"
    return Field("the record", texts, True, "true", frozenset([*RECORD.names, "extra"]))


def _typed(kind: pa.DataType, path: list[str], rest: list[str]) -> Field:
    """Follows the rest of a name through a typed column; `path` is spelled as CloudTrail does."""
    columns = frozenset([".".join(path)])
    if pa.types.is_struct(kind) and rest:
        member = _named([each.name for each in kind], rest[0])
        if member is None:
            return _many(".".join([*path, *rest]), _walk("extra", [*path, *rest]), frozenset(["extra"]))
        return _typed(kind.field(member).type, [*path, member], rest[1:])
    name, sql = ".".join([*path, *rest]), f'"{".".join(path)}"'
    if pa.types.is_list(kind) and rest:
        member = _named([each.name for each in kind.value_type], rest[0])
        if member is None or len(rest) > 1:
            return _many(name, _walk("extra", [*path, *rest]), frozenset(["extra"]))
        only = f'case coalesce(len({sql}), 0) when 0 then null when 1 then hash({sql}[1]."{member}") else {MANY} end'
        return _many(name, f'list_transform({sql}, lambda e: e."{member}")', columns, None, only)
    if pa.types.is_map(kind) and rest:
        wanted = folded(".".join(rest))
        entries = f"list_filter(map_entries({sql}), lambda e: lower(e.key) = {wanted})"
        return _many(name, f"list_transform({entries}, lambda e: e.value)", columns)
    if rest:
        return _many(name, _walk("extra", [*path, *rest]), frozenset(["extra"]))
    if pa.types.is_struct(kind):
        sql, columns = _nested(path), frozenset(path[:1])
    return Field(name, _text(sql, kind), False, f"({sql} is not null)", columns)


def _many(name: str, sql: str, columns: frozenset[str], hint: str | None = None, mark: str = MANY) -> Field:
    texts = f"coalesce({sql}, []::varchar[])"
    present = f"(len(list_filter({texts}, lambda t: t is not null)) > 0)"
    return Field(name, texts, True, present, columns, hint, mark)


def _only(column: str, steps: list[str]) -> str:
    """The mark of a path in JSON text: the text's own, if no list and no other spelling of a step can make it several.

    Texts that differ may hold the same value; to read that would take longer than all the rest.
    """
    if not all(_PLAIN.fullmatch(each) for each in steps) or sum(map(len, steps)) > _LONG:
        return MANY
    others = "|".join(_misspelled(each) for each in steps if each.lower() != each.upper())
    several = [f"contains({column}, '[')", f"contains({column}, '\\u')"]
    several += [f"regexp_matches({column}, {literal(others)})"] if others else []
    return f"case when {joined('or', several)} then {MANY} when {column} is not null then hash({column}) end"


def _walk(column: str, steps: list[str]) -> str:
    """SQL of the list of texts at a path inside a column of JSON text."""
    nodes = f"[sigma_json({column})]"
    for step in steps:
        nodes = f"sigma_member({nodes}, {folded(step)})"
    found, plain = f"sigma_texts({nodes})", [each for each in steps if _PLAIN.fullmatch(each)]
    if not plain:
        return f"(case when {column} is not null then {found} else []::varchar[] end)"
    if len(plain) == len(steps) and "items" not in steps:
        # Most often a name stands in the text once, spelled as in the rule, and what it names is no list (as `items` is
        # in requests to EC2).
        key, path = folded(f'"{steps[-1]}"'), literal("$" + "".join(f'."{each}"' for each in steps))
        once = f"sigma_once({column}, {key}) and coalesce(sigma_plain({column}, {path}), '[') [1] not in ('[', '{{')"
        found = f"case when {once} then [sigma_plain({column}, {path})] else {found} end"
    return f"(case when {_hint(column, steps)} then {found} else []::varchar[] end)"


def _hint(column: str, steps: list[str]) -> str | None:
    """SQL: whether a name of a path stands in a JSON text, as it does unless its letters are escaped."""
    plain = [each for each in steps if _PLAIN.fullmatch(each)]
    return f"sigma_named({column}, {literal(_spelled(max(plain, key=len)))})" if plain else None


def _spelled(name: str) -> str:
    """A pattern for a member's name in quotes, in any case: DuckDB's ILIKE is slower wherever it can meet Unicode."""
    return f'"{"".join(_letter(each) for each in name)}"'


def _misspelled(name: str) -> str:
    """The same for every spelling but this one, by the first letter that differs."""
    letters = [_letter(each) for each in name]
    others = [
        re.escape(name[:place]) + _letter(each, but=each) + "".join(letters[place + 1 :])
        for place, each in enumerate(name)
        if each.isalpha()
    ]
    return f'"(?:{"|".join(others)})"'


def _letter(each: str, but: str = "") -> str:
    """A pattern for a letter in any case."""
    if not each.isalpha():
        return re.escape(each)
    spellings = each.lower() + each.upper() + _ALSO.get(each.lower(), "")
    return f"[{spellings.replace(but, '') if but else spellings}]"


def _text(sql: str, kind: pa.DataType) -> str | None:
    """A leaf's value as text, as JSON would write it; None for a structure."""
    if pa.types.is_string(kind):
        return sql
    if pa.types.is_boolean(kind):
        return f"cast({sql} as varchar)"
    if pa.types.is_timestamp(kind):
        return f"strftime({sql}, '%Y-%m-%dT%H:%M:%SZ')"
    return None


def _leaves(sql: str, kind: pa.DataType) -> Iterator[tuple[str, bool]]:
    """(SQL, whether it is a list) of every text below a typed column."""
    if pa.types.is_struct(kind):
        for member in kind:
            yield from _leaves(f'{sql}."{member.name}"', member.type)
    elif pa.types.is_list(kind):
        for member in kind.value_type:
            yield f'list_transform({sql}, lambda e: e."{member.name}")', True
    elif pa.types.is_map(kind):
        yield f"map_values({sql})", True
    else:
        text: Any = _text(sql, kind)
        yield text, False


def _nested(path: list[str]) -> str:
    return ".".join(f'"{each}"' for each in path)


def _members(kind: pa.DataType, path: list[str]) -> Iterator[list[str]]:
    """The paths of what lies below a structure, down to what is none."""
    for member in kind:
        inner = [*path, member.name]
        if pa.types.is_struct(member.type):
            yield from _members(member.type, inner)
        else:
            yield inner


def _rows() -> str:
    structures = [each for each in EVENTS if pa.types.is_struct(each.type)]
    paths = [path for each in structures for path in _members(each.type, [each.name])]
    return f"""select *, {", ".join(f'{_nested(path)} as "{".".join(path)}"' for path in paths)} from events_by_file"""


def _named(names: list[str], wanted: str) -> str | None:
    """The name that is `wanted` in any case."""
    return next((each for each in names if each.lower() == wanted.lower()), None)


ROWS = _rows()
