"""AWS's own work for the accounts: service-linked roles and services, most of a real log and nobody's doing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from . import identity
from .dice import Dice
from .log import Log
from .world import World

# Service, its role, and calls a day.
LINKED = [
    ("autoscaling", "AWSServiceRoleForAutoScaling", 50),
    ("config", "AWSServiceRoleForConfig", 70),
    ("access-analyzer", "AWSServiceRoleForAccessAnalyzer", 25),
    ("inspector2", "AWSServiceRoleForAmazonInspector2", 20),
    ("ssm", "AWSServiceRoleForAmazonSSM", 15),
]
CALLS = {
    "autoscaling": "ec2:DescribeInstances ec2:DescribeInstanceStatus ec2:RunInstances ec2:TerminateInstances "
    "elasticloadbalancing:DescribeTargetHealth ec2:CreateTags",
    "config": "ec2:DescribeSecurityGroups s3:GetBucketAcl iam:GetRole iam:ListRoles kms:DescribeKey iam:ListUsers "
    "lambda:GetFunction20150331v2 rds:DescribeDBInstances s3:GetBucketPolicy iam:GetAccountPasswordPolicy "
    "s3:ListBuckets iam:GetAccountAuthorizationDetails",
    "access-analyzer": "iam:GetRole s3:GetBucketPolicy kms:GetKeyPolicy s3:GetBucketAcl sqs:GetQueueAttributes",
    "inspector2": "ec2:DescribeInstances ssm:DescribeInstanceInformation ecr:DescribeRepositories ec2:CreateSnapshot "
    "lambda:ListFunctions20150331 ec2:DeleteSnapshot",
    "ssm": "ssm:ListAssociations ssm:DescribeInstanceInformation ec2:DescribeInstances",
}
PLAIN = {"delivery.logs": "s3:GetBucketAcl", "cloudtrail": "s3:GetBucketAcl", "rds": "kms:Decrypt", "s3": "kms:Decrypt"}


def live(world: World, log: Log, day: date) -> None:
    """A day of the services, in every account."""
    d = Dice(f"{world.seed}/services/{day}")
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for account in world.accounts.values():
        for service, role, rate in LINKED:
            caller = identity.linked(account, f"{service}.amazonaws.com", role, d.key("ASIA"), midnight)
            for _ in range(d.poisson(rate * world.quiet)):
                api = d.choice(CALLS[service].split())
                log.emit(midnight + timedelta(hours=d.uniform(0, 24)), caller, api, world.regions[0])
        for service, api in PLAIN.items():
            teller = identity.service(account, f"{service}.amazonaws.com")
            for _ in range(d.poisson(15 * world.quiet)):
                log.emit(midnight + timedelta(hours=d.uniform(0, 24)), teller, api, world.regions[0])
