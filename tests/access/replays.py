"""Replays in memory: records and a snapshot in, a replay of one principal out."""

from __future__ import annotations

import itertools
import json
from functools import lru_cache
from typing import Any

import pyarrow as pa

from pipeline.access.ground import Ground, survey
from pipeline.access.replay import Replay, replay
from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine, over
from pipeline.lake.usage import roll_up
from pipeline.records.normalize import to_table
from pipeline.records.schema import IAM_SNAPSHOTS
from tests.access.worlds import ACCOUNT, END, START, arn

_NUMBERS = itertools.count()


def record(who: str, source: str, name: str, /, request: Any = None, **more: Any) -> dict[str, Any]:
    """A successful call of `role/NAME` (in a session) or `user/NAME` (by a long-lived key) inside the window."""
    kind, _, short = who.partition("/")
    identity: dict[str, Any]
    if kind == "user":
        identity = {"type": "IAMUser", "principalId": f"AIDA{short.upper()}", "arn": arn("user", short),
                    "accountId": ACCOUNT, "userName": short, "accessKeyId": "AKIAEXAMPLE"}  # fmt: skip
    else:
        issuer = {"type": "Role", "principalId": f"AROA{short.upper()}", "arn": arn("role", short),
                  "accountId": ACCOUNT, "userName": short}  # fmt: skip
        session = more.pop("session", "s1")
        identity = {"type": "AssumedRole", "principalId": f"AROA{short.upper()}:{session}", "accountId": ACCOUNT,
                    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{short}/{session}", "accessKeyId": "ASIAEXAMPLE",
                    "sessionContext": {"sessionIssuer": issuer, "attributes": {
                        "mfaAuthenticated": "false", "creationDate": "2026-09-15T09:00:00Z"}}}  # fmt: skip
    made = {
        "eventVersion": "1.11", "userIdentity": identity, "eventTime": "2026-09-15T10:00:00Z",
        "eventSource": f"{source}.amazonaws.com", "eventName": name, "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.7", "userAgent": "aws-cli/2.17", "requestParameters": request,
        "responseElements": None, "eventID": f"e{next(_NUMBERS)}", "eventType": "AwsApiCall",
        "readOnly": name.startswith(("Get", "List", "Describe", "Head")), "managementEvent": True,
        "recipientAccountId": ACCOUNT, "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3"},
    }  # fmt: skip
    return made | more


def engine(items: list[dict[str, Any]], records: list[dict[str, Any]], usage_only: bool = False) -> Engine:
    """Events, their roll-up and a snapshot; `usage_only` leaves the events out."""
    account = {"scp", "rcp"}
    snapshot = [
        {"snapshot_id": "s", "taken_at": END, "account_id": None if each["kind"] in account else ACCOUNT,
         "source_object": "x", "imported_at": END, **each, "item": json.dumps(each["item"])}
        for each in items
    ]  # fmt: skip
    events = to_table(records)
    tables = {"usage": roll_up(events, "b"), "iam_snapshots": pa.Table.from_pylist(snapshot, schema=IAM_SNAPSHOTS)}
    return over(tables if usage_only else tables | {"events": events})


@lru_cache(maxsize=1)
def _catalog() -> Catalog:
    return Catalog.load()


def ground(made: Engine) -> Ground:
    # Loading every question takes longer than all else here.
    _catalog().install_views(made)
    return survey(made, START, END)


def replayed(
    items: list[dict[str, Any]],
    records: list[dict[str, Any]],
    *proposed: dict[str, Any],
    replaced: set[str] | None = None,
    usage_only: bool = False,
    name: str = "r",
) -> Replay:
    """The replay of the principal of that name (the first of the items where it has none)."""
    with engine(items, records, usage_only) as made:
        found = ground(made)
        who = next(each for each in found.library.principals() if each.name == name)
        return replay(found, who, [(f"p{i}", each) for i, each in enumerate(proposed)], replaced)


def one(*given: Any, **more: Any) -> dict[str, Any]:
    """The only use of a replay: result, action, resource, keys, by."""
    uses = replayed(*given, **more).uses
    assert len(uses) == 1, [(each.action, each.resource, each.verdict) for each in uses]
    use = uses[0]
    told = {"result": use.verdict.result, "action": use.action, "resource": use.resource, "by": use.verdict.by}
    return told | {"keys": use.verdict.keys, "count": use.count, "ids": use.event_ids}
