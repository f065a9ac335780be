"""The calls a principal made by the roll-up: who called what with which container, and what each call needs.

Where that does not suffice, `reading` reads the events.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pipeline.access.granted import Principal
from pipeline.access.replay.targets import Call
from pipeline.access.snapshots import Engine
from pipeline.iam.actions import Mapper, Needed

# Event ids that stand for many.
SAMPLE = 3
# What follows the colons where an S3 pattern names whole buckets: a bucket, its objects, buckets that begin so.
_WHOLE = re.compile(r"[^*?/]*(/?\*)?\Z")

# A session without issuer does not tell its role's path; another unique id is another principal of the same name.
WHO = """(principal_arn = $arn or (starts_with(principal_arn, $head) and ends_with(principal_arn, $tail)))
    and ($id is null or principal_id is null or left(principal_id, 4) <> left($id, 4) or principal_id = $id)"""

_USAGE = f"""
select awsRegion, eventSource, eventName, eventType, eventCategory, outcome, via_service, request,
    bool_and(access_key_id is not null) as long_lived,
    sum("count")::bigint as calls, min(first_seen) as first_seen, max(last_seen) as last_seen,
    list(distinct sample_event_id order by sample_event_id)[:{SAMPLE}] as event_ids
from lake.usage
where last_seen >= $since and first_seen <= $until and {WHO}
group by all
order by all
"""


@dataclass(frozen=True)
class Kind:
    """What the mapping needs to know of a call, beside its request."""

    source: str
    name: str
    type: str | None
    category: str | None


Row = tuple[Kind, str, Call]


@dataclass(frozen=True)
class Log:
    """The calls of one principal in [since, until]."""

    engine: Engine
    principal: Principal
    since: datetime
    until: datetime

    @property
    def who(self) -> dict[str, Any]:
        """What the SQL binds for the window and the principal."""
        kind = self.principal.kind
        head = self.principal.arn.split(f":{kind}/")[0] + f":{kind}/"
        return {
            "arn": self.principal.arn, "head": head, "tail": f"/{self.principal.name}", "id": self.principal.id,
            "since": self.since, "until": self.until,
        }  # fmt: skip

    @cached_property
    def usage(self) -> list[Row]:
        """Kind, outcome and call of each row of the roll-up; a call's context is what its row tells."""
        return [used(row) for row in self.engine.query(_USAGE, self.who).to_pylist()]


def used(row: dict[str, Any]) -> Row:
    """A row of the roll-up as a call; its context is what the row tells."""
    context: dict[str, Any] = {"aws:RequestedRegion": row["awsRegion"]} if row["awsRegion"] else {}
    if row["long_lived"]:
        context |= {"aws:MultiFactorAuthPresent": None, "aws:TokenIssueTime": None, "aws:MultiFactorAuthAge": None}
    call = Call(
        source=row["eventSource"] or "",
        name=row["eventName"] or "",
        region=row["awsRegion"] or "",
        via=row["via_service"],
        request=object_of(row["request"]),
        context=context,
        count=row["calls"],
        weak=row["calls"] if row["outcome"] == "error" else 0,
        first=row["first_seen"],
        last=row["last_seen"],
        event_ids=tuple(row["event_ids"] or ()),
        who=row.get("principal_arn") or "",
    )
    return kind_of(row), row["outcome"] or "", call


def needs(mapper: Mapper, kind: Kind, call: Call) -> tuple[Needed, ...]:
    """The actions a call needs; the roll-up keeps all of a request that decides on them."""
    return mapper.map_call(kind.source, kind.name, kind.type, kind.category, call.request).actions


def names_objects(pattern: str) -> bool:
    """Whether a resource pattern may name some of a bucket's objects and not others."""
    parts = pattern.split(":", 5)
    return len(parts) == 6 and parts[2] in ("s3", "*") and not _WHOLE.match(parts[5])


def kind_of(row: dict[str, Any]) -> Kind:
    """The kind of call of a row, of events or of the roll-up."""
    return Kind(row["eventSource"] or "", row["eventName"] or "", row["eventType"], row["eventCategory"])


def object_of(text: str | None) -> dict[str, Any]:
    """The JSON object in a text; {} for anything else."""
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
