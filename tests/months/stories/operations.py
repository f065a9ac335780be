"""Stories of those who run things: break-glass, audits, patching, tidying, sharing, tuning the watch."""

from __future__ import annotations

from datetime import date, timedelta

from .. import pipelines
from ..activities import ACTIVITIES
from ..dice import Dice
from ..machines import FLAVOURS
from .programs import moment
from .telling import Calls, Telling, story


@story("break-glass", 1)
def break_glass(t: Telling, d: Dice, day: date) -> None:
    """Something is on fire: a named person takes the emergency role, at any hour, and mends."""
    someone, when = t.somebody(d, day, "operations"), moment(day, d)
    role = d.choice(t.world.glass)
    number = t.new("break-glass", role.arn, when, 0.5)
    caller = pipelines.take(t.log, t.acting(someone, when, d, number), role, d, when, t.world.regions[0])
    looks = "ec2:DescribeInstances ec2:DescribeSecurityGroups rds:DescribeDBInstances logs:FilterLogEvents iam:GetRole"
    mends = "ec2:RebootInstances ec2:AuthorizeSecurityGroupIngress iam:PutRolePolicy iam:AttachRolePolicy "
    mends += "lambda:UpdateFunctionConfiguration20150331v2 ssm:StartSession rds:ModifyDBInstance ecs:UpdateService "
    mends += "secretsmanager:GetSecretValue ec2:StartInstances s3:PutBucketPolicy kms:PutKeyPolicy ssm:SendCommand"
    calls = d.choices(looks.split(), k=d.randint(8, 40)) + d.choices(mends.split(), k=d.randint(1, 8))
    d.shuffle(calls)
    t.do(when, caller, d, [(api, {}) for api in calls], 30)


@story("audit", 0.5)
def audit(t: Telling, d: Dice, day: date) -> None:
    """The quarter's audit: somebody reads everything for some days."""
    someone = t.somebody(d, day, "auditor", "security")
    number = t.new("audit", someone.arn, t.hour(someone, day, d), 4)
    apis = [*FLAVOURS["vendor"].split(), "iam:GetAccountAuthorizationDetails", "iam:GetAccountPasswordPolicy"]
    for later in range(d.randint(1, 4)):
        when = t.hour(someone, day + timedelta(days=later), d)
        caller = t.acting(someone, when, d, number)
        t.do(when, caller, d, [(api, {}) for api in d.choices(apis, k=d.randint(100, 500))], 5)


@story("patch day", 1)
def patch_day(t: Telling, d: Dice, day: date) -> None:
    """Commands on many instances, in waves."""
    someone = t.somebody(d, day, "operations")
    when, held = t.hour(someone, day, d), t.world.things[t.world.accounts["prod"]]
    number = t.new("patch day", someone.arn, when)
    caller = t.acting(someone, when, d, number, tool=True, account=t.world.accounts["prod"])
    calls: Calls = [("ssm:DescribeInstanceInformation", {})]
    for _ in range(d.randint(4, 25)):
        waves = {"instances": d.some(held.held["instance"], 2, 20), "document": "AWS-RunPatchBaseline"}
        calls += [("ssm:SendCommand", waves), ("ssm:ListCommandInvocations", {})]
    t.do(when, caller, d, calls, 60)


@story("script over everything", 2)
def script(t: Telling, d: Dice, day: date) -> None:
    """Somebody's script tags, lists or reads all there is."""
    someone = t.somebody(d, day, "operations", "developer", "security")
    when = t.hour(someone, day, d)
    number = t.new("script over everything", someone.arn, when)
    pairs = ["ec2:DescribeTags ec2:CreateTags", "s3:GetBucketTagging s3:PutBucketTagging", "iam:GetRole iam:TagRole"]
    pairs += ["s3:GetBucketPolicy s3:GetBucketEncryption", "lambda:GetFunction20150331v2 lambda:ListTags20170331"]
    pairs += ["logs:DescribeLogGroups logs:PutRetentionPolicy", "ssm:GetParameters ssm:DescribeParameters"]
    pairs += ["iam:ListAccessKeys iam:GetAccessKeyLastUsed", "secretsmanager:DescribeSecret secretsmanager:ListSecrets"]
    calls = d.choice(pairs).split() * d.randint(20, 300)
    t.do(when, t.acting(someone, when, d, number, tool=True), d, [(api, {}) for api in calls], 0.5)


@story("a person's download", 2)
def download(t: Telling, d: Dice, day: date) -> None:
    """Somebody of the data people fetches a data set."""
    someone = t.somebody(d, day, "data")
    when = t.hour(someone, day, d)
    number = t.new("a person's download", someone.arn, when)
    caller = t.acting(someone, when, d, number, tool=True)
    bucket = {"bucket": t.world.things[caller.account].pick("bucket", d)}
    t.do(when, caller, d, [("s3:ListObjects", bucket), *[("s3:GetObject", bucket)] * d.randint(100, 2000)], 0.5)


@story("rotation of secrets", 0.5)
def rotate_secrets(t: Telling, d: Dice, day: date) -> None:
    """Somebody gives many secrets new values."""
    someone = t.somebody(d, day, "security", "operations")
    when = t.hour(someone, day, d)
    number = t.new("rotation of secrets", someone.arn, when)
    caller = t.acting(someone, when, d, number, tool=True)
    calls: Calls = []
    for name in d.some(t.world.things[caller.account].held["secret"], 5, 30):
        given = {"secret": name}
        calls += [("secretsmanager:DescribeSecret", given), ("secretsmanager:GetSecretValue", given)]
        calls += [("secretsmanager:PutSecretValue", {"secretId": name})]
    t.do(when, caller, d, calls, 3)


@story("tidying up", 1.5)
def tidying(t: Telling, d: Dice, day: date) -> None:
    """What is no longer used is deleted."""
    someone = t.somebody(d, day, "operations", "developer")
    when = t.hour(someone, day, d)
    number = t.new("tidying up", someone.arn, when)
    caller = t.acting(someone, when, d, number)
    kinds = (
        "lambda:DeleteFunction20150331 ec2:TerminateInstances s3:DeleteBucket rds:DeleteDBInstance ec2:DeleteVolume "
    )
    kinds += "logs:DeleteLogGroup kms:ScheduleKeyDeletion ec2:DeleteSnapshot iam:DeleteRole dynamodb:DeleteTable "
    kinds += "cloudformation:DeleteStack sqs:DeleteQueue ecr:DeleteRepository rds:DeleteDBSnapshot "
    "secretsmanager:DeleteSecret"
    calls = [api for api in d.some(kinds.split(), 1, 5) for _ in range(d.choice([1, 2, 3, 8, 20]))]
    if d.chance(0.15):
        calls.append("cloudtrail:DeleteTrail")
    given = {"cloudtrail:DeleteTrail": {"trail": "test-trail"}}
    t.do(when, caller, d, [(api, given.get(api, {})) for api in calls], 10)


@story("shared within the company", 2)
def shared(t: Telling, d: Dice, day: date) -> None:
    """A snapshot or an image for another account of the company's own."""
    someone = t.somebody(d, day, "operations", "data")
    when = t.hour(someone, day, d)
    number = t.new("shared within the company", someone.arn, when)
    caller = t.acting(someone, when, d, number)
    other = d.choice([each for each in t.world.accounts.values() if each != caller.account])
    api = d.choice(["ec2:ModifySnapshotAttribute", "ec2:ModifyImageAttribute", "rds:ModifyDBSnapshotAttribute"])
    t.do(when, caller, d, [("ec2:DescribeSnapshots", {}), *[(api, {"to": other})] * d.randint(1, 4)])


@story("tuning the watch", 1)
def tuning(t: Telling, d: Dice, day: date) -> None:
    """The security people change what is watched and how."""
    someone = t.somebody(d, day, "security")
    when = t.hour(someone, day, d)
    number = t.new("tuning the watch", someone.arn, when)
    caller = t.acting(someone, when, d, number)
    apis = [
        "guardduty:CreateFilter",
        "guardduty:UpdateDetector",
        "cloudtrail:PutEventSelectors",
        "cloudtrail:UpdateTrail",
    ]
    apis += ["securityhub:BatchUpdateFindings", "config:PutConfigRule"]
    given = {"guardduty:UpdateDetector": {"enable": True}}
    t.do(when, caller, d, [(api, given.get(api, {})) for api in d.some(apis, 1, 3)])


@story("large instances", 1)
def large(t: Telling, d: Dice, day: date) -> None:
    """The data people train on costly machines, for an afternoon or a week."""
    someone = t.somebody(d, day, "data", "operations")
    when = t.hour(someone, day, d)
    number = t.new("large instances", someone.arn, when)
    given = {
        "type": d.choice(["g6.12xlarge", "p5.48xlarge", "g5.2xlarge", "r7i.24xlarge"]),
        "count": d.choice([1, 2, 8]),
    }
    calls = [("ec2:DescribeInstanceTypes", {}), ("ec2:RunInstances", given), ("ec2:CreateTags", {})]
    calls += [("ec2:DescribeInstances", {})] * d.randint(2, 10) + [("ec2:TerminateInstances", {})]
    t.do(when, t.acting(someone, when, d, number), d, calls, 120)


@story("a busy day", 4)
def busy(t: Telling, d: Dice, day: date) -> None:
    """Somebody does in a day what else takes a week."""
    someone = t.somebody(d, day, "developer", "operations", "data")
    when = t.hour(someone, day, d)
    number = t.new("a busy day", someone.arn, when)
    some = [each for each in someone.likes if each in ACTIVITIES and each != "work elsewhere"]
    someone.tries[when.date()] = d.choices(some, k=d.randint(15, 50)), number
