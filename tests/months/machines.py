"""The programs: roles of functions, containers, instances, batch jobs, backups and vendors, and a day of theirs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from . import identity
from .dice import Dice
from .log import Log
from .networks import host
from .records import Caller
from .things import PARTS, Things
from .world import Machine, Role, World

# What kinds of programs call; a machine draws a few of its kind, with rates of its own.
FLAVOURS: dict[str, str] = {
    "lambda": "logs:CreateLogStream ssm:GetParameter ssm:GetParametersByPath secretsmanager:GetSecretValue kms:Decrypt "
    "sqs:GetQueueAttributes dynamodb:DescribeTable states:StartExecution s3:GetObject s3:PutObject s3:ListObjects "
    "athena:StartQueryExecution athena:GetQueryExecution glue:GetTable cloudfront:CreateInvalidation "
    "bedrock:InvokeModel rekognition:DetectLabels textract:AnalyzeDocument ec2:CreateNetworkInterface "
    "ec2:DescribeNetworkInterfaces ec2:DeleteNetworkInterface ecs:RunTask ec2:DescribeInstances "
    "autoscaling:DescribeAutoScalingGroups sts:GetCallerIdentity logs:DescribeLogGroups tag:GetResources "
    "cognito-idp:AdminGetUser ses:SendEmail",
    "ecs": "logs:CreateLogStream secretsmanager:GetSecretValue ssm:GetParameters kms:Decrypt kms:GenerateDataKey "
    "s3:GetObject s3:PutObject sqs:GetQueueUrl sqs:GetQueueAttributes dynamodb:DescribeTable sts:GetCallerIdentity "
    "elasticloadbalancing:DescribeTargetHealth bedrock:InvokeModel cognito-idp:AdminInitiateAuth "
    "servicediscovery:DiscoverInstances appconfig:StartConfigurationSession ecs:DescribeTasks athena:GetQueryResults",
    "ec2": "ssm:UpdateInstanceInformation ssm:ListInstanceAssociations ec2:DescribeInstances ec2:DescribeTags "
    "s3:GetObject s3:PutObject s3:ListObjects ecr:GetAuthorizationToken ecr:BatchGetImage "
    "autoscaling:DescribeAutoScalingGroups secretsmanager:GetSecretValue ssm:GetParameter kms:Decrypt "
    "logs:CreateLogStream logs:DescribeLogStreams ec2:DescribeVolumes elasticloadbalancing:DescribeTargetHealth "
    "autoscaling:CompleteLifecycleAction route53:ChangeResourceRecordSets eks:DescribeCluster",
    "scaler": "autoscaling:DescribeAutoScalingGroups autoscaling:SetDesiredCapacity autoscaling:DescribeTags "
    "ec2:DescribeInstances ec2:DescribeLaunchTemplateVersions ec2:DescribeInstanceTypes ec2:RunInstances "
    "ec2:TerminateInstances ec2:CreateTags ec2:DescribeImages ec2:DescribeSubnets eks:DescribeNodegroup",
    "batch": "s3:ListObjects s3:GetObject s3:PutObject glue:GetTable glue:GetPartitions glue:BatchCreatePartition "
    "athena:StartQueryExecution athena:GetQueryExecution athena:GetQueryResults secretsmanager:GetSecretValue "
    "kms:GenerateDataKey kms:Decrypt elasticmapreduce:RunJobFlow elasticmapreduce:DescribeCluster batch:SubmitJob "
    "batch:DescribeJobs logs:CreateLogStream redshift-data:ExecuteStatement redshift-data:DescribeStatement "
    "sagemaker:CreateTransformJob sagemaker:DescribeTransformJob dynamodb:ExportTableToPointInTime",
    "backup": "backup:StartBackupJob backup:ListRecoveryPointsByBackupVault ec2:CreateSnapshot ec2:DescribeSnapshots "
    "ec2:DeleteSnapshot ec2:DescribeVolumes ec2:CreateTags rds:CreateDBSnapshot rds:DescribeDBSnapshots "
    "rds:DeleteDBSnapshot ec2:CopySnapshot kms:CreateGrant",
    "vendor": "ec2:DescribeInstances ec2:DescribeVolumes ec2:DescribeSecurityGroups ec2:DescribeSubnets "
    "ec2:DescribeVpcs "
    "rds:DescribeDBInstances rds:DescribeDBClusters s3:ListBuckets s3:GetBucketAcl s3:GetBucketPolicy "
    "s3:GetBucketEncryption s3:GetBucketPublicAccessBlock s3:GetBucketVersioning s3:GetBucketTagging iam:ListUsers "
    "iam:ListRoles iam:ListPolicies iam:GetAccountSummary iam:ListAccessKeys iam:GetCredentialReport "
    "iam:GenerateCredentialReport iam:ListAttachedRolePolicies iam:GetRole kms:ListKeys kms:DescribeKey "
    "kms:GetKeyRotationStatus lambda:ListFunctions20150331 lambda:GetPolicy20150331v2 cloudtrail:DescribeTrails "
    "cloudtrail:GetTrailStatus cloudtrail:GetEventSelectors config:DescribeConfigurationRecorders "
    "monitoring:GetMetricData monitoring:ListMetrics monitoring:DescribeAlarms tag:GetResources sqs:ListQueues "
    "sns:ListTopics dynamodb:ListTables dynamodb:DescribeTable ecs:ListClusters ecs:DescribeClusters "
    "elasticloadbalancing:DescribeLoadBalancers autoscaling:DescribeAutoScalingGroups eks:ListClusters "
    "eks:DescribeCluster secretsmanager:ListSecrets ce:GetCostAndUsage guardduty:ListDetectors guardduty:ListFindings "
    "ec2:DescribeSnapshots ec2:DescribeImages ec2:DescribeFlowLogs organizations:DescribeOrganization "
    "cloudformation:ListStacks redshift:DescribeClusters elasticache:DescribeCacheClusters",
    "key": "s3:PutObject s3:ListObjects s3:GetObject ses:SendEmail sqs:GetQueueUrl cloudfront:CreateInvalidation "
    "ecr:GetAuthorizationToken route53:ChangeResourceRecordSets route53:GetChange sts:GetCallerIdentity "
    "ec2:CopySnapshot",
}
CALLS = {"lambda": (1, 5), "ecs": (2, 5), "ec2": (3, 7), "scaler": (6, 11), "batch": (3, 8), "backup": (5, 10)}
CALLS |= {"vendor": (10, 60), "key": (1, 3)}
RATES = {"lambda": 6, "ecs": 6.5, "ec2": 6, "scaler": 5, "batch": 4, "backup": 4, "vendor": 1.2, "key": 7}
# What no program does more than about once a day.
DAILY = {"dynamodb:ExportTableToPointInTime", "elasticmapreduce:RunJobFlow", "sagemaker:CreateTransformJob"}
DAILY |= {"rds:CreateDBSnapshot", "rds:DeleteDBSnapshot", "iam:GenerateCredentialReport", "iam:GetCredentialReport"}
TRUSTED = {"lambda": "lambda.amazonaws.com", "ecs": "ecs-tasks.amazonaws.com", "ec2": "ec2.amazonaws.com"}
STAGES = {"prod": 6, "dev": 3, "shared": 1}
NAMED = {"secretsmanager:GetSecretValue": ("secret", "secret"), "ssm:GetParameter": ("name", "parameter")}
NAMED |= {
    "s3:GetObject": ("bucket", "bucket"),
    "s3:PutObject": ("bucket", "bucket"),
    "s3:ListObjects": ("bucket", "bucket"),
}
NAMED |= {"dynamodb:ExportTableToPointInTime": ("bucket", "bucket")}
NAMED |= {"kms:Decrypt": ("key", "kms"), "kms:GenerateDataKey": ("key", "kms")}


def machine(world: World, d: Dice, kind: str) -> Machine:
    """A program of a kind ("scaler" is an instance's), with a role, calls, rates and a place of its own."""
    stage = d.weighted(STAGES)
    account = world.accounts[stage]
    held = world.things[account]
    word, region = held.pick("word", d), world.regions[0] if d.chance(0.8) else world.regions[1]
    short = f"{word}-{d.choice(PARTS)}-{d.hex(3)}" if kind not in {"vendor", "backup"} else f"{kind}-{word}-{d.hex(3)}"
    path = "service-role/" if kind == "lambda" and d.chance(0.3) else ""
    role = Role(f"arn:aws:iam::{account}:role/{path}{short}", d.unique("AROA"))
    if kind == "key":
        role = Role(f"arn:aws:iam::{account}:user/svc-{short}", d.unique("AIDA"))
    low, high = CALLS[kind]
    offered = [api for api in FLAVOURS[kind].split() if api not in DAILY or kind == "backup" or d.chance(0.3)]
    rates = {api: min(d.skewed(RATES[kind], 0.9), 400) for api in d.some(offered, low, high)}
    calls = {api: (min(rate, 1.2) if api in DAILY else rate) * world.quiet for api, rate in rates.items()}
    inside = kind in {"ecs", "ec2", "scaler", "batch", "backup"} and d.chance(0.7)
    pod = kind == "ecs" and d.chance(0.35)
    made = Machine(
        role,
        "ec2" if kind == "scaler" else kind,
        region,
        calls,
        d.choice(["steady", "steady", "office"]) if kind not in {"batch", "backup"} else "nightly",
        _networks(world, d, kind, region, inside),
        identity.library(d),
        _sessions(kind, d, short, pod),
        {api: _named(api, held, d) for api in calls if api in NAMED},
        f"vpce-0{d.hex(16)}" if inside and d.chance(0.3) else None,
        d.key(),
        subject=f"system:serviceaccount:{word}:{short}" if pod else "",
        other=f"{d.randint(1, 9)}{d.randint(0, 10**11 - 1):011d}",
    )  # fmt: skip
    if "ec2:RunInstances" in calls:
        made.given["ec2:RunInstances"] = [{"type": d.choice(["m6i.xlarge", "c7g.large", "r6i.large"]), "count": 2}]
    return made


def _named(api: str, held: Things, d: Dice) -> list[dict[str, Any]]:
    """What a machine names in calls of an API: always the same few."""
    member, kind = NAMED[api]
    return [{member: held.pick(kind, d)} for _ in range(d.randint(1, 3))]


def _networks(world: World, d: Dice, kind: str, region: str, inside: bool) -> list[str]:
    if inside:
        return [f"10.{d.randint(0, 60)}.{d.randint(0, 250)}" for _ in range(d.randint(1, 3))]
    if kind == "lambda" and d.chance(0.5):
        return [d.choice(world.cloud[region])]  # in a VPC: behind one NAT address
    if kind in {"lambda", "ecs", "batch"}:
        return world.cloud[region]
    return world.networks.several(d.randint(1, 2))


def _sessions(kind: str, d: Dice, short: str, pod: bool) -> list[str]:
    if kind in {"ec2", "scaler", "ecs"}:
        return [_session_name(kind, d, pod) for _ in range(d.choice([1, 1, 2, 3, 6]))]
    return [short if kind == "lambda" else d.choice([f"{short}-run", "backup", "aws-sdk", "sync"])]


def _session_name(kind: str, d: Dice, pod: bool) -> str:
    """An instance's, a task's or a pod's."""
    if kind == "ecs":
        return f"botocore-session-177{d.randint(0, 9999999):07d}" if pod else d.hex(32)
    return f"i-0{d.hex(16)}"


def live(world: World, log: Log, one: Machine, day: date) -> None:
    """One day of a machine: its calls at its hours, more in a surge, and what fails of late."""
    if not one.born <= day < one.dies or one.kind == "ci":
        return
    d = Dice(f"{world.seed}/{one.role.arn}/{day}")
    for member, value in one.changes.get(day, {}).items():
        setattr(one, member, value)
    known = world.because(one, day, one.networks[0])
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if one.kind in {"ec2", "ecs"} and d.chance(0.15 if one.kind == "ec2" else 0.5):  # instances, tasks and pods change
        one.sessions[d.randrange(len(one.sessions))] = _session_name(one.kind, d, bool(one.subject))
    callers: dict[tuple[int, str], Caller] = {}
    for api, rate in one.calls.items():
        quiet = 0.5 if one.rhythm == "office" and day.weekday() > 4 else 1.0
        for _ in range(d.poisson(rate * quiet)):
            call(log, one, d, midnight + _hour(one, d), api, callers, story=one.news.get(api, known))
    for begin, end, factor, more, story in one.surges:
        first, last = max(begin, midnight), min(end, midnight + timedelta(days=1))
        share = (last - first) / timedelta(days=1)
        for api, rate in (one.calls | more).items():
            for _ in range(d.poisson(rate * factor * share) if share > 0 else 0):
                call(log, one, d, first + (last - first) * d.random(), api, callers, story=story)
    for begin, end, api, error, an_hour, story in one.failing:
        first, last = max(begin, midnight), min(end, midnight + timedelta(days=1))
        hours = (last - first) / timedelta(hours=1)
        for _ in range(d.poisson(an_hour * hours) if hours > 0 else 0):
            call(log, one, d, first + (last - first) * d.random(), api, callers, error, story)


def _hour(one: Machine, d: Dice) -> timedelta:
    if one.rhythm == "nightly":
        return timedelta(hours=(1 + d.expovariate(0.5)) % 24)
    hour = d.uniform(0, 24)
    if one.rhythm == "office" and d.chance(0.7):
        hour = min(max(d.gauss(13, 3), 0), 23.9)
    return timedelta(hours=hour)


def call(
    log: Log,
    one: Machine,
    d: Dice,
    when: datetime,
    api: str,
    callers: dict[tuple[int, str], Caller],
    error: tuple[str, str] | str | None = None,
    story: int | None = None,
) -> None:
    """One call of a machine, in the session it has at that hour."""
    name = d.choice(one.sessions)
    block = when.hour // 6, name
    caller = callers.get(block) or callers.setdefault(block, session(log, one, d, when, name))
    if error is None and d.chance(0.002):
        error = ("ThrottlingException", "Rate exceeded")
    given = one.given.get(api)
    log.emit(when, caller.but(story=story), api, one.region, error, **(d.choice(given) if given else {}))


def session(log: Log, one: Machine, d: Dice, when: datetime, name: str) -> Caller:
    """The credentials a machine has for some hours, with the event of their handing out."""
    address = host(d.choice(one.networks), d) if one.kind != "ec2" else host(one.networks[0], Dice(name))
    if one.kind == "key":
        user = one.role.arn.rpartition("/")[2]
        return identity.user(one.role.account, user, one.role.unique, one.key, address, one.agent)
    return handed_out(log, one, d, when - timedelta(minutes=d.randint(1, 50)), name, address, one.agent)


def handed_out(log: Log, one: Machine, d: Dice, since: datetime, name: str, address: str, agent: str) -> Caller:
    """New credentials of a machine, with the event of their handing out, used from an address with a tool."""
    key, account = d.key("ASIA"), one.role.account
    asked = {"role_arn": one.role.arn, "session": name, "made": key, "role_id": one.role.unique}
    api = "sts:AssumeRole"
    if one.kind == "vendor":
        teller = identity.outside(account, one.other, f"AROA{one.other}EX:{name}", address, agent)
    elif one.subject:  # a pod, by the token of its service account
        issuer = f"oidc.eks.{one.region}.amazonaws.com/id/{Dice(account + one.region).hex(32).upper()}"
        teller, api = identity.web(account, issuer, one.subject, address, agent), "sts:AssumeRoleWithWebIdentity"
    else:
        teller = identity.service(account, TRUSTED.get(one.kind, "ecs-tasks.amazonaws.com"))
    log.emit(since, teller, api, one.region, **asked)
    more = {"ec2RoleDelivery": "2.0"} if one.kind == "ec2" else {}
    made = identity.session(one.role.arn, one.role.unique, name, key, since, address, agent, **more)
    return made.but(vpce=one.vpce if address.startswith("10.") else None)
