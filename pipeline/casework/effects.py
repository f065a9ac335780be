"""What a call made and whose permissions it changed, read from its record by the table data/effects.toml."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).with_name("data") / "effects.toml"


@dataclass(frozen=True)
class Effect:
    """One thing a record says was made, or one change to permissions. Ids and names are text as the record has it.

    `follow` says how its own doings are found: `access_key` (that key), `principal` (that ARN), `console` (console
    sessions of the user of this name), `session` (sessions by this name: EC2 and Lambda name a role's session after
    the instance or function), or "" where the log has no doings of such a thing.
    """

    kind: str
    id: str
    name: str | None
    follow: str = ""
    target: str = ""
    text: str = ""


def names(table: str, kind: str | None = None) -> list[str]:
    """Event names of one of the two tables, `created` or `changed`; of what is made, only of one kind where given."""
    rows = _table()[table].items()
    return sorted({each.partition("/")[2] for each, rule in rows if kind is None or rule.get("kind") == kind})


def created(row: dict[str, Any]) -> list[Effect]:
    """What a row (eventSource, eventName, requestParameters, responseElements as JSON text) says was made."""
    rule = _rule("created", row)
    if rule is None:
        return []
    record = _record(row)
    found = next((ids for path in rule["id"] if (ids := _at(record, path))), [])
    name = _first(record, rule.get("name", []))
    return [Effect(rule["kind"], each, name, rule.get("follow", "")) for each in found]


def changed(row: dict[str, Any]) -> Effect | None:
    """What a row says it did to permissions: `id` is whose, `name` the policy or group; None for other calls."""
    rule = _rule("changed", row)
    if rule is None:
        return None
    record = _record(row)
    target = _first(record, [rule["id"]])
    return Effect("change", target or "", _first(record, rule["what"]), target=rule["target"], text=rule["text"])


@cache
def _table() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads(_SOURCE.read_text("utf-8"))


def _rule(table: str, row: dict[str, Any]) -> dict[str, Any] | None:
    service = str(row["eventSource"] or "").partition(".")[0]
    return _table()[table].get(f"{service}/{row['eventName']}")


def _record(row: dict[str, Any]) -> dict[str, Any]:
    return {"request": _parsed(row["requestParameters"]), "response": _parsed(row["responseElements"])}


def _parsed(text: str | None) -> Any:
    """A member as JSON; None where it is absent or is none that Python reads: then the record names nothing."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _first(record: dict[str, Any], paths: list[str]) -> str | None:
    return next((found[0] for path in paths if (found := _at(record, path))), None)


def _at(record: Any, path: str) -> list[str]:
    """The texts at a path such as `response.instancesSet.items[].instanceId`."""
    here = [record]
    for step in path.split("."):
        member = step.removesuffix("[]")
        there = [each[member] for each in here if isinstance(each, dict) and member in each]
        if step.endswith("[]"):
            there = [item for each in there if isinstance(each, list) for item in each]
        here = there
    return [each for each in here if isinstance(each, str) and each]
