"""The planted incident: a service user's key leaks and somebody walks from it to the customers' reports.

Night of 2026-10-27 in the production account: the key of report-exporter is used from a network it was never
used from; many APIs are tried and denied within minutes; the user's own policy lets it attach any policy to
itself; a second key is made, and that key reads the bucket whose data events are logged. Nobody noticed: the
snapshot of 2026-11-01 still shows the attached policy and both keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from . import actors
from .dice import Dice, key_id
from .events import Event, Session, happen
from .habits import Step
from .habits_machines import EXPORTER
from .stories import Story
from .times import utc

FIRST_USE = utc("2026-10-27T02:41:07")
ATTACHED = utc("2026-10-27T02:52:33")
NEW_KEY_MADE = utc("2026-10-27T02:58:10")
READING = utc("2026-10-27T03:04:48")
AGAIN = utc("2026-10-28T03:37:02")
AGENT = "unknown-cli"
LEAKED = EXPORTER.access_key(0)
NEW_KEY = key_id("AKIA", EXPORTER.account, EXPORTER.name, 1)
US = "us-east-1"
# What the stranger tries: each is another API, none is granted to the user.
TRIED = (
    "iam:ListUsers iam:ListRoles iam:GetAccountSummary iam:GetAccountAuthorizationDetails iam:ListAttachedUserPolicies "
    "iam:ListUserPolicies s3:ListBuckets ec2:DescribeInstances ec2:DescribeSecurityGroups ec2:DescribeVpcs "
    "secretsmanager:ListSecrets ssm:DescribeParameters lambda:ListFunctions20150331 rds:DescribeDBInstances "
    "dynamodb:ListTables kms:ListKeys cloudtrail:DescribeTrails logs:DescribeLogGroups organizations:ListAccounts "
    "sqs:ListQueues sns:ListTopics"
)
ABOUT_ITSELF = {
    "user": EXPORTER.name,
    "user_arn": EXPORTER.arn,
    "created_key": NEW_KEY,
}


def tell() -> list[Story]:
    """The incident's steps, each a story of its own."""
    return [first_use(), reconnaissance(), escalation(), persistence(), data_read(), second_visit()]


def visit(key: str, address: str, rows: Sequence[tuple[datetime, str]], region: str = US) -> list[Event]:
    """Calls of the stranger with one of the two keys, from one address."""
    actor = actors.with_key(EXPORTER, agent=AGENT, key=key)
    session = Session(address, "", "", rows[0][0])
    dice = Dice("incident", rows[0][0])
    return [happen(Step(spelled, actor, ABOUT_ITSELF), when, region, session, dice) for when, spelled in rows]


def paced(start: datetime, spelled: str, seconds: tuple[int, int]) -> list[tuple[datetime, str]]:
    """The calls with moments, `seconds` apart."""
    dice = Dice("pace", start)
    rows, when = [], start
    for each in spelled.split():
        rows.append((when, each))
        when += timedelta(seconds=dice.integer(*seconds))
    return rows


def first_use() -> Story:
    """The leaked key from a network that is new to it."""
    calls = paced(FIRST_USE, "sts:GetCallerIdentity iam:GetUser iam:ListAccessKeys", (4, 15))
    return Story(
        "incident",
        "first use from a new network",
        "The key of report-exporter, until now used from the account's own addresses only, is used from 192.0.2.61.",
        visit(LEAKED, "192.0.2.61", calls),
    )


def reconnaissance() -> Story:
    """Many different calls, all refused."""
    tried = " ".join(f"{each}!denied" for each in TRIED.split())
    calls = paced(FIRST_USE + timedelta(seconds=58), tried, (6, 24))
    elsewhere = paced(FIRST_USE + timedelta(minutes=8), "ec2:DescribeInstances!denied ec2:DescribeVpcs!denied", (5, 9))
    events = visit(LEAKED, "192.0.2.61", calls) + visit(LEAKED, "192.0.2.61", elsewhere, "eu-west-1")
    text = f"{len(TRIED.split())} different APIs denied within nine minutes, two of them in a second region."
    return Story("incident", "reconnaissance with denials", text, events)


def escalation() -> Story:
    """The policy, and what it opens."""
    then = paced(ATTACHED + timedelta(seconds=40), "iam:ListUsers s3:ListBuckets secretsmanager:ListSecrets", (5, 20))
    calls = [(ATTACHED, "iam:AttachUserPolicy"), *then]
    text = "AttachUserPolicy puts AdministratorAccess on the caller itself; what was denied before now succeeds."
    return Story("incident", "policy attached to itself", text, visit(LEAKED, "192.0.2.61", calls))


def persistence() -> Story:
    """A key of the stranger's own."""
    text = f"CreateAccessKey makes a second key, {NEW_KEY}."
    calls = [(NEW_KEY_MADE, "iam:CreateAccessKey")]
    return Story("incident", "new access key", text, visit(LEAKED, "192.0.2.61", calls))


def data_read() -> Story:
    """What it was all for."""
    wanted = "sts:GetCallerIdentity s3:ListObjects@all " + "s3:GetObject@report " * 24 + "kms:Decrypt@data<s3 " * 4
    wanted += "s3:ListObjects@curated " + "s3:GetObject@curated " * 11
    text = "The new key, from the same new network, lists the bucket and reads customer reports and curated orders."
    return Story("incident", "data read", text, visit(NEW_KEY, "192.0.2.77", paced(READING, wanted, (3, 17))))


def second_visit() -> Story:
    """The night after."""
    wanted = "s3:ListObjects@report " + "s3:GetObject@report " * 9
    text = "A night later the new key comes back for the day's reports."
    return Story("incident", "second visit", text, visit(NEW_KEY, "192.0.2.77", paced(AGAIN, wanted, (3, 15))))
