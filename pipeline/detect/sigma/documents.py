"""YAML files of rules as documents that know their lines, whatever the file holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from sigma.exceptions import SigmaError
from sigma.rule.base import SigmaYAMLLoader, check_alias_expansion

from pipeline.errors import QueryError

MAX_BYTES = 2 << 20
MAX_DEPTH = 40
Keys = tuple[Any, ...]
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


@dataclass(frozen=True)
class Document:
    """One YAML document: its values, and the line of every key and list element by its path."""

    path: str
    number: int
    values: dict[str, Any]
    lines: dict[Keys, int] = field(repr=False)

    def place(self, *keys: Any) -> str:
        """`path:line` of the innermost of these nested keys that the document has."""
        found = next(self.lines[keys[:n]] for n in range(len(keys), -1, -1) if keys[:n] in self.lines)
        return f"{self.path}:{found}"

    def fault(self, keys: Keys, problem: str, remedy: str = "") -> QueryError:
        """An error at the place of these keys."""
        return QueryError(self.place(*keys), " ".join(problem.split())[:500], remedy)


def read(file: Path, shown: str) -> tuple[list[Document], list[QueryError]]:
    """The documents of a file, and what is wrong with those that are none; `shown` is the path as errors name it."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return [], [QueryError(f"{shown}:1", f"cannot be read ({error})", "mend the file")]
    if len(data) > MAX_BYTES:
        return [], [QueryError(f"{shown}:1", f"is longer than {MAX_BYTES >> 20} MB", "cut it into several files")]
    found: list[Document] = []
    try:
        _shallow(text)
        found.extend(_documents(text, shown))
    except (yaml.YAMLError, SigmaError, QueryError, TypeError, ValueError, RecursionError, OverflowError) as error:
        return [], [_told(error, shown)]
    whole = [each for each in found if isinstance(each.values, dict)]
    odd = [each.fault((), "is no mapping", "write title: …") for each in found if not isinstance(each.values, dict)]
    return whole, odd


def _documents(text: str, shown: str) -> Iterator[Document]:
    loader = SigmaYAMLLoader(text)
    try:
        number = 0
        while loader.check_node():
            node: Any = loader.get_node()
            _name(node)
            values = loader.construct_document(node)
            check_alias_expansion(values, SigmaError)
            if values is None:
                continue
            lines: dict[Keys, int] = {(): node.start_mark.line + 1}
            _mark(node, (), lines)
            yield Document(shown, number, values, lines)
            number += 1
    finally:
        loader.dispose()


def _name(document: yaml.Node) -> None:
    """Makes names of selections and fields texts, as written: YAML takes `on`, `off` and `yes` for booleans."""
    for detection in _below(document, "detection"):
        for selection in [detection, *_below(detection)]:
            maps = selection.value if isinstance(selection, yaml.SequenceNode) else [selection]
            for key in [key for each in maps if isinstance(each, yaml.MappingNode) for key, _ in each.value]:
                if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                    key.tag = _TEXT


def _below(node: yaml.Node, name: str | None = None) -> list[yaml.Node]:
    """What stands under the keys of a mapping, or under one of them."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return [value for key, value in pairs if name is None or key.value == name]


def _mark(node: yaml.Node, path: Keys, lines: dict[Keys, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, key.value if isinstance(key, yaml.ScalarNode) else "?")
            lines[inner] = key.start_mark.line + 1
            _mark(value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            lines[(*path, number)] = value.start_mark.line + 1
            _mark(value, (*path, number), lines)


def _shallow(text: str) -> None:
    """Refuses what is nested so deeply that composing it would exhaust the stack."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(problem=f"is nested deeper than {MAX_DEPTH}", problem_mark=mark)


def _told(error: Exception, shown: str) -> QueryError:
    if isinstance(error, QueryError):
        return error
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    return QueryError(f"{shown}:{line}", f"is no YAML: {' '.join(str(problem).split())[:300]}", "mend the file")
