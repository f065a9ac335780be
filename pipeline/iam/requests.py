"""What a call's request says that changes which IAM actions it needs, and on which resources.

Whole events are read by the roll-up's own rules (`pipeline.records.requests`), so that an event and its row of
usage map alike; an S3 object's key and the other details exist in whole events only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.records.requests import request_members


def parameters(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event's requestParameters as an object, whether it holds them as one or as JSON text; {} for none."""
    given = event.get("requestParameters")
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return {}
    return given if isinstance(given, dict) else {}


def members(event: Mapping[str, Any]) -> dict[str, Any]:
    """The members the mapping minds, named in `pipeline.records.requests`.

    `event["request"]`, a row of usage's own, goes before what is found; of it only texts, flags and lists of texts.
    """
    source, name, given = event.get("eventSource"), event.get("eventName"), parameters(event)
    found: dict[str, Any] = {}
    if given and isinstance(source, str) and isinstance(name, str):
        try:
            text = json.dumps(given, ensure_ascii=False).encode("utf-8", "replace")
        except RecursionError:
            text = b"{}"
        found = json.loads(request_members(source.lower(), name, text) or b"{}")
    kept = event.get("request")
    return found | ({key: value for key, value in kept.items() if _plain(value)} if isinstance(kept, Mapping) else {})


def _plain(value: Any) -> bool:
    return isinstance(value, str | bool) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def texts(value: Any, name: str) -> list[str]:
    """The texts of a member, given as one or as a list (EC2 and older S3 records wrap them)."""
    held = value.get(name) if isinstance(value, dict) else None
    listed = held if isinstance(held, list) else [held]
    return [each for each in listed if isinstance(each, str) and each]


def partition(region: str) -> str:
    """The partition a region belongs to, as ARNs spell it."""
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
