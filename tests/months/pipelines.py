"""Delivery pipelines: roles taken with a token of the CI provider, which deploy code and change infrastructure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from . import identity
from .dice import Dice
from .log import Log
from .networks import host
from .records import Caller
from .shapes_identity import trust
from .world import Machine, Role, World

ISSUER = "token.actions.githubusercontent.com"
READS = "ec2:DescribeVpcs ec2:DescribeSubnets ec2:DescribeSecurityGroups ec2:DescribeRouteTables iam:GetRole "
READS += "iam:ListRolePolicies iam:ListAttachedRolePolicies iam:GetPolicyVersion s3:GetBucketAcl s3:GetBucketPolicy "
READS += "s3:GetBucketVersioning s3:GetBucketEncryption s3:GetBucketLogging s3:GetBucketTagging kms:DescribeKey "
READS += "kms:GetKeyRotationStatus lambda:GetFunction20150331v2 lambda:GetPolicy20150331v2 sqs:GetQueueAttributes "
READS += "dynamodb:DescribeTable rds:DescribeDBInstances logs:DescribeLogGroups route53:ListResourceRecordSets "
READS += "secretsmanager:DescribeSecret ecs:DescribeServices elasticloadbalancing:DescribeLoadBalancers "
READS += "monitoring:DescribeAlarms cloudtrail:DescribeTrails cloudtrail:GetEventSelectors guardduty:GetDetector"
WRITES = {
    "iam:PutRolePolicy": 4, "iam:AttachRolePolicy": 3, "iam:CreateRole": 1.5, "iam:TagRole": 3,
    "iam:DetachRolePolicy": 2,
    "iam:CreatePolicyVersion": 3, "iam:DeletePolicyVersion": 2, "iam:UpdateAssumeRolePolicy": 0.6, "iam:DeleteRole": 1,
    "lambda:UpdateFunctionConfiguration20150331v2": 6, "lambda:UpdateFunctionCode20150331v2": 6,
    "lambda:AddPermission20150331v2": 3, "lambda:CreateFunction20150331": 2, "sqs:SetQueueAttributes": 3,
    "ec2:AuthorizeSecurityGroupIngress": 3, "ec2:RevokeSecurityGroupIngress": 2, "ec2:CreateTags": 3,
    "s3:CreateBucket": 1, "s3:PutBucketPolicy": 2, "s3:PutBucketLifecycle": 2, "s3:PutBucketEncryption": 1,
    "s3:PutBucketPublicAccessBlock": 1, "kms:CreateKey": 0.7, "kms:PutKeyPolicy": 0.7, "kms:EnableKeyRotation": 0.7,
    "monitoring:PutMetricAlarm": 4, "logs:PutRetentionPolicy": 3, "route53:ChangeResourceRecordSets": 3,
    "ecs:UpdateService": 6, "ecs:RegisterTaskDefinition": 6, "rds:ModifyDBInstance": 0.7, "events:PutRule": 2,
    "dynamodb:UpdateTable": 1, "s3:DeleteBucket": 0.3, "kms:ScheduleKeyDeletion": 0.15, "cloudtrail:UpdateTrail": 0.05,
    "cloudtrail:PutEventSelectors": 0.1, "guardduty:UpdateDetector": 0.05, "ec2:DeleteVpcEndpoints": 0.1,
}  # fmt: skip
DEPLOYS = {
    "function": "lambda:GetFunction20150331v2 lambda:UpdateFunctionCode20150331v2 "
    "lambda:GetFunctionConfiguration20150331v2"
    " lambda:PublishVersion20150331",
    "service": "ecr:GetAuthorizationToken ecr:PutImage ecs:DescribeTaskDefinition ecs:RegisterTaskDefinition "
    "ecs:UpdateService ecs:DescribeServices ecs:DescribeServices",
    "stack": "cloudformation:CreateChangeSet cloudformation:DescribeChangeSet cloudformation:ExecuteChangeSet "
    "cloudformation:DescribeStackEvents cloudformation:DescribeStacks",
    "site": "s3:PutObject s3:PutObject s3:PutObject s3:PutObject cloudfront:CreateInvalidation",
}


def pipeline_role(world: World, d: Dice) -> Machine:
    """A CI role of one repository, with what it deploys."""
    account = world.accounts[d.weighted({"prod": 4, "dev": 4, "shared": 1})]
    word = world.things[account].pick("word", d)
    role = Role(f"arn:aws:iam::{account}:role/ci-{word}-{d.hex(3)}", d.unique("AROA"))
    made = Machine(role, "ci", world.regions[0], {}, "office", world.runners, identity.library(d), [f"run-{d.hex(4)}"])
    made.subject = f"repo:corp-example/{word}:ref:refs/heads/main"
    made.pipelines = d.some(["infrastructure", "infrastructure", *DEPLOYS], 1, 3)
    made.calls = {"runs": world.quiet * d.skewed(3, 0.6)}
    return made


def live(world: World, log: Log, one: Machine, day: date) -> None:
    """A day's runs: most on working days and in working hours, a nightly check among them."""
    if not one.born <= day < one.dies:
        return
    d = Dice(f"{world.seed}/{one.role.arn}/{day}")
    for member, value in one.changes.get(day, {}).items():
        setattr(one, member, value)
    known = world.because(one, day)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    busy = 0.15 if day.weekday() > 4 or day in world.holidays else 1.0
    ahead = world.sites[0].ahead
    for _ in range(d.poisson(one.calls["runs"] * busy)):
        when = midnight + timedelta(hours=(d.gauss(14, 2.8) - ahead) % 24)
        run(world, log, one, d, when, d.choice(one.pipelines), known)
    if "infrastructure" in one.pipelines and d.chance(0.5):
        run(world, log, one, d, midnight + timedelta(hours=3, minutes=d.randint(0, 9)), "check", known)


def start(world: World, log: Log, one: Machine, d: Dice, when: datetime, story: int | None = None) -> Caller:
    """A runner takes the role."""
    address, key, name = host(d.choice(one.networks), d), d.key("ASIA"), d.choice(["GitHubActions", f"run-{d.hex(8)}"])
    teller = identity.web(one.role.account, ISSUER, one.subject, address, one.agent)
    asked = {"role_arn": one.role.arn, "session": name, "made": key, "role_id": one.role.unique}
    log.emit(when, teller, "sts:AssumeRoleWithWebIdentity", one.region, **asked)
    made = identity.session(one.role.arn, one.role.unique, name, key, when, address, one.agent)
    return made.but(story=story)


def run(world: World, log: Log, one: Machine, d: Dice, when: datetime, what: str, story: int | None = None) -> None:
    """One run of a pipeline."""
    caller = start(world, log, one, d, when, story)
    if what == "stack":
        stack(world, log, caller, d, when, one.region)
        return
    if what in DEPLOYS:
        held = world.things[one.role.account]
        given = {"function": held.pick("function", d)} if what == "function" else {}
        for api in DEPLOYS[what].split():
            when += timedelta(seconds=d.uniform(1, 15))
            log.emit(when, caller, api, one.region, **(given if api.startswith("lambda") else {}))
        return
    when = terraform(world, log, caller.but(agent=identity.TERRAFORM), d, when, one.region, what == "check")
    target = next((role for role in world.cross if "deploy-target" in role.arn), None)
    if target and d.chance(0.2):
        there = take(log, caller, target, d, when, one.region)
        terraform(world, log, there, d, when + timedelta(seconds=3), one.region, d.chance(0.6))


def stack(world: World, log: Log, caller: Caller, d: Dice, when: datetime, region: str) -> None:
    """CloudFormation changes a few things in the name of whoever deploys."""
    for api in DEPLOYS["stack"].split():
        when += timedelta(seconds=d.uniform(1, 15))
        log.emit(when, caller, api, region)
    formed = identity.by_service(caller, "cloudformation.amazonaws.com")
    for _ in range(d.choice([0, 1, 2, 4, 8])):
        when += timedelta(seconds=d.uniform(1, 20))
        api = d.weighted(WRITES)
        log.emit(when, formed, api, region, _failure(d), **given(world, d, api))


def take(log: Log, caller: Caller, role: Role, d: Dice, when: datetime, region: str) -> Caller:
    """The caller takes a role, which both accounts' logs tell where they are two."""
    key, name = d.key("ASIA"), caller.arn.rpartition("/")[2]
    asked = {"role_arn": role.arn, "session": name, "made": key, "role_id": role.unique}
    for each in identity.twins(caller, role.account, d):
        log.emit(when, each, "sts:AssumeRole", region, **asked)
    made = identity.session(role.arn, role.unique, name, key, when, caller.ip, caller.agent)
    return made.but(story=caller.story)


def terraform(world: World, log: Log, caller: Caller, d: Dice, when: datetime, region: str, dry: bool) -> datetime:
    """Terraform refreshes what it knows and, unless dry, changes a few things."""
    log.emit(when, caller, "sts:GetCallerIdentity", region)
    for api in d.choices(READS.split(), k=d.randint(25, 70)):
        when += timedelta(seconds=d.uniform(0, 0.6))
        log.emit(when, caller, api, region)
    for _ in range(0 if dry else d.choice([0, 1, 2, 3, 5, 9])):
        when += timedelta(seconds=d.uniform(0.5, 8))
        api = d.weighted(WRITES)
        log.emit(when, caller, api, region, _failure(d), **given(world, d, api))
    return when


def _failure(d: Dice) -> tuple[str, str] | str | None:
    if d.chance(0.97):
        return None
    if d.chance(0.3):
        return "denied"
    return d.choice([("EntityAlreadyExists", "It already exists."), ("InvalidParameterValue", "Invalid.")])


def given(world: World, d: Dice, api: str) -> dict[str, Any]:
    """The values that the writes of infrastructure code need."""
    if api == "iam:CreateRole":
        return {"role": f"{d.choice(world.things[world.accounts['prod']].held['word'])}-{d.hex(4)}"}
    if api == "iam:UpdateAssumeRolePolicy" and d.chance(0.4):
        own = d.choice(list(world.accounts.values()))
        return {"document": trust({"AWS": f"arn:aws:iam::{own}:root"})}
    if api == "lambda:AddPermission20150331v2":
        caller = d.choice(["events.amazonaws.com", "s3.amazonaws.com", "apigateway.amazonaws.com"])
        return {"more": {"action": "lambda:InvokeFunction", "principal": caller, "statementId": d.hex(8)}}
    if api == "s3:CreateBucket":
        return {"bucket": f"new-{d.hex(8)}"}
    if api == "guardduty:UpdateDetector":
        return {"enable": True}
    return {}
