"""The header of a question: TOML in the SQL comments at the top of its file, read with its places.

Shaped after PEP 723 (inline script metadata), so that the file stays plain SQL for every editor and for DuckDB itself.
A fault is told as `queries/anomalies/x.sql:4:12: …`, the line and column in the file.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.catalog.params import Param, param
from pipeline.catalog.params import values as typed
from pipeline.errors import QueryError

SEVERITIES = ("critical", "high", "medium", "low", "informational")
KINDS = {
    "query": {"title", "question", "severity", "controls", "mitre", "action", "most", "columns", "params"},
    "view": {"title", "question", "columns"},
}
_OPEN = re.compile(r"^-- /// (\w+)\s*$")
_CLOSE = re.compile(r"^-- ///\s*$")
_KEY = re.compile(r"^(\s*)([A-Za-z0-9_.\-\"]+)\s*=\s*")
_TABLE = re.compile(r"^\s*\[([^\[\]]+)\]")
_AT = re.compile(r"\(at line (\d+), column (\d+)\)")
_PREFIX = 3  # "-- "


@dataclass(frozen=True)
class Query:
    """One question or view. `sql` is the whole file; `columns` gives each column's meaning, in the file's order.

    `most`, of an anomaly that gives points, is how many of them count for one episode; None for any other question.
    """

    id: str
    path: str
    kind: str
    title: str
    question: str
    severity: str | None
    controls: list[str]
    mitre: list[str]
    action: str
    most: int | None
    columns: dict[str, str]
    params: dict[str, Param]
    sql: str
    spots: dict[str, tuple[int, int]] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The last part of the id; for a view, what SQL calls it."""
        return self.id.rpartition("/")[2]

    @property
    def body(self) -> str:
        """The SQL without its header."""
        lines = self.sql.splitlines()
        return "\n".join(lines[self.spots["end"][0] :]).strip() + "\n"

    def place(self, *keys: str) -> str:
        """`path:line:column` of the first of these keys (`columns.count`, `params.since`) that the header has."""
        line, column = next((self.spots[each] for each in keys if each in self.spots), self.spots["start"])
        return f"{self.path}:{line}:{column}"


@dataclass
class Block:
    """The header's TOML and where it stands: `first` is the file's line of the TOML's first line."""

    path: str
    kind: str
    toml: str
    first: int
    spots: dict[str, tuple[int, int]] = field(default_factory=dict)

    def fail(self, key: str, problem: str, remedy: str) -> QueryError:
        """A fault at the place of `key`, or at the header's start."""
        line, column = self.spots.get(key, self.spots["start"])
        return QueryError(f"{self.path}:{line}:{column}", problem, remedy)


def read(text: str, identity: str, path: str) -> Query:
    """The question in `text`; raises QueryError with line and column for whatever is wrong with its header."""
    block = _block(text, path)
    values = _toml(block)
    _known(block, values, KINDS[block.kind])
    columns = _table(block, values, "columns")
    for name, meaning in columns.items():
        if not isinstance(meaning, str):
            raise block.fail(f"columns.{name}", f"column {name}: its meaning is no text", f'write {name} = "…"')
    severity = values.get("severity")
    if severity is not None and severity not in SEVERITIES:
        raise block.fail("severity", f"severity {severity!r} is unknown", f"write one of {', '.join(SEVERITIES)}")
    return Query(
        id=identity,
        path=path,
        kind=block.kind,
        title=_text(block, values, "title", required=True),
        question=_text(block, values, "question", required=block.kind == "query"),
        severity=severity,
        controls=_texts(block, values, "controls"),
        mitre=_texts(block, values, "mitre"),
        action=_text(block, values, "action"),
        most=_points(block, values),
        columns=columns,
        params={name: param(block, name, given) for name, given in _table(block, values, "params").items()},
        sql=text,
        spots=block.spots,
    )


def present(text: str) -> bool:
    """Whether `text` has a header at all; own SQL may do without."""
    return any(_OPEN.match(line) for line in text.splitlines())


def values(query: Query, given: dict[str, str], as_of: datetime) -> dict[str, Any]:
    """A typed value for each parameter of the question, from text; raises UsageError."""
    return typed(query.params, given, as_of, query.id)


def stem(path: Path, folder: Path) -> str:
    """The id of a file: its path below the folder, without `.sql`."""
    return path.relative_to(folder).with_suffix("").as_posix()


def _block(text: str, path: str) -> Block:
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if match := _OPEN.match(line):
            break
        if line.strip() and not line.lstrip().startswith("--"):
            raise QueryError(f"{path}:{number}:1", "SQL stands before the header", "begin the file with -- /// query")
    else:
        raise QueryError(f"{path}:1:1", "has no header", "begin the file with -- /// query and end it with -- ///")
    kind = match[1]
    if kind not in KINDS:
        raise QueryError(f"{path}:{number}:8", f"a header of kind {kind!r} is unknown", "write query or view")
    content: list[str] = []
    for offset, line in enumerate(lines[number:], number + 1):
        if _CLOSE.match(line):
            spots = {"start": (number, 1), "end": (offset, 1)}
            return Block(path, kind, "\n".join(content), number + 1, spots)
        if line.rstrip() != "--" and not line.startswith("-- "):
            raise QueryError(f"{path}:{offset}:1", "a line of the header lacks its '-- '", "close it with -- ///")
        content.append(line[_PREFIX:])
    raise QueryError(f"{path}:{number}:1", "the header is not closed", "end it with a line -- ///")


def _toml(block: Block) -> dict[str, Any]:
    try:
        values = tomllib.loads(block.toml)
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        last = block.toml.splitlines() or [""]
        line, column = (int(at[1]), int(at[2])) if at else (len(last), len(last[-1]) + 1)
        place = f"{block.path}:{block.first + line - 1}:{column + _PREFIX}"
        raise QueryError(place, f"the header is no TOML: {_AT.sub('', str(error)).strip()}", "mend the line") from None
    block.spots.update(_places(block))
    return values


def _places(block: Block) -> dict[str, tuple[int, int]]:
    """Where each value begins, by its dotted key; tables by their heading."""
    found: dict[str, tuple[int, int]] = {}
    table = ""
    for number, line in enumerate(block.toml.splitlines(), block.first):
        if match := _TABLE.match(line):
            table = match[1].replace('"', "") + "."
            place = (number, match.start(1) + 1 + _PREFIX)
            found.setdefault(table[:-1], place)
            found.setdefault(table[:-1].partition(".")[0], place)
        elif match := _KEY.match(line):
            key = table + match[2].replace('"', "")
            found.setdefault(key, (number, match.end() + 1 + _PREFIX))
            found.setdefault(key.rpartition(".")[0], (number, match.end(1) + 1 + _PREFIX))
    return found


def _known(block: Block, values: dict[str, Any], known: set[str]) -> None:
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            remedy = f"did you mean {near[0]}?" if near else f"a {block.kind} has {', '.join(sorted(known))}"
            raise block.fail(key, f"the header key {key!r} is unknown", remedy)


def _text(block: Block, values: dict[str, Any], key: str, required: bool = False) -> str:
    value = values.get(key, "")
    if not isinstance(value, str) or (required and not value.strip()):
        problem = f"{key} is no text" if key in values else f"the header has no {key}"
        raise block.fail(key, problem, f'write {key} = "…"')
    return value


def _texts(block: Block, values: dict[str, Any], key: str) -> list[str]:
    value = values.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise block.fail(key, f"{key} is no list of texts", f'write {key} = ["…"]')
    return value


def _points(block: Block, values: dict[str, Any]) -> int | None:
    value = values.get("most")
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise block.fail("most", "most is no whole number above 0", "write most = 60")
    return value


def _table(block: Block, values: dict[str, Any], key: str) -> dict[str, Any]:
    value = values.get(key, {})
    if not isinstance(value, dict):
        raise block.fail(key, f"{key} is no table", f"write a heading [{key}]")
    return value
