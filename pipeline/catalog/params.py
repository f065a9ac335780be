"""Parameters of a question: declared in its header, given as text, bound as typed values, never put into SQL."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from pipeline.times import parse_time

if TYPE_CHECKING:
    from pipeline.catalog.header import Block

TYPES = ("text", "timestamp", "integer", "number", "boolean", "list")
_NAME = re.compile(r"^[a-z_][a-z0-9_]*$")
_KEYS = {"type", "default", "help", "optional"}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SCALARS: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "number": float,
    "boolean": lambda word: _BOOLEANS[word.lower()],
}
_EXAMPLES: dict[str, Any] = {
    "text": "",
    "timestamp": datetime(2000, 1, 1, tzinfo=UTC),
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "list": [""],
}


@dataclass(frozen=True)
class Param:
    """One parameter. `default` is text as a user would write it; an `optional` one without default is null."""

    name: str
    type: str
    default: str | None
    help: str
    optional: bool

    @property
    def example(self) -> Any:
        """A value of the type, to bind a statement without running it."""
        return _EXAMPLES[self.type]

    def parse(self, text: str, as_of: datetime) -> Any:
        """The value `text` stands for; relative times count back from `as_of`. Raises UsageError."""
        place = f"-p {self.name}"
        if self.type == "timestamp":
            return parse_time(text, as_of, place)
        if self.type == "list":
            return _items(text, place)
        if self.type == "text":
            return text
        try:
            return _SCALARS[self.type](text)
        except (ValueError, KeyError):
            remedy = "write true or false" if self.type == "boolean" else "write digits"
            raise UsageError(place, f"{text!r} is no {self.type}", remedy) from None


def param(block: Block, name: str, given: Any) -> Param:
    """The parameter a header declares; raises QueryError at its place."""
    place = f"params.{name}"
    if not _NAME.match(name):
        raise block.fail(place, f"{name!r} is no name for a parameter", "use small letters, digits and _")
    if not isinstance(given, dict) or set(given) - _KEYS:
        unknown = ", ".join(sorted(set(given) - _KEYS)) if isinstance(given, dict) else "its value"
        where = f"{place}.{unknown}" if f"{place}.{unknown}" in block.spots else place
        raise block.fail(where, f"parameter {name}: {unknown} is unknown", f"it has {', '.join(sorted(_KEYS))}")
    kind = given.get("type")
    if kind not in TYPES:
        where = f"{place}.type" if "type" in given else place
        raise block.fail(where, f"parameter {name}: type {kind!r} is unknown", f"write one of {', '.join(TYPES)}")
    found = Param(name, kind, _default(given.get("default")), str(given.get("help", "")), given.get("optional") is True)
    if found.default is not None:
        try:
            found.parse(found.default, datetime(2000, 1, 1, tzinfo=UTC))
        except UsageError as error:
            raise block.fail(f"{place}.default", f"parameter {name}: {error.problem}", error.remedy) from None
    return found


def values(declared: dict[str, Param], given: dict[str, str], as_of: datetime, place: str) -> dict[str, Any]:
    """A value for each declared parameter; raises UsageError for unknown names, missing and malformed values."""
    for name in given:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, 1) or sorted(declared)
            remedy = f"it has {', '.join(near)}" if near else "it has none"
            raise UsageError(place, f"there is no parameter {name!r}", remedy)
    found: dict[str, Any] = {}
    for name, each in declared.items():
        text = given.get(name, each.default)
        if text is None and not each.optional:
            raise UsageError(place, f"the parameter {name} has no value", f"give -p {name}=VALUE ({each.type})")
        found[name] = None if text is None else each.parse(text, as_of)
    return found


def _default(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _items(text: str, place: str) -> list[str]:
    """`a,b` or a JSON list, for items that hold commas."""
    if not text.lstrip().startswith("["):
        return [each.strip() for each in text.split(",") if each.strip()]
    try:
        items = json.loads(text)
    except ValueError:
        raise UsageError(place, "is no JSON list", 'write a,b or ["a","b"]') from None
    return [each if isinstance(each, str) else json.dumps(each) for each in items]
