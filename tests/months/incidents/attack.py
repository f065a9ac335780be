"""An attack while it happens: whose credentials, from where, at what pace, and what was done in which step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from .. import identity
from ..dice import Dice
from ..log import Log
from ..networks import host
from ..records import Caller, iso
from ..world import Role, World

PACES = {"script": (0.2, 3), "hand": (6, 120), "patient": (400, 9000)}  # seconds between two calls
REFUSED = {"all": 0.03, "much": 0.25, "little": 0.75}  # how often a call that need not succeed is refused
TOOLS = [
    "aws-cli/2.15.30 Python/3.11.8 Linux/6.6.9-amd64 exe/x86_64.kali.2024 prompt/off",
    "aws-cli/2.31.0 md/awscrt#0.28.1 ua/2.1 os/linux#5.15.0-164-generic md/arch#x86_64",
    "aws-cli/2.27.40 md/awscrt#0.27.2 ua/2.1 os/windows#10 md/arch#amd64",
    "aws-cli/1.22.34 Python/3.10.12 Linux/5.15.0-91-generic botocore/1.23.34",
    "Boto3/1.40.9 md/Botocore#1.40.9 ua/2.1 os/linux#6.8.0 lang/python#3.12.3",
    "Boto3/1.26.0 Python/3.9.2 Linux/5.10.0 Botocore/1.29.0",
    "aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24 md/GOOS#linux",
    "S3 Browser/12.2.9 (https://s3browser.com)",
    "python-requests/2.32.3",
    "aws-sdk-nodejs/2.1692.0 linux/v18.19.0 promise",
]


@dataclass
class Attack:
    """One incident. `do` makes calls as `caller` and moves the clock; every call belongs to a named step."""

    world: World
    log: Log
    d: Dice
    kind: str
    clock: datetime
    caller: Caller = field(init=False)
    entry: str = ""
    power: str = ""
    pace: str = ""
    region: str = ""
    steps: dict[str, list[str]] = field(default_factory=dict)
    trivial: set[str] = field(default_factory=set)
    principals: list[str] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        d = self.d
        self.pace = d.weighted({"script": 4, "hand": 5, "patient": 1})
        self.power = d.weighted({"all": 5, "much": 4, "little": 1})
        self.region = self.world.regions[0] if d.chance(0.8) else self.world.regions[1]
        self.network, self.tool = self.elsewhere(), d.choice(TOOLS)
        self.address = host(self.network, d)

    def elsewhere(self) -> str:
        """A network of the attacker's: a provider's, IPv6, or one of AWS's own that programs here also come from."""
        chosen = self.d.random()
        if chosen < 0.15:
            return self.d.choice(self.world.cloud[self.world.regions[0]])
        return self.world.networks.six() if chosen < 0.3 else self.world.networks.take()

    def do(
        self,
        api: str,
        step: str,
        times: int = 1,
        sure: bool = True,
        region: str | None = None,
        error: tuple[str, str] | str | None = None,
        **given: Any,
    ) -> bool:
        """Calls of one API; whether the last succeeded.

        One that is not `sure` is refused as often as the power of the credentials says.
        """
        ok = True
        for _ in range(times):
            self.wait(*PACES[self.pace])
            refused = error or (None if sure or not self.d.chance(REFUSED[self.power]) else "denied")
            self._emit(self.caller, api, step, region or self.region, refused, given)
            ok = refused is None
        return ok

    def take(self, role: Role, step: str, error: str | None = None) -> Caller:
        """Takes a role, or tries to; the caller that makes of the attacker."""
        name, key = self.d.choice(["session1", "aws-cli", "botocore-session-1771", "admin"]), self.d.key("ASIA")
        self.wait(*PACES[self.pace])
        asked = {"role_arn": role.arn, "session": name, "made": key, "role_id": role.unique}
        for each in identity.twins(self.caller, role.account, self.d)[: 1 if error else 2]:
            self._emit(each, "sts:AssumeRole", step, self.region, error, asked)
        return identity.session(role.arn, role.unique, name, key, self.clock, self.caller.ip, self.caller.agent)

    def wait(self, low: float, high: float) -> None:
        """Seconds go by."""
        self.clock += timedelta(seconds=self.d.uniform(low, high))

    def sleep(self, low: float, high: float) -> None:
        """Hours go by."""
        self.wait(low * 3600, high * 3600)

    def explore(self, apis: str, step: str, low: int, high: int) -> None:
        """Some of these calls, in random order, as far as they are allowed."""
        for api in self.d.some(apis.split(), low, high):
            self.do(api, step, sure=False)

    def whoami(self) -> None:
        """The call that most begin with, and that says nothing."""
        if self.d.chance(0.7):
            self.trivial.add("who am I")
            self.do("sts:GetCallerIdentity", "who am I")

    def _emit(self, caller: Caller, api: str, step: str, region: str, error: Any, given: dict[str, Any]) -> None:
        made = self.log.emit(self.clock, caller, api, region, error, **given)
        if made is None:
            return
        self.times.append(self.clock)
        self.steps.setdefault(step, []).append(made)
        if caller.principal and caller.principal not in self.principals:
            self.principals.append(caller.principal)

    def as_json(self) -> dict[str, Any]:
        """As the truth file has it."""
        steps = [{"step": name, "trivial": name in self.trivial, "event_ids": ids} for name, ids in self.steps.items()]
        told: dict[str, Any] = {"kind": self.kind, "entry": self.entry, "pace": self.pace, "power": self.power}
        told |= {"principals": self.principals, "begin": iso(self.times[0]), "end": iso(self.times[-1])}
        return told | {"steps": steps, "event_ids": [each for ids in self.steps.values() for each in ids]}


Kind = Callable[[Attack], None]
KINDS: dict[str, Kind] = {}


def incident(name: str) -> Callable[[Kind], Kind]:
    """Marks how an incident of a kind goes."""

    def keep(kind: Kind) -> Kind:
        KINDS[name] = kind
        return kind

    return keep


def day_of(attack: Attack) -> date:
    """The day it is for the attacker."""
    return attack.clock.date()


RECON = "iam:ListUsers iam:ListRoles iam:GetAccountSummary iam:ListPolicies iam:GetUser iam:ListAttachedUserPolicies "
RECON += "iam:ListUserPolicies iam:ListGroupsForUser iam:ListAccessKeys iam:GetAccountAuthorizationDetails "
RECON += "iam:ListMFADevices iam:GetLoginProfile s3:ListBuckets s3:GetBucketPolicy s3:GetBucketAcl s3:ListObjects "
RECON += "ec2:DescribeInstances ec2:DescribeRegions ec2:DescribeVpcs ec2:DescribeSecurityGroups ec2:DescribeSnapshots "
RECON += "ec2:DescribeKeyPairs ec2:DescribeInstanceTypeOfferings lambda:ListFunctions20150331 "
RECON += "secretsmanager:ListSecrets ssm:DescribeParameters ssm:DescribeInstanceInformation rds:DescribeDBInstances "
RECON += "dynamodb:ListTables kms:ListKeys kms:ListAliases cloudtrail:DescribeTrails guardduty:ListDetectors "
RECON += "organizations:DescribeOrganization organizations:ListAccounts ses:GetSendQuota ses:ListIdentities "
RECON += "servicequotas:ListServiceQuotas sts:GetAccessKeyInfo ecr:DescribeRepositories ecs:ListClusters "
RECON += "eks:ListClusters logs:DescribeLogGroups bedrock:ListFoundationModels ce:GetCostAndUsage sns:ListTopics"
