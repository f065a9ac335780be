"""When each role, key, password and root user was last used, as the sample's own events tell it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from .events import Event


@dataclass
class LastUsed:
    """Newest use by role ARN (time, region), by access key (time, region, service), by ARN of who signed in (time)."""

    roles: dict[str, tuple[str, str]] = field(default_factory=dict)
    keys: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)


def last_used(events: Iterable[Event]) -> LastUsed:
    """What the events say; they come in order of time, so the last one stands."""
    found = LastUsed()
    for event in events:
        record = json.loads(event.text)
        who = record["userIdentity"]
        when = event.when.isoformat()
        issuer = who.get("sessionContext", {}).get("sessionIssuer", {}).get("arn")
        if issuer:
            found.roles[issuer] = (when, record["awsRegion"])
        key = who.get("accessKeyId", "")
        if key.startswith("AKIA"):
            service = record["eventSource"].removesuffix(".amazonaws.com")
            found.keys[key] = (when[:16] + ":00+00:00", record["awsRegion"], service)
        signed_in = (record.get("responseElements") or {}).get("ConsoleLogin") == "Success"
        if signed_in and who["type"] in ("IAMUser", "Root"):
            found.passwords[who["arn"]] = when
    return found
