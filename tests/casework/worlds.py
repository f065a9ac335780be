"""Small logs for investigations: callers and calls in the shapes of AWS's documented records.

Shapes: CloudTrail user guide, "CloudTrail userIdentity element" and "AWS Management Console sign-in events"; IAM user
guide, "Logging IAM and AWS STS API calls with AWS CloudTrail".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pipeline.casework.case import investigate
from pipeline.catalog import Catalog
from pipeline.engines.duckdb import Engine, over
from pipeline.lake.usage import roll_up
from pipeline.records.normalize import to_table
from tests.logs import ACCOUNT, event

CATALOG = Catalog.load()
OTHER = "444455556666"
Record = dict[str, Any]


def user(name: str, key: str | None, account: str = ACCOUNT, **more: Any) -> Record:
    arn = f"arn:aws:iam::{account}:user/{name}"
    identity = {"type": "IAMUser", "principalId": f"AIDA{name.upper()}", "arn": arn, "accountId": account}
    return identity | ({"accessKeyId": key} if key else {}) | {"userName": name} | more


def role(name: str, session: str, key: str | None, made: int | None, account: str = ACCOUNT, **more: Any) -> Record:
    """An assumed role; `made` is the minute at which its session began."""
    issuer = {
        "type": "Role",
        "principalId": f"AROA{name.upper()}",
        "arn": f"arn:aws:iam::{account}:role/{name}",
        "accountId": account,
        "userName": name,
    }
    context: Record = {"sessionIssuer": issuer, **more}
    if made is not None:
        context["attributes"] = {"creationDate": time(made), "mfaAuthenticated": "false"}
    found = {
        "type": "AssumedRole",
        "principalId": f"AROA{name.upper()}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
        "accountId": account,
        "sessionContext": context,
    }
    return found | ({"accessKeyId": key} if key else {})


def time(minute: int) -> str:
    return f"2026-10-01T{10 + minute // 60:02}:{minute % 60:02}:00Z"


def call(minute: int, identity: Record, name: str, service: str = "ec2", **changes: Any) -> Record:
    """A call whose event id is `e` and its minute; write calls are told by their names."""
    given = {
        "eventID": f"e{minute}",
        "eventTime": time(minute),
        "eventName": name,
        "eventSource": f"{service}.amazonaws.com",
        "userIdentity": identity,
        "readOnly": name.startswith(("Describe", "List", "Get")),
    }
    return event(**given | changes)


def assume(minute: int, by: Record, to: str, key: str, name: str = "AssumeRole", **changes: Any) -> Record:
    """STS gives out `key` for the role named `to`."""
    account = changes.pop("of", ACCOUNT)
    answer = {
        "credentials": {"accessKeyId": key, "expiration": "Oct 1, 2026, 11:00:00 AM", "sessionToken": "x"},
        "assumedRoleUser": {
            "assumedRoleId": f"AROA{to.upper()}:work",
            "arn": f"arn:aws:sts::{account}:assumed-role/{to}/work",
        },
    }
    request = {"roleArn": f"arn:aws:iam::{account}:role/{to}", "roleSessionName": "work"}
    given = {"requestParameters": request, "responseElements": answer, "readOnly": True}
    return call(minute, by, name, "sts", **given | changes)


@contextmanager
def opened(records: list[Record]) -> Iterator[Engine]:
    events = to_table(records)
    with over({"events": events, "usage": roll_up(events, "batch")}) as engine:
        CATALOG.install_views(engine)
        yield engine


def tell(records: list[Record], seed: str, since: datetime | None = None, **options: Any) -> Record:
    """The facts of a case over these records, up to the newest."""
    with opened(records) as engine:
        until = engine.as_of()
        assert until is not None
        return investigate(engine, CATALOG, seed, since, until, **options).facts


def ids(facts: Record) -> list[str]:
    return [each["eventID"] for each in facts["timeline"]]


def chain(facts: Record) -> list[tuple[str, str | None]]:
    """Kind and proof of each link, from the seed back."""
    return [(each["kind"], each["eventID"]) for each in facts["identity"]]
