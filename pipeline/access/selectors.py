"""What an account's trails select, by a snapshot of their event selectors: which absences the log can vouch for.

Only trails whose bucket the lake was filled from count, and only where nobody changed a trail in the window. What a
selector narrows in a way that is not understood here is taken for not selected. Sources: "Logging management events"
and "Logging data events" (CloudTrail User Guide), API AdvancedFieldSelector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.access.snapshots import Engine, Snapshot

_CLASSES: dict[str, tuple[bool, ...]] = {"All": (True, False), "ReadOnly": (True,), "WriteOnly": (False,)}
# Values of a classic selector that stand for every resource of the type.
_EVERY = {"arn:aws:s3", "arn:aws:s3:::", "arn:aws:lambda", "arn:aws:dynamodb"}
_CHANGES = ("CreateTrail", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "StartLogging", "StopLogging")

_BUCKETS = "select distinct regexp_extract(uri, '^s3://([^/]+)/', 1) as bucket from lake.ledger where uri like 's3://%'"
_CHANGED = """
select distinct account_id
from lake.usage
where eventSource = 'cloudtrail.amazonaws.com' and eventName in ($changes) and outcome = 'ok'
    and last_seen >= $since and first_seen <= $until
"""


@dataclass(frozen=True)
class Selected:
    """What the trails of one account record: classes of management events (true: reads), sources left out, and
    data events as (resource type, whether reads, beginning of the resource's ARN)."""

    trails: tuple[str, ...]
    management: frozenset[bool]
    left_out: frozenset[str]
    data: frozenset[tuple[str, bool, str]]

    def records(self, resource_type: str, reads: bool, resources: Iterable[str]) -> bool:
        """Whether data events of a class are recorded for everything that these patterns of ARNs name."""
        starts = [start for kind, how, start in self.data if (kind, how) == (resource_type, reads)]
        return bool(starts) and all(any(each.startswith(start) for start in starts) for each in resources)


def selected(engine: Engine, snapshot: Snapshot, start: datetime, end: datetime) -> dict[str, Selected]:
    """What is recorded of each account whose trails are known and in the lake, for all of [start, end]."""
    if not snapshot.of("trail"):
        return {}
    buckets = {row["bucket"] for row in engine.query(_BUCKETS).to_pylist()}
    names = {f"change_{number}": name for number, name in enumerate(_CHANGES)}
    sql = _CHANGED.replace("$changes", ", ".join(f"${name}" for name in names))
    rows = engine.query(sql, {"since": start, "until": end, **names}).to_pylist()
    changed = {row["account_id"] for row in rows}
    found: dict[str, list[Mapping[str, Any]]] = {}
    for trail in snapshot.of("trail"):
        if trail.get("IsLogging") is True and trail.get("S3BucketName") in buckets:
            found.setdefault(trail["account_id"] or "", []).append(trail)
    return {account: _together(trails) for account, trails in found.items() if account not in changed}


def _together(trails: list[Mapping[str, Any]]) -> Selected:
    management: set[bool] = set()
    left_out: list[set[str]] = []
    data: set[tuple[str, bool, str]] = set()
    for trail in trails:
        for classes, without in _management(trail):
            management |= set(classes)
            left_out.append(without)
        data |= set(_data(trail))
    names = tuple(sorted(str(each.get("Name") or each.get("TrailARN")) for each in trails))
    return Selected(
        names, frozenset(management), frozenset(set.intersection(*left_out) if left_out else ()), frozenset(data)
    )


def _management(trail: Mapping[str, Any]) -> Iterable[tuple[tuple[bool, ...], set[str]]]:
    """(classes, sources left out) of each selector of management events."""
    for each in _listed(trail, "EventSelectors"):
        if each.get("IncludeManagementEvents") is True:
            without = {str(name) for name in each.get("ExcludeManagementEventSources") or []}
            yield _CLASSES.get(str(each.get("ReadWriteType")), ()), without
    for fields in _advanced(trail, "Management", {"readOnly", "eventSource"}):
        source = fields.get("eventSource", {})
        if set(source) <= {"NotEquals"}:
            yield _reads(fields), {str(name) for name in source.get("NotEquals") or []}


def _data(trail: Mapping[str, Any]) -> Iterable[tuple[str, bool, str]]:
    for each in _listed(trail, "EventSelectors"):
        for kind in _listed(each, "DataResources"):
            for value in kind.get("Values") or []:
                start = "" if value in _EVERY else str(value)
                for reads in _CLASSES.get(str(each.get("ReadWriteType")), ()):
                    yield str(kind.get("Type")), reads, start
    for fields in _advanced(trail, "Data", {"readOnly", "resources.type", "resources.ARN"}):
        arn = fields.get("resources.ARN", {})
        if set(arn) <= {"StartsWith", "Equals"}:
            starts = [str(each) for values in arn.values() for each in values] or [""]
            for kind in fields.get("resources.type", {}).get("Equals") or []:
                yield from ((str(kind), reads, start) for reads in _reads(fields) for start in starts)


def _advanced(trail: Mapping[str, Any], category: str, known: set[str]) -> Iterable[dict[str, dict[str, Any]]]:
    """Advanced selectors of a category as {field: {operator: values}}, but those with fields beside `known`."""
    for each in _listed(trail, "AdvancedEventSelectors"):
        fields = {
            str(field.get("Field")): {name: value for name, value in field.items() if name != "Field" and value}
            for field in _listed(each, "FieldSelectors")
        }
        if fields.pop("eventCategory", {}) == {"Equals": [category]} and set(fields) <= known:
            yield fields


def _reads(fields: Mapping[str, dict[str, Any]]) -> tuple[bool, ...]:
    """Classes a selector takes in by its field readOnly."""
    given = fields.get("readOnly")
    if not given:
        return (True, False)
    return {"true": (True,), "false": (False,)}.get(str((given.get("Equals") or [""])[0]), ())


def _listed(item: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    listed = item.get(name)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
