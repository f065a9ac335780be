"""Rule files to rules: found by folder, parsed by pySigma, made into conditions, or refused with path, line and reason.

One bad rule never costs another. Besides Sigma's own members a rule may have a mapping `trailsift:` with `controls`
(ids such as CT-04), `next_steps` (what to do about a match, in order) and `tests`; see queries/detections.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sigma import conditions as c
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.rule.detection import SigmaDetection, SigmaDetectionItem

from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import MAX_LEAVES, Every, Node, Not, some
from pipeline.detect.sigma.documents import Document, read
from pipeline.detect.sigma.literals import Unfit
from pipeline.detect.sigma.regexes import POLICY
from pipeline.detect.sigma.values import Placeholders, leaf
from pipeline.errors import QueryError, UsageError

PRODUCT, SERVICE = "aws", "cloudtrail"
LEVELS = ("critical", "high", "medium", "low", "informational")
UNGRADED = "medium"  # what a rule without a level counts as
MAX_CONDITION, MAX_BRACKETS = 4_000, 20
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.I)
_KEYS = {"controls", "next_steps", "tests"}


@dataclass(frozen=True)
class About:
    """What a finding says of the rule behind it.

    `id` is the file's path below the rules' folder (`detections/root_use`), with `#name` or `#2` where a file holds
    several; `key` is Sigma's own id where the rule has one, and stays when the file is moved.
    """

    id: str
    key: str
    place: str
    title: str
    severity: str
    mitre: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rule:
    """A rule about single events. One that only serves correlations is not `shown` itself."""

    about: About
    condition: Node
    document: Document
    shown: bool = True


@dataclass(frozen=True)
class Parsed:
    """The documents of a folder: rules, documents of correlations with their `About`, and what was refused."""

    rules: list[Rule]
    correlations: list[tuple[About, Document]]
    refused: list[QueryError]


def parse(folder: Path | str, placeholders: Placeholders | None = None) -> Parsed:
    """All rules of `*.yml` and `*.yaml` below `folder` (or of one file); raises UsageError where there is none."""
    base, paths = files(folder)
    parsed = Parsed([], [], [])
    for path in paths:
        inner = path.relative_to(base)
        documents, faults = read(path, f"{base.name}/{inner.as_posix()}")
        parsed.refused.extend(faults)
        stem = f"{base.name}/{inner.with_suffix('').as_posix()}"
        for document in documents:
            try:
                _take(parsed, document, stem, len(documents) > 1, placeholders or {})
            except QueryError as error:
                parsed.refused.append(error)
    return parsed


def files(folder: Path | str) -> tuple[Path, list[Path]]:
    """The folder that rules' paths begin in, and the files of rules in it; raises UsageError where there is none."""
    folder = Path(folder)
    if folder.is_file():
        return folder.parent, [folder]
    if not folder.is_dir():
        raise UsageError(folder, "no such folder", "name a folder of Sigma rules by --rules")
    found = sorted(each for each in folder.rglob("*") if each.suffix in (".yml", ".yaml"))
    return folder, [each for each in found if each.is_file()]


def _take(parsed: Parsed, document: Document, stem: str, several: bool, placeholders: Placeholders) -> None:
    values = document.values
    if "correlation" in values:
        parsed.correlations.append((about(document, stem, several), document))
    elif "action" in values or "filter" in values:
        kind = "action" if "action" in values else "filter"
        raise document.fault((kind,), f"a document with {kind!r} is not supported", "write the rule out in full")
    else:
        _ours(document)
        rule = _sigma(document)
        said = about(document, stem, several)
        parsed.rules.append(Rule(said, _condition(document, rule, placeholders), document))


def about(document: Document, stem: str, several: bool) -> About:
    """What a document says of itself; raises QueryError where a member is not what it should be."""
    values = document.values
    title, level = values.get("title"), values.get("level")
    if not isinstance(title, str) or not title.strip():
        raise document.fault(("title",), "the rule has no title", "write title: …")
    if level is not None and level not in LEVELS:
        raise document.fault(("level",), f"level {level!r} is unknown", f"write one of {', '.join(LEVELS)}")
    own = values.get("trailsift") or {}
    if not isinstance(own, dict) or set(own) - _KEYS:
        raise document.fault(("trailsift",), "trailsift is unknown in this form", f"it has {', '.join(sorted(_KEYS))}")
    name = str(values.get("name") or document.number + 1)
    identity = f"{stem}#{name}" if several else stem
    tags = _texts(document, values.get("tags"), "tags")
    return About(
        id=identity,
        key=str(values.get("id") or identity),
        place=document.place(),
        title=title.strip(),
        severity=level or UNGRADED,
        mitre=[found[1].upper() for each in tags if (found := _TECHNIQUE.fullmatch(each))],
        controls=_texts(document, own.get("controls"), "trailsift", "controls"),
        next_steps=_texts(document, own.get("next_steps"), "trailsift", "next_steps"),
    )


def _texts(document: Document, value: Any, *keys: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise document.fault(keys, f"{keys[-1]} is no list of texts", f"write {keys[-1]}: [ … ]")
    return value


def _ours(document: Document) -> None:
    """Refuses a rule about other logs than CloudTrail's."""
    source = document.values.get("logsource")
    if not isinstance(source, dict):
        raise document.fault(("logsource",), "the rule has no logsource", "write product: aws, service: cloudtrail")
    for key, wanted in (("product", PRODUCT), ("service", SERVICE)):
        given = source.get(key)
        if not isinstance(given, str) or given.lower() != wanted:
            problem = f"it is about other logs than CloudTrail's ({key} {given!r})"
            raise document.fault(("logsource", key), problem, "nothing to do")
    if source.get("category") is not None:
        raise document.fault(("logsource", "category"), "CloudTrail's logs have no category", "leave it out")


def _sigma(document: Document) -> SigmaRule:
    """The rule as pySigma reads it; its errors gain the line of what is at fault."""
    detection = document.values.get("detection")
    if not isinstance(detection, dict):
        raise document.fault(("detection",), "the rule has no detection", "write detection: with a condition")
    conditions = detection.get("condition")
    for each in conditions if isinstance(conditions, list) else [conditions]:
        if not isinstance(each, str) or len(each) > MAX_CONDITION or each.count("(") > MAX_BRACKETS:
            problem = (
                "the condition is no text" if not isinstance(each, str) else "the condition is too long or too deep"
            )
            raise document.fault(("detection", "condition"), problem, "write condition: selection and not filter")
        if "|" in each:
            problem = "an aggregation in a condition is of Sigma's old form"
            raise document.fault(("detection", "condition"), problem, "write a correlation")
    for keys, build in _pieces(detection):
        try:
            build()
        except Exception as error:  # whatever the parser does with what it did not expect, the rule is refused
            raise document.fault(("detection", *keys), _reason(error), _remedy(error)) from None
    # Only what decides the meaning: a rule is not refused for the form of its date or its references.
    meant = {name: document.values[name] for name in ("title", "logsource", "detection")}
    try:
        return SigmaRule.from_dict(meant, policy=POLICY)
    except Exception as error:
        raise document.fault(("detection",), _reason(error), "mend the rule") from None


def _pieces(detection: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """(path, parser) of every part of a detection that can be at fault alone, the smallest first."""
    for name, definition in detection.items():
        if name == "condition":
            continue
        maps: list[tuple[tuple[Any, ...], Any]] = [((), definition)] if isinstance(definition, dict) else []
        if isinstance(definition, list):
            maps = [((number,), each) for number, each in enumerate(definition) if isinstance(each, dict)]
        for inner, mapping in maps:
            for key, value in mapping.items():
                yield (name, *inner, key), partial(SigmaDetectionItem.from_mapping, key, value, None, POLICY)
        yield (name,), partial(SigmaDetection.from_definition, definition, None, POLICY)


def _condition(document: Document, rule: SigmaRule, placeholders: Placeholders) -> Node:
    found: list[Node] = []
    for parsed in rule.detection.parsed_condition:
        try:
            tree = parsed.parse()
        except Exception as error:
            raise document.fault(("detection", "condition"), _reason(error), "mend the condition") from None
        try:
            found.append(_Walk(placeholders).node(tree))
        except RecursionError:
            raise document.fault(("detection",), "the condition is too deep", "write a simpler one") from None
        except Unfit as error:
            raise document.fault(_where(document, error), error.problem, error.remedy) from None
    return some(found)


class _Walk:
    """pySigma's tree to ours; counts what it makes, since a small file can ask for a great many tests."""

    def __init__(self, placeholders: Placeholders) -> None:
        self.placeholders, self.count = placeholders, 0
        self.fields: dict[str, fields.Field] = {}

    def node(self, item: Any) -> Node:
        if isinstance(item, c.ConditionNOT):
            return Not(self.node(item.args[0]))
        if isinstance(item, c.ConditionAND):
            return Every(tuple(self.node(each) for each in item.args))
        if isinstance(item, c.ConditionOR):
            return some([self.node(each) for each in item.args])
        self.count += 1
        if self.count > MAX_LEAVES:
            raise Unfit(f"it makes more than {MAX_LEAVES:,} tests", "cut it into several rules")
        if isinstance(item, c.ConditionFieldEqualsValueExpression):
            return self._leaf(item.field, item.value)
        if isinstance(item, c.ConditionValueExpression):
            return leaf(fields.whole_record(), item.value, self.placeholders, anywhere=True)
        raise Unfit("the condition is empty", "name a selection in it")

    def _leaf(self, name: str, value: Any) -> Node:
        try:
            where = self.fields.get(name) or self.fields.setdefault(name, fields.field(name))
            return leaf(where, value, self.placeholders)
        except Unfit as error:
            raise Unfit(error.problem, error.remedy, error.key or name) from None


def _where(document: Document, error: Unfit) -> tuple[Any, ...]:
    """The path of the first key of the detection that names the field at fault."""
    for path in document.lines:
        if len(path) > 2 and path[0] == "detection" and str(path[-1]).partition("|")[0] == error.key:
            return path
    return ("detection",)


def _reason(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text if isinstance(error, SigmaError) else f"cannot be understood ({type(error).__name__}: {text[:200]})"


def _remedy(error: Exception) -> str:
    text = str(error)
    return "RE2 has no look-around and no back-references" if "egular expression" in text else "mend this line"
