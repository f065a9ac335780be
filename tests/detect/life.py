"""Lives for the tests of baselines: principals with habits made by hand, and what departs from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.catalog import Catalog
from pipeline.detect.anomalies import Examined, examine
from pipeline.detect.baselines.asking import Judging
from pipeline.engines.duckdb import Engine, over
from pipeline.lake.usage import roll_up
from pipeline.records.normalize import to_table
from tests.logs import ACCOUNT, event

# A Wednesday; habits end the day before.
NOW = datetime(2026, 10, 28, 10, tzinfo=UTC)
CATALOG = Catalog.load()
Records = list[dict[str, Any]]

USER = {
    "type": "IAMUser",
    "principalId": "AIDAANNA",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/anna",
    "accountId": ACCOUNT,
    "accessKeyId": "AKIAOLD",
    "userName": "anna",
}
ROOT = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
SERVICE = {"type": "AWSService", "invokedBy": "config.amazonaws.com"}
ON_BEHALF = {"invokedBy": "cloudformation.amazonaws.com"}
ENDPOINT = {"sourceIPAddress": "10.9.8.7", "vpcEndpointId": "vpce-1"}
SHARED_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Dev_0123456789abcdef"
)
NEW_NET = {"sourceIPAddress": "192.0.2.9"}
ASIA = {"accessKeyId": "ASIASESSION"}
ATTACH = {"userName": "anna", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}


def at(moment: datetime, **changes: Any) -> dict[str, Any]:
    return event(eventTime=moment.strftime("%Y-%m-%dT%H:%M:%SZ"), **changes)


def named(name: str) -> dict[str, Any]:
    """Another IAM user, with a key of its own."""
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    return USER | {"arn": arn, "userName": name, "principalId": f"AIDA{name}", "accessKeyId": f"AKIA{name.upper()}"}


def role(name: str, session: str = "session-1", key: str = "ASIAEXAMPLE") -> dict[str, Any]:
    """The identity of a role's session."""
    issuer = {"type": "Role", "principalId": f"AROA{name}", "accountId": ACCOUNT, "userName": name}
    return {
        "type": "AssumedRole",
        "principalId": f"AROA{name}:{session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}",
        "accountId": ACCOUNT,
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": issuer | {"arn": role_arn(name)},
            "attributes": {"creationDate": "2026-10-01T09:00:00Z", "mfaAuthenticated": "false"},
        },
    }


def person(name: str) -> dict[str, Any]:
    """The identity of somebody who comes through IAM Identity Center, in a role that others share."""
    identity = role(SHARED_ROLE.rpartition("/")[2], f"{name}@corp.example", f"ASIA{name.upper()}")
    identity["sessionContext"]["sessionIssuer"]["arn"] = SHARED_ROLE
    return identity


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def assume(name: str, moment: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """Somebody takes a role."""
    given = {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "awsRegion": "us-east-1"}
    return at(moment, requestParameters={"roleArn": role_arn(name)}, **(given | changes))


def habits(days: int = 30, each_day: int = 5, **changes: Any) -> Records:
    """Quiet days of reading, from 8 to 12 o'clock, up to the day before NOW."""
    morning = NOW.replace(hour=8)
    moments = [
        morning - timedelta(days=day) + timedelta(hours=h) for day in range(1, days + 1) for h in range(each_day)
    ]
    return [at(moment, **changes) for moment in moments]


def change(name: str, moment: datetime = NOW, **changes: Any) -> dict[str, Any]:
    source = "iam.amazonaws.com" if name.endswith(("Policy", "Key", "User")) else "ec2.amazonaws.com"
    return at(moment, eventName=name, eventSource=source, readOnly=False, **changes)


def grant(name: str, parameters: dict[str, Any], **changes: Any) -> Records:
    given = {"eventSource": "iam.amazonaws.com", "eventName": name, "readOnly": False, "userIdentity": USER}
    return [at(NOW, requestParameters=parameters, **(given | changes))]


def refused(names: list[str], minutes: float = 5, **changes: Any) -> Records:
    step = timedelta(minutes=minutes) / len(names)
    given = {"errorCode": "AccessDenied", "errorMessage": "no"} | changes
    return [at(NOW + step * n, eventName=name, **given) for n, name in enumerate(names)]


@contextmanager
def engine_of(records: Records) -> Iterator[Engine]:
    """An engine over the records and their roll-up, with the catalogue's views."""
    rows = to_table(records)
    with over({"events": rows, "usage": roll_up(rows, "")}) as engine:
        CATALOG.install_views(engine)
        yield engine


def examined(
    records: Records, since: datetime | None = NOW - timedelta(hours=6), judging: Judging | None = None
) -> Examined:
    """What is found from the morning of NOW on, or from `since`."""
    with engine_of(records) as engine:
        return examine(engine, CATALOG, since, NOW + timedelta(days=3), judging)


def points(found: Examined) -> dict[str, int]:
    """The most points each question gave to one thing, by its name."""
    most: dict[str, int] = {}
    for stretch in found.stretches:
        for part in stretch.parts:
            name = part.rule.removeprefix("anomalies/")
            most[name] = max(part.points, most.get(name, 0))
    return most
