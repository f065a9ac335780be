"""A proposal as people give it: one policy document, a list of them, or what `rightsize -o policy` writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PolicyError, UsageError
from pipeline.iam.evaluate import Evaluator
from pipeline.iam.policy import decode

_LARGEST = 4 << 20
_MOST = 100
_REMEDY = "give a policy document, a list of them, or what rightsize -o policy writes"


@dataclass(frozen=True)
class Proposal:
    """Names and documents; `principal_arn` where the file says whose they are."""

    documents: list[tuple[str, dict[str, Any]]]
    principal_arn: str | None = None


def read(path: str | Path, layer: str = "identity") -> Proposal:
    """The proposal of a JSON file; `layer` is identity or scp. Raises UsageError for what AWS would refuse."""
    value = load(path)
    arn = value.get("principal_arn") if isinstance(value, dict) else None
    try:
        named = _named(value, str(path))
    except PolicyError as error:
        raise UsageError(f"{path}: Policy.{error.place}", error.problem, error.remedy) from None
    if len(named) > _MOST:
        raise UsageError(path, f"holds more than {_MOST} policies", "AWS attaches far fewer to one principal")
    for i, (name, document) in enumerate(named):
        place = f"{path}: {name or f'policy {i}'}"
        if not isinstance(document, dict):
            raise UsageError(place, "a policy is a JSON object", _REMEDY)
        try:
            Evaluator({"scps": [[document]]} if layer == "scp" else {"identity": [document]})
        except PolicyError as error:
            raise UsageError(place, f"{_within(error.place)}{error.problem}", error.remedy) from None
        except RecursionError:
            raise UsageError(place, "is nested too deeply", _REMEDY) from None
    return Proposal(
        [(name or f"policy {i}", document) for i, (name, document) in enumerate(named)],
        arn if isinstance(arn, str) else None,
    )


def _within(place: str) -> str:
    """The element at fault within its document: `Statement[1].Effect `; empty for the whole document."""
    element = place.partition(".")[2]
    return f"{element} " if element else ""


def load(path: str | Path) -> Any:
    """The JSON value of a file. Raises UsageError where it cannot be read, is too large, or is no JSON."""
    try:
        with Path(path).expanduser().open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(path, f"cannot be read ({error.strerror})", "name a JSON file") from None
    if len(raw) > _LARGEST:
        raise UsageError(path, f"is larger than {_LARGEST >> 20} MiB", "AWS takes no policy of that size")
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UsageError(path, f"is no JSON ({error})", _REMEDY) from None


def _named(value: Any, path: str) -> list[tuple[str, Any]]:
    """(name, document) of each policy; a name may be empty."""
    if isinstance(value, dict) and "policies" in value:
        value = value["policies"]
        if not isinstance(value, list):
            raise UsageError(f"{path}: policies", "is no list", _REMEDY)
    elif isinstance(value, dict):
        return [_one(value)]
    if not isinstance(value, list):
        raise UsageError(path, "holds neither a policy nor a list of policies", _REMEDY)
    return [_one(each) for each in value]


def _one(value: Any) -> tuple[str, Any]:
    """A policy by itself, with its name, or as DescribePolicy of Organizations answers it."""
    if isinstance(value, dict) and isinstance(value.get("Policy"), dict) and "Statement" not in value:
        summary = value["Policy"].get("PolicySummary")
        name = summary.get("Name") if isinstance(summary, dict) else None
        return (name if isinstance(name, str) else ""), decode(value["Policy"].get("Content"), "Content")
    if isinstance(value, dict) and "document" in value and "Statement" not in value:
        name = value.get("name")
        return (name if isinstance(name, str) else "", value["document"])
    return "", value
