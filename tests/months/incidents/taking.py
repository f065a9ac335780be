"""Incidents about data: carried out, shared outward, held to ransom, read little by little by one's own people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from .. import people
from ..networks import egress
from . import entries
from .attack import Attack, day_of, incident


def stranger(a: Attack) -> str:
    """An account that is not the company's."""
    return f"{a.d.randint(1, 9)}{a.d.randint(0, 10**11 - 1):011d}"


def outward(policy_for: str) -> dict[str, Any]:
    """A bucket policy, as the request has it, that lets somebody read."""
    principal = "*" if policy_for == "*" else {"AWS": f"arn:aws:iam::{policy_for}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*"}
    return {"bucketPolicy": {"Version": "2012-10-17", "Statement": [statement]}}


@incident("data theft")
def theft(a: Attack) -> None:
    """Objects, secrets, parameters or copies of disks and databases leave."""
    d = a.d
    a.caller = entries.any_way(a)
    held, other = a.world.things[a.caller.account], stranger(a)
    a.whoami()
    looks = (
        "s3:ListBuckets s3:GetBucketPolicy secretsmanager:ListSecrets ec2:DescribeSnapshots rds:DescribeDBSnapshots "
    )
    a.explore(looks + "ssm:DescribeParameters ec2:DescribeInstances rds:DescribeDBInstances", "looking", 1, 6)
    for way in d.some(["objects", "secrets", "parameters", "disks", "databases", "policy", "image", "export"], 1, 2):
        if way == "objects":
            bucket: dict[str, Any] = {"bucket": held.pick("bucket", d)}
            a.do("s3:ListObjects", way, times=d.randint(1, 6), **bucket)
            a.do("s3:GetObject", way, times=round(d.skewed(200, 1)), **bucket)
        elif way == "secrets":
            for name in d.some(held.held["secret"], 4, 30):
                a.do("secretsmanager:GetSecretValue", way, sure=False, secret=name)
        elif way == "parameters":
            a.do("ssm:GetParametersByPath", way, times=d.randint(2, 25), sure=False)
        elif way == "disks":
            for snapshot in d.some(held.held["snapshot"], 1, 6):
                a.do("ec2:ModifySnapshotAttribute", way, snapshot=snapshot, to=d.choice([other, other, "all"]))
        elif way == "databases":
            a.do("rds:CreateDBSnapshot", way)
            a.do("rds:ModifyDBSnapshotAttribute", way, to=other)
        elif way == "image":
            a.do("ec2:ModifyImageAttribute", way, to=other)
        elif way == "export":
            a.do("rds:StartExportTask", way, more={"s3BucketName": f"x-{d.hex(8)}"})
        else:
            a.do("s3:PutBucketPolicy", way, bucket=held.pick("bucket", d), more=outward(d.choice([other, "*"])))
            a.do("s3:PutBucketPublicAccessBlock", way)


@incident("ransom")
def ransom(a: Attack) -> None:
    """What there is is encrypted with a foreign key or deleted, and the backups with it."""
    d = a.d
    a.caller = entries.any_way(a)
    held, a.pace = a.world.things[a.caller.account], d.choice(["script", "hand"])
    a.whoami()
    a.explore(
        "s3:ListBuckets s3:GetBucketVersioning s3:ListObjects backup:ListBackupVaults kms:ListKeys", "looking", 1, 4
    )
    bucket: dict[str, Any] = {"bucket": held.pick("bucket", d)}
    if d.chance(0.5):
        a.do(
            "s3:PutBucketVersioning", "no way back", **bucket, more={"VersioningConfiguration": {"Status": "Suspended"}}
        )
    if d.chance(0.5):
        apis = ["backup:DeleteRecoveryPoint", "backup:DeleteBackupVault", "rds:DeleteDBSnapshot", "ec2:DeleteSnapshot"]
        for api in d.some(apis, 1, 3):
            a.do(api, "no way back", times=d.randint(1, 15))
    way = d.choice(["customer key", "foreign key", "objects", "keys", "machines"])
    if way == "customer key":
        headers = {"x-amz-server-side-encryption-customer-algorithm": "AES256", "x-amz-copy-source": bucket["bucket"]}
        a.do("s3:CopyObject", way, times=round(d.skewed(150, 0.8)), **bucket, headers=headers)
    elif way == "foreign key":
        key = f"arn:aws:kms:{a.region}:{stranger(a)}:key/{d.uuid()}"
        headers = {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": key}
        a.do("s3:CopyObject", way, times=round(d.skewed(150, 0.8)), **bucket, headers=headers)
    elif way == "objects":
        api = d.choice(["s3:DeleteObject", "s3:DeleteObjects"])
        a.do("s3:GetObject", way, times=d.randint(0, 60), **bucket)
        a.do(api, way, times=round(d.skewed(120, 0.8)), **bucket)
    elif way == "keys":
        for key in d.some(held.held["kms"], 1, 6):
            a.do(d.choice(["kms:ScheduleKeyDeletion", "kms:DisableKey"]), way, key=key)
    else:
        a.do("rds:DeleteDBInstance", way, times=d.randint(1, 4), more={"skipFinalSnapshot": True})
        a.do("ec2:TerminateInstances", way, times=d.randint(1, 9), instances=d.some(held.held["instance"], 1, 9))
    if d.chance(0.6):
        a.do("s3:PutObject", "note", **bucket, key=d.choice(["README_TO_RESTORE.txt", "contact.txt", "ransom.html"]))


@incident("insider")
def insider(a: Attack) -> None:
    """One of the company's own, from the usual place and in usual hours, reads more each day of what is not theirs."""
    d = a.d
    there = [each for each in a.world.people if each.works_on(day_of(a))]
    fit = [each for each in there if each.trade in {"developer", "data", "finance"}]
    someone = d.choice(fit or a.world.people)
    a.entry, a.pace, a.power = "own account", "hand", "much"
    what = d.some(["s3:GetObject", "secretsmanager:GetSecretValue", "ssm:GetParameter", "athena:GetQueryResults"], 1, 2)
    early = max(a.world.judged + timedelta(hours=6), a.world.end - timedelta(days=12))  # it takes its time
    a.clock = min(a.clock, early)
    amount, day = d.uniform(3, 12), day_of(a)
    last = min(day + timedelta(days=d.randint(6, 14)), a.world.end.date() - timedelta(days=1))
    while day < last:
        if day.weekday() < 5 and day not in a.world.holidays:
            hour = someone.starts - someone.site.ahead + d.uniform(0, 9)
            a.clock = a.world.begin + (day - a.world.first) + timedelta(hours=hour)
            network = a.world.office(someone.site, day) if d.chance(0.6) else someone.had("home", day)
            before = someone.key
            someone.key = someone.had("key", day)
            a.caller = people.sign_in(a.world, a.log, someone, d, a.clock, egress(network, day, d), True)
            someone.key = before
            a.do("s3:ListObjects", "looking", times=d.randint(1, 4))
            for api in what:
                a.do(api, "reading", times=round(amount), sure=d.chance(0.8))
            amount *= d.uniform(1.1, 1.6)
        day += timedelta(days=1)
