"""What an account holds that calls name: buckets, instances, functions, secrets …"""

from __future__ import annotations

from dataclasses import dataclass, field

from .dice import Dice

WORDS = [
    "orders",
    "billing",
    "search",
    "catalog",
    "ledger",
    "claims",
    "fleet",
    "media",
    "reports",
    "identity",
    "pricing",
    "notify",
    "export",
    "crm",
]
WORDS += [
    "inventory",
    "payments",
    "routing",
    "analytics",
    "recommend",
    "checkout",
    "archive",
    "sensors",
    "mail",
    "ingest",
    "forecast",
    "labels",
]
PARTS = ["api", "worker", "web", "sync", "loader", "cron", "stream", "cache", "batch", "gateway", "events", "core"]

ACTIONS = [
    "s3:GetObject",
    "s3:PutObject",
    "sqs:SendMessage",
    "dynamodb:GetItem",
    "kms:Decrypt",
    "logs:PutLogEvents",
]


@dataclass
class Things:
    """The named resources of one account, by kind; `pick` draws one."""

    account: str
    regions: list[str]
    held: dict[str, list[str]] = field(default_factory=dict)

    def pick(self, kind: str, dice: Dice) -> str:
        """One of a kind."""
        return dice.choice(self.held[kind])

    def own_policy(self, dice: Dice) -> str:
        """The ARN of a managed policy of the account's own."""
        return f"arn:aws:iam::{self.account}:policy/{self.pick('word', dice)}-{dice.choice(PARTS)}"


def things(account: str, stage: str, regions: list[str], seed: int) -> Things:
    """Draws what an account of the company holds."""
    d = Dice(f"{seed}/things/{account}")
    words = d.some(WORDS, 10, 18)
    several = {
        "bucket": [f"{stage}-{word}-{d.hex(6)}" for word in words for _ in range(d.randint(1, 3))],
        "instance": [f"i-0{d.hex(16)}" for _ in range(60)],
        "volume": [f"vol-0{d.hex(16)}" for _ in range(60)],
        "snapshot": [f"snap-0{d.hex(16)}" for _ in range(80)],
        "image": [f"ami-0{d.hex(16)}" for _ in range(12)],
        "security group": [f"sg-0{d.hex(16)}" for _ in range(25)],
        "subnet": [f"subnet-0{d.hex(16)}" for _ in range(9)],
        "function": [f"{word}-{d.choice(PARTS)}" for word in words for _ in range(3)],
        "secret": [
            f"{stage}/{word}/{d.choice(['db', 'token', 'smtp', 'webhook'])}" for word in words for _ in range(2)
        ],
        "parameter": [
            f"/{stage}/{word}/{d.choice(['url', 'limit', 'flag', 'dsn'])}" for word in words for _ in range(4)
        ],
        "table": [f"{word}-{d.choice(['items', 'state', 'index'])}" for word in words],
        "queue": [f"{word}-{d.choice(PARTS)}" for word in words],
        "database": [f"{stage}-{word}" for word in words[:6]],
        "stack": [f"{stage}-{word}" for word in words],
        "cluster": [f"{stage}-{n}" for n in ("apps", "jobs")],
        "word": words,
        "role": [f"{word}-{d.choice(PARTS)}-role" for word in words],
        "user": ["deploy", "reporting"],
        "group": ["developers", "operators", "readers", "data", "finance"],
        "kms": [d.uuid() for _ in range(8)],
        "trail": [f"{stage}-trail"],
        "detector": [d.hex(32)],
        "vault": ["daily", "monthly"],
    }
    several["policy"] = [f"arn:aws:iam::aws:policy/{n}" for n in MANAGED]
    return Things(account, regions, several)


MANAGED = [
    "AmazonS3ReadOnlyAccess",
    "AmazonSQSFullAccess",
    "CloudWatchReadOnlyAccess",
    "AmazonDynamoDBReadOnlyAccess",
    "service-role/AWSLambdaBasicExecutionRole",
    "AmazonSSMManagedInstanceCore",
]
