"""How long a big account's authorization details take to import, and everybody's effective actions to work out.

    python -m tests.bench.snapshot [--roles 5000]

Each is a process of its own, from start to end. The account is made up, in the shape of a grown one: each role with
two managed policies and an inline one, users, groups, customer policies with five versions each, and AWS's own
policies that are in use.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.measure import Usage, measure

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
DATE = "2024-03-01T12:00:00+00:00"
USERS, GROUPS, CUSTOMER, VERSIONS, MANAGED = 300, 20, 200, 5, 120
# Seconds: the import; the actions of every principal, less what boundaries and Deny take.
LIMIT, ACTIONS_LIMIT = 20.0, 30.0
SERVICES = ("s3", "ec2", "dynamodb", "lambda", "sqs", "sns", "kms", "logs", "ssm", "secretsmanager", "ecs", "rds")
VERBS = ("Get*", "List*", "Describe*", "Create*", "Put*", "Delete*", "Update*", "Tag*", "BatchGet*", "Start*")


def document(source: random.Random, statements: int) -> dict[str, Any]:
    """A policy as people write them: a few statements, each over a few actions of one service."""
    made = []
    for number in range(statements):
        service = source.choice(SERVICES)
        actions = [f"{service}:{verb}" for verb in source.sample(VERBS, source.randint(1, 6))]
        resource = f"arn:aws:{service}:eu-west-1:{ACCOUNT}:team-{source.randint(1, 40)}/*"
        statement: dict[str, Any] = {"Sid": f"S{number}", "Effect": "Allow", "Action": actions, "Resource": [resource]}
        if source.random() < 0.3:
            statement["Condition"] = {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}
        made.append(statement)
    return {"Version": "2012-10-17", "Statement": made}


def managed(source: random.Random, owner: str, name: str, versions: int, statements: int) -> dict[str, Any]:
    """A managed policy with its versions, the first of which is in force."""
    listed = [
        {"Document": document(source, statements), "VersionId": f"v{versions - n}", "IsDefaultVersion": n == 0,
         "CreateDate": DATE}
        for n in range(versions)
    ]  # fmt: skip
    return {"PolicyName": name, "PolicyId": f"ANPA{name.upper()}", "Arn": f"arn:aws:iam::{owner}:policy/{name}",
            "Path": "/", "DefaultVersionId": f"v{versions}", "AttachmentCount": 10, "IsAttachable": True,
            "CreateDate": DATE, "UpdateDate": DATE, "PolicyVersionList": listed}  # fmt: skip


def account(roles: int, seed: int = 1) -> dict[str, Any]:
    """GetAccountAuthorizationDetails of the whole account, as the command line puts its pages together."""
    source = random.Random(seed)
    policies = [managed(source, ACCOUNT, f"team-{n}", VERSIONS, 6) for n in range(CUSTOMER)]
    policies += [managed(source, "aws", f"AWSManaged{n}", 1, 12) for n in range(MANAGED)]
    attached = [{"PolicyName": each["PolicyName"], "PolicyArn": each["Arn"]} for each in policies]
    return {
        "UserDetailList": list(_users(source, attached)),
        "GroupDetailList": list(_groups(source, attached)),
        "RoleDetailList": list(_roles(source, attached, roles)),
        "Policies": policies,
    }


def _users(source: random.Random, attached: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    for n in range(USERS):
        yield {"Path": "/", "UserName": f"user{n}", "UserId": f"AIDA{n:016}", "CreateDate": DATE,
               "Arn": f"arn:aws:iam::{ACCOUNT}:user/user{n}", "GroupList": [f"group{n % GROUPS}"],
               "AttachedManagedPolicies": source.sample(attached, 1), "Tags": []}  # fmt: skip


def _groups(source: random.Random, attached: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    for n in range(GROUPS):
        yield {"Path": "/", "GroupName": f"group{n}", "GroupId": f"AGPA{n:016}", "CreateDate": DATE,
               "Arn": f"arn:aws:iam::{ACCOUNT}:group/group{n}", "GroupPolicyList": [],
               "AttachedManagedPolicies": source.sample(attached, 3)}  # fmt: skip


def _roles(source: random.Random, attached: list[dict[str, str]], count: int) -> Iterator[dict[str, Any]]:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "lambda.amazonaws.com"}}]}  # fmt: skip
    for n in range(count):
        inline = {"PolicyName": "own", "PolicyDocument": document(source, 4)}
        yield {"Path": "/", "RoleName": f"role{n}", "RoleId": f"AROA{n:016}", "CreateDate": DATE,
               "Arn": f"arn:aws:iam::{ACCOUNT}:role/role{n}", "AssumeRolePolicyDocument": trust,
               "InstanceProfileList": [], "RolePolicyList": [inline],
               "AttachedManagedPolicies": source.sample(attached, 2), "Tags": [{"Key": "team", "Value": str(n % 40)}],
               "RoleLastUsed": {"LastUsedDate": DATE, "Region": "eu-west-1"}}  # fmt: skip


def run(folder: Path, roles: int) -> dict[str, Any]:
    """Imports the account into a new lake, and asks of everybody's actions; seconds, peak in bytes, targets met."""
    file = folder / "details.json"
    file.write_text(json.dumps(account(roles), indent=4))
    verb = ["iam", "import", str(file), "--lake", str(folder / "lake"), "-o", "json"]
    usage = _trailsift(verb)
    told = json.loads(usage.output.strip().splitlines()[-1])
    if told["role"] != roles or told["policy"] != CUSTOMER + MANAGED:
        raise SystemExit(f"{told['role']} roles and {told['policy']} policies came in, not all")
    imported = {"roles": roles, "items": told["items"], "bytes": file.stat().st_size, "wall": usage.wall,
                "cpu": usage.cpu, "peak": usage.peak, "met": usage.wall < LIMIT}  # fmt: skip
    return {"import": imported, "actions": _actions(folder, roles + USERS)}


def _actions(folder: Path, principals: int) -> dict[str, Any]:
    """The summary of everybody, of which each row rests on all actions that one is allowed."""
    usage = _trailsift(["iam", "can", "--all", "--lake", str(folder / "lake"), "-o", "json"])
    rows = json.loads(usage.output[usage.output.index("[") : usage.output.rindex("]") + 1])
    if len(rows) != principals:
        raise SystemExit(f"{len(rows)} principals came out, not {principals}")
    return {"principals": principals, "wall": usage.wall, "cpu": usage.cpu, "peak": usage.peak,
            "met": usage.wall < ACTIONS_LIMIT}  # fmt: skip


def _trailsift(words: list[str]) -> Usage:
    return measure([sys.executable, "-c", "from pipeline.cli import main; main()", *words], ROOT)


def main() -> int:
    """Prints the result as JSON; exit code 1 where it took too long."""
    parser = argparse.ArgumentParser(prog="snapshot", description="How long does a big snapshot take?")
    parser.add_argument("--roles", type=int, default=5000)
    with tempfile.TemporaryDirectory(prefix="trailsift-bench-") as folder:
        result = run(Path(folder), parser.parse_args().roles)
    print(json.dumps(result, indent=1))
    return 0 if all(each["met"] for each in result.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
