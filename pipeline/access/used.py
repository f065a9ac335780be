"""What the log shows of each principal: actions used, tried and denied, and events that map to no action.

Reads the usage roll-up once: one row a kind of call and principal. Denied calls are never use; calls that failed
for any other reason are weak use, because whether a service checks permission before or after its other checks
differs from service to service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.access.snapshots import Engine
from pipeline.iam.actions import Mapper
from pipeline.iam.catalogue import positions
from pipeline.iam.globs import overlap
from pipeline.iam.requests import partition

_PRINCIPAL = re.compile(r"^arn:[^:]+:iam::(\d+):(user|role)/(?:.*/)?([^/]+)$")
_CONTAINERS = {
    "s3": "bucketName",
    "s3express": "bucketName",
    "dynamodb": "tableName",
    "lambda": "functionName",
    "kms": "keyId",
}
_VARIABLE = re.compile(r"\$\{[^}]*\}")

_CALLS = """
with calls as (
    select account_id, awsRegion, principal_arn, principal_id, eventSource, eventName, eventType, eventCategory,
        readOnly, outcome, via_service, request, "count" as calls, first_seen, last_seen,
        last_seen >= $since and first_seen <= $until as inside
    from lake.usage
)
select account_id, awsRegion, principal_arn, principal_id, eventSource, eventName, eventType, eventCategory, readOnly,
    outcome, via_service, request,
    coalesce(sum(calls) filter (where inside), 0)::bigint as calls,
    min(first_seen) filter (where inside) as first_seen,
    max(last_seen) filter (where inside) as last_seen
from calls
group by all
order by all
"""


@dataclass
class Use:
    """How one principal called one action in the window; times are UTC, `via` names services that called for it."""

    ok: int = 0
    denied: int = 0
    error: int = 0
    first: datetime | None = None
    last: datetime | None = None
    via: set[str] = field(default_factory=set)
    # Resources the calls named, as patterns; None once a call did not say.
    touched: set[str] | None = field(default_factory=set)
    inferred: bool = True


@dataclass
class Activity:
    """All of one principal: uses by the action's place in the catalogue, unmapped events by service prefix."""

    uses: dict[int, Use] = field(default_factory=dict)
    unmapped: dict[str, str] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)


@dataclass
class Seen:
    """What the log ever showed of an account: the classes of management events, actions as bits,
    data events by resource type, with the containers they named and whether some read and some wrote."""

    read: bool = False
    write: bool = False
    sources: set[str] = field(default_factory=set)
    actions: int = 0
    data: dict[str, set[str]] = field(default_factory=dict)
    data_classes: dict[str, set[bool]] = field(default_factory=dict)


@dataclass
class Log:
    """The roll-up, mapped: activity by principal (account, kind, name) and id, and what each account's log showed."""

    activity: dict[tuple[str, str, str], dict[str, Activity]] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)

    def of(self, account: str, kind: str, name: str, identity: str | None) -> Activity:
        """A principal's activity; that of a namesake deleted before it (another id) is not its own."""
        merged = Activity()
        for key, each in self.activity.get((account, kind, name), {}).items():
            if key and identity and key[:4] == identity[:4] and key != identity:
                continue
            _merge(merged, each)
        return merged


def read(engine: Engine, mapper: Mapper, since: datetime, until: datetime, kinds: Iterable[Any]) -> Log:
    """The log of every principal; `kinds` are the data-event kinds (`Observability.data_events`)."""
    log = Log()
    by_place = {place: kind for kind in kinds for place in positions(kind.bits)}
    for row in engine.query(_CALLS, {"since": since, "until": until}).to_pylist():
        request = _request(row["request"])
        source, name = row["eventSource"] or "", row["eventName"] or ""
        mapped = mapper.map_call(source, name, row["eventType"], row["eventCategory"], request)
        places = [mapper.catalogue.index[each.action.lower()] for each in mapped.actions]
        if mapped.state != "no_action":
            shown = [place for place, each in zip(places, mapped.actions, strict=True) if each.basis != "inferred"]
            reads = bool(shown) and mapper.catalogue.access[shown[0]] in ("Read", "List")
            _note_seen(log.seen.setdefault(row["account_id"] or "", Seen()), row, shown, request, by_place, reads)
        match = _PRINCIPAL.match(row["principal_arn"] or "")
        if match and row["calls"] and mapped.state != "no_action":
            named = log.activity.setdefault((match[1], match[2], match[3]), {})
            activity = named.setdefault(row["principal_id"] or "", Activity())
            if mapped.state == "unmapped":
                activity.unmapped.setdefault(mapped.prefix, name)
            for place, needed in zip(places, mapped.actions, strict=True):
                if needed.basis == "inferred" and row["outcome"] == "denied":
                    # Which of the call's actions was refused, the roll-up does not say.
                    continue
                _add(activity.uses.setdefault(place, Use()), row, touched(needed.action, request, row), needed.basis)
    return log


def _request(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _note_seen(
    seen: Seen, row: dict[str, Any], places: list[int], request: dict[str, Any], by: dict[int, Any], reads: bool
) -> None:
    """Counts an event towards what its account's log can show; data events by kind and container.

    `reads` is the class by the catalogue, for records of versions that do not say (readOnly came with 1.01).
    """
    read_only = row["readOnly"] if row["readOnly"] is not None else reads
    for place in places:
        seen.actions |= 1 << place
    kinds = [by[place] for place in places if place in by]
    if row["eventCategory"] == "Data" or (row["eventCategory"] is None and kinds):
        for kind in kinds:
            name = request.get(kind.member) if kind.member else None
            seen.data.setdefault(kind.resource_type, set()).update([_short(name)] if isinstance(name, str) else [])
            seen.data_classes.setdefault(kind.resource_type, set()).add(read_only)
        return
    seen.sources.add(row["eventSource"] or "")
    seen.read = seen.read or read_only
    seen.write = seen.write or not read_only


def _short(name: str) -> str:
    """A function's or table's bare name, however the request wrote it."""
    if ":function:" in name:
        return name.split(":function:")[1].split(":")[0]
    return name.split(":table/")[1].split("/")[0] if ":table/" in name else name


def touched(action: str, request: dict[str, Any], row: dict[str, Any]) -> set[str] | None:
    """Patterns of the resources a call worked on; None where its request does not say.

    Whose account a named table or function is in, the roll-up does not tell: twelve `?` stand for it, since a `*`
    would reach across the ARN's other parts.
    """
    service, _, verb = action.partition(":")
    region = row["awsRegion"] or ""
    if action == "iam:PassRole":
        roles = request.get("roleArn")
        listed = [roles] if isinstance(roles, str) else roles if isinstance(roles, list) else []
        place = f"arn:{partition(region)}:iam::{'?' * 12}:role/*"
        return {
            each if each.startswith("arn:") else f"{place}{each}" for each in listed if isinstance(each, str)
        } or None
    name = request.get(_CONTAINERS.get(service, ""))
    if not isinstance(name, str) or not name or name.startswith("alias/") or ":alias/" in name:
        return None
    if row["eventName"] in ("CopyObject", "UploadPartCopy") and verb.startswith("Get"):
        # The bucket named is the one written to.
        return None
    where = partition(region)
    if service == "s3":
        return {f"arn:{where}:s3:::{name}", f"arn:{where}:s3:::{name}/*"}
    place = f"arn:{where}:{service}:{region}:{'?' * 12}"
    if service == "s3express":
        return {f"{place}:bucket/{name}"}
    if service == "kms":
        return {name if name.startswith("arn:") else f"{place}:key/{name}"}
    if service == "lambda":
        return {f"{place}:function:{_short(name)}", f"{place}:function:{_short(name)}:*"}
    return {f"{place}:table/{_short(name)}", f"{place}:table/{_short(name)}/*"}


def _add(use: Use, row: dict[str, Any], patterns: set[str] | None, basis: str) -> None:
    if row["outcome"] == "denied":
        use.denied += row["calls"]
        return
    if row["outcome"] == "ok":
        use.ok += row["calls"]
    else:
        use.error += row["calls"]
    use.first = min(filter(None, (use.first, row["first_seen"])), default=None)
    use.last = max(filter(None, (use.last, row["last_seen"])), default=None)
    use.inferred = use.inferred and basis == "inferred"
    if row["via_service"]:
        use.via.add(row["via_service"])
    use.touched = None if patterns is None or use.touched is None else use.touched | patterns


def _merge(into: Activity, other: Activity) -> None:
    into.unmapped |= other.unmapped
    for place, use in other.uses.items():
        have = into.uses.setdefault(place, Use())
        have.ok, have.denied, have.error = have.ok + use.ok, have.denied + use.denied, have.error + use.error
        have.first = min(filter(None, (have.first, use.first)), default=None)
        have.last = max(filter(None, (have.last, use.last)), default=None)
        have.via |= use.via
        have.inferred = have.inferred and use.inferred
        have.touched = None if have.touched is None or use.touched is None else have.touched | use.touched


def reaches(resources: tuple[str, ...], not_resource: bool, patterns: set[str] | None) -> bool:
    """Whether a grant's resources may be among those a call worked on; yes where either side does not say."""
    if patterns is None or not resources:
        return True
    if not_resource:
        return True
    # A policy variable stands for whatever the request brings.
    plain = [_VARIABLE.sub("*", each) for each in resources]
    return any(each == "*" or overlap(each, pattern) for each in plain for pattern in patterns)
