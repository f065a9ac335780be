"""Sigma by the letter of its specification, in plain Python over records: slow, small, and knowing nothing of SQL."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

OPEN = ("requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "edgeDeviceDetails")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


def meets(record: dict[str, Any], detection: dict[str, Any], condition: Any) -> bool:
    """Whether a record meets a condition: a tree of ("and", …), ("or", …), ("not", one) and names of selections."""
    if isinstance(condition, str):
        return _selection(record, detection[condition])
    word, *parts = condition
    if word == "not":
        return not meets(record, detection, parts[0])
    return (all if word == "and" else any)(meets(record, detection, each) for each in parts)


def _selection(record: dict[str, Any], selection: Any) -> bool:
    if isinstance(selection, list):
        return any(_selection(record, each) for each in selection)
    return all(_item(record, key, value) for key, value in selection.items())


def _item(record: dict[str, Any], key: str, value: Any) -> bool:
    name, *modifiers = key.split("|")
    texts = list(_values(record, name))
    wanted = value if isinstance(value, list) else [value]
    if not wanted:
        wanted = [None]
    joined = all if "all" in modifiers else any
    found = joined(_one(record, texts, modifiers, each) for each in wanted)
    return not found if "neq" in modifiers else found


def _one(record: dict[str, Any], texts: list[str], modifiers: list[str], value: Any) -> bool:
    if value is None:
        return not texts
    if "exists" in modifiers:
        return bool(texts) == value
    if "fieldref" in modifiers:
        others = list(_values(record, value))
        return any(_referred(one.lower(), two.lower(), modifiers) for one in texts for two in others)
    return any(_text(each, modifiers, value) for each in texts)


def _referred(one: str, two: str, modifiers: list[str]) -> bool:
    if "contains" in modifiers:
        return two in one
    if "startswith" in modifiers:
        return one.startswith(two)
    return one.endswith(two) if "endswith" in modifiers else one == two


def _text(text: str, modifiers: list[str], value: Any) -> bool:
    number = float(text) if NUMBER.fullmatch(text) else None
    for modifier in modifiers:
        if modifier in ("lt", "lte", "gt", "gte"):
            order = {"lt": (-1,), "lte": (-1, 0), "gt": (1,), "gte": (1, 0)}[modifier]
            return number is not None and (number > value) - (number < value) in order
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, int | float):
        return number == value
    if "cidr" in modifiers:
        try:
            return ipaddress.ip_address(text) in ipaddress.ip_network(value)
        except ValueError:
            return False
    if "re" in modifiers:
        names = {"i": re.I, "m": re.M, "s": re.S}
        return bool(re.search(value, text, sum(names[each] for each in modifiers if each in names)))
    if "cased" not in modifiers:
        text, value = text.lower(), value.lower()
    return _like(text, _pattern(value, modifiers))


def _pattern(value: str, modifiers: list[str]) -> list[str | int]:
    """Characters, and 0 for any one of them, 1 for any number of them."""
    found: list[str | int] = []
    rest = value
    while rest:
        if rest[0] == "\\" and rest[1:2] in ("*", "?", "\\") and len(rest) > 1:
            found.append(rest[1])
            rest = rest[2:]
            continue
        found.append({"*": 1, "?": 0}.get(rest[0], rest[0]))
        rest = rest[1:]
    before = [1] if {"contains", "endswith"} & set(modifiers) else []
    after = [1] if {"contains", "startswith"} & set(modifiers) else []
    return [*before, *found, *after]


def _like(text: str, pattern: list[str | int]) -> bool:
    """Matched by the set of positions in the text that each step of the pattern may leave it at."""
    places = {0}
    for step in pattern:
        if step == 1:
            places = set(range(min(places), len(text) + 1)) if places else set()
        else:
            places = {at + 1 for at in places if at < len(text) and step in (0, text[at])}
    return len(text) in places


def _values(record: dict[str, Any], name: str) -> Iterator[str]:
    steps = name.lower().split(".")
    if steps[0] in (each.lower() for each in KNOWN):
        yield from _walk(record, steps)
    else:
        for each in [record, *(record.get(member) for member in OPEN)]:
            yield from _walk(each, steps)


def _walk(node: Any, steps: list[str]) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _walk(each, steps)
    elif steps:
        if isinstance(node, dict):
            for key, value in node.items():
                if key.lower() == steps[0]:
                    yield from _walk(value, steps[1:])
    elif isinstance(node, dict):
        yield json.dumps(node, separators=(",", ":"), ensure_ascii=False)  # letters as themselves, as DuckDB writes
    elif isinstance(node, bool):
        yield str(node).lower()
    elif node is not None:
        yield str(node)
        if "\\u" in str(node):  # a policy, whose letters may be escaped
            with suppress(ValueError):
                yield json.dumps(json.loads(str(node)), separators=(",", ":"), ensure_ascii=False)


KNOWN = (
    *("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress"),
    *("userAgent", "errorCode", "errorMessage", "requestID", "eventID", "readOnly", "resources", "eventType"),
    *("recipientAccountId", "eventCategory", "managementEvent", "tlsDetails", *OPEN),
)
