"""Correlation rules: what several matches together mean, over windows that slide.

The rules a correlation names are not told of by themselves unless it says `generate: true`. Groups are made by the
values of `group-by`, which `aliases` may find under another name for each rule; a match without a value for one of
them belongs to no group. Of a field with several values a group takes the first, a count takes all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sigma import correlations as s

from pipeline.detect.sigma import fields
from pipeline.detect.sigma.documents import Document
from pipeline.detect.sigma.literals import Unfit, joined
from pipeline.detect.sigma.rules import About, Parsed, Rule, parse
from pipeline.detect.sigma.values import Placeholders
from pipeline.errors import QueryError

KINDS = ("event_count", "value_count", "temporal", "temporal_ordered")
MAX_SPAN = timedelta(days=90)


@dataclass(frozen=True)
class Correlation:
    """One correlation: `parts` are ids of rules, `keys` the names of the fields each part is grouped by."""

    about: About
    kind: str
    parts: tuple[str, ...]
    span: timedelta
    keys: tuple[tuple[str, ...], ...]
    counted: str | None
    operator: str
    count: float
    sought: Any
    document: Document

    @property
    def least(self) -> int | None:
        """How many different things that are counted (events, values, parts) a window needs; None if unknown."""
        if self.kind == "temporal_ordered":
            return len(self.parts)
        if self.sought is not None:
            return None
        return {"gte": int(self.count), "gt": int(self.count) + 1}.get(self.operator)

    @property
    def by_parts(self) -> bool:
        """Whether parts are what is counted, and few enough to be the bits of a number."""
        return self.kind.startswith("temporal") and len(self.parts) <= 60

    def expression(self, present: Callable[[list[int]], str]) -> str:
        """The condition that names rules, as SQL; `present` gives that of whether one of some parts is there."""
        names = [str(each) for each in self.document.values["correlation"]["rules"]]

        def walk(node: Any) -> str:
            if isinstance(node, s.SigmaRuleReference):
                return present([part for part, name in enumerate(names) if name == node.reference])
            word = "and" if isinstance(node, s.CorrelationConditionAND) else "or"
            return joined(word, [walk(each) for each in node.args])

        return walk(self.sought)


@dataclass(frozen=True)
class RuleSet:
    """What a folder of rules holds, ready to be asked; `refused` says of every other document why it is not."""

    rules: list[Rule]
    correlations: list[Correlation]
    refused: list[QueryError]


def load(folder: Path | str, placeholders: Placeholders | None = None) -> RuleSet:
    """The rules and correlations below a folder; raises UsageError where there is none."""
    parsed = parse(folder, placeholders)
    named = _named(parsed)
    found: list[Correlation] = []
    hidden: set[str] = set()
    generated: set[str] = set()
    refused = list(parsed.refused)
    for about, document in parsed.correlations:
        try:
            parts = _parts(document, named)
            names = {each.about.id for each in parts}
            generates = document.values["correlation"].get("generate") is True
            (generated if generates else hidden).update(names)
            found.append(_correlation(about, document, parts))
        except QueryError as error:
            refused.append(error)
    rules = [replace(each, shown=each.about.id not in hidden - generated) for each in parsed.rules]
    return RuleSet(rules, found, sorted(refused, key=lambda each: each.place))


def _named(parsed: Parsed) -> dict[str, Rule | None]:
    """Rules by name and by id; None for a correlation, and for what two rules are called."""
    named: dict[str, Rule | None] = {}
    for rule in parsed.rules:
        for key in {str(rule.document.values[each]) for each in ("name", "id") if rule.document.values.get(each)}:
            named[key] = None if key in named else rule
    for _, document in parsed.correlations:
        named |= {str(document.values[each]): None for each in ("name", "id") if document.values.get(each)}
    return named


def _parts(document: Document, named: dict[str, Rule | None]) -> list[Rule]:
    given = document.values["correlation"]
    listed = given.get("rules") if isinstance(given, dict) else None
    names = [listed] if isinstance(listed, str) else listed
    if not isinstance(names, list) or not names or not all(isinstance(each, str) for each in names):
        raise document.fault(("correlation", "rules"), "it names no rules", "write rules: [name, …]")
    found: list[Rule] = []
    for number, name in enumerate(names):
        rule = named.get(name)
        if rule is None:
            problem = f"the rule {name!r} is a correlation, or two rules have the name" if name in named else ""
            problem = problem or f"there is no rule {name!r} among those loaded"
            raise document.fault(("correlation", "rules", number), problem, "name one rule by its name or id")
        found.append(rule)
    return found


def _correlation(about: About, document: Document, parts: list[Rule]) -> Correlation:
    values = document.values
    if isinstance(values["correlation"].get("rules"), str):
        values = values | {"correlation": values["correlation"] | {"rules": [values["correlation"]["rules"]]}}
        document = replace(document, values=values)
    try:
        read = s.SigmaCorrelationRule.from_dict(values)
    except Exception as error:  # whatever the parser does with what it did not expect, the rule is refused
        raise document.fault(_at(document, error), str(error) or type(error).__name__, "mend the correlation") from None
    kind = read.type.name.lower()
    if kind not in KINDS:
        raise document.fault(("correlation", "type"), f"{kind} is not supported", f"write one of {', '.join(KINDS)}")
    span = timedelta(seconds=min(read.timespan.seconds, 1 << 40))
    if span > MAX_SPAN:
        raise document.fault(("correlation", "timespan"), f"it spans more than {MAX_SPAN.days} days", "name less")
    names = list(values["correlation"]["rules"])
    operator, count, sought = _condition(document, read, kind, len(parts))
    counted = getattr(read.condition, "fieldref", None) if kind == "value_count" else None
    if counted is not None and not isinstance(counted, str):
        raise document.fault(("correlation", "condition"), "it counts several fields", "name one field")
    keys = tuple(tuple(_alias(read, name, key) for key in read.group_by or []) for name in names)
    for name in {each for keys_of in keys for each in keys_of} | ({counted} if counted else set()):
        try:
            fields.field(name).texts  # noqa: B018  a structure, or no field at all, is refused here
        except Unfit as error:
            where = "condition" if name == counted else "group-by"
            raise document.fault(("correlation", where), error.problem, error.remedy) from None
    ids = tuple(each.about.id for each in parts)
    return Correlation(about, kind, ids, span, keys, counted, operator, count, sought, document)


def _condition(document: Document, read: Any, kind: str, parts: int) -> tuple[str, float, Any]:
    """(operator, count, expression or None); raises QueryError for what a window cannot judge."""
    place, given = ("correlation", "condition"), read.condition
    if isinstance(given, s.SigmaExtendedCorrelationCondition):
        if kind == "temporal_ordered" or any(
            isinstance(each, s.CorrelationConditionNOT) for each in _nodes(given.parsed)
        ):
            raise document.fault(place, "an absence, or an order of alternatives, is not supported", "use and, or")
        return "gte", parts, given.parsed
    operator, count = given.op.name.lower(), given.count
    if kind == "temporal_ordered" and (operator, count) != ("gte", parts):
        raise document.fault(place, "an order is kept by all of its rules", f"write gte: {parts}, or leave it out")
    return operator, count, None


def _alias(read: Any, rule: str, key: str) -> str:
    """The field that a key of group-by is under one rule."""
    alias = read.aliases.aliases.get(key)
    if alias is None:
        return key
    return next((str(name) for reference, name in alias.mapping.items() if reference.reference == rule), key)


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for each in getattr(node, "args", ()):
        yield from _nodes(each)


def _at(document: Document, error: Exception) -> tuple[Any, ...]:
    """The member of the correlation that pySigma's message names."""
    text = str(error).lower().replace(" ", "").replace("-", "")
    given = document.values["correlation"]
    keys = [each for each in given if isinstance(each, str) and each.replace("-", "") in text]
    return ("correlation", keys[0]) if keys else ("correlation",)
