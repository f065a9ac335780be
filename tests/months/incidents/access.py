"""Incidents that begin and end with access: a key, a session, a password, a user nobody missed."""

from __future__ import annotations

from typing import Any

from .. import identity, people
from ..dice import Dice
from ..networks import host
from . import entries
from .attack import RECON, Attack, incident


@incident("leaked key")
def leaked_key(a: Attack) -> None:
    """A key from a repository or a laptop: enumeration, then whatever seems to pay."""
    a.caller = entries.leaked_key(a)
    a.power = a.d.weighted({"all": 2, "much": 4, "little": 4})
    a.whoami()
    a.explore(RECON, "enumeration", 6, 40)
    if a.d.chance(0.3):
        a.sleep(1, 30)
        a.caller = a.caller.but(ip=host(a.elsewhere(), a.d))
    user, sure = a.caller.principal.rpartition("/")[2], a.power == "all"
    choice = a.d.choice(["users", "secrets", "mail", "objects", "instances", "nothing"])
    if choice == "users":
        a.do("iam:CreateUser", "a user", sure=sure, user=a.d.choice(["support", "backup-svc", "test1", "awsadmin"]))
        a.do("iam:CreateAccessKey", "a key", sure=sure, user=user)
        a.do("iam:AttachUserPolicy", "rights", sure=sure, user=user, policy=ADMIN)
    elif choice == "secrets":
        a.do("secretsmanager:ListSecrets", "secrets", sure=sure)
        a.do("secretsmanager:GetSecretValue", "secrets", times=a.d.randint(3, 25), sure=False)
    elif choice == "mail":
        for api in (
            "ses:GetSendQuota",
            "ses:ListIdentities",
            "ses:GetAccountSendingEnabled",
            "ses:VerifyEmailIdentity",
        ):
            a.do(api, "mail", sure=False)
    elif choice == "objects":
        a.do("s3:ListObjects", "objects", times=a.d.randint(1, 9), sure=False)
        a.do("s3:GetObject", "objects", times=a.d.randint(5, 150), sure=False)
    elif choice == "instances":
        a.do("ec2:RunInstances", "instances", times=a.d.randint(1, 9), sure=False, type="c6i.8xlarge", count=5)


ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


@incident("stolen role credentials")
def stolen_role(a: Attack) -> None:
    """Credentials of a role, from the metadata service or the environment of a function, used outside."""
    a.caller = entries.stolen_session(a)
    a.power = a.d.weighted({"all": 2, "much": 4, "little": 3})
    a.whoami()
    a.explore(RECON, "enumeration", 3, 25)
    calls = [
        "s3:ListObjects",
        "s3:GetObject",
        "secretsmanager:GetSecretValue",
        "ssm:GetParametersByPath",
        "kms:Decrypt",
    ]
    calls += ["sts:AssumeRole", "lambda:GetFunction20150331v2", "ecr:BatchGetImage", "dynamodb:DescribeTable"]
    target: dict[str, Any] = {"role_arn": a.d.choice(a.world.cross).arn, "session": "session"}
    for api in a.d.some(calls, 2, 4):
        given: dict[str, Any] = target if api == "sts:AssumeRole" else {}
        a.do(api, "taking", times=a.d.randint(1, 30) if api != "sts:AssumeRole" else 1, sure=False, **given)


@incident("console takeover")
def console_takeover(a: Attack) -> None:
    """A phished or guessed password; with the second factor phished as well, or where there is none."""
    someone, d = entries.victim(a), a.d
    factor = d.chance(0.35)
    someone.mfa = factor
    a.entry, browser = "password", d.choice(identity.BROWSERS)
    plain = identity.user(someone.account, someone.name, someone.unique, "", a.address, browser)
    a.caller, a.pace = identity.signing_in(plain), "hand"
    a.region = "us-east-1"
    wrong = ("", "Failed authentication")
    a.do("signin:ConsoleLogin", "guesses", d.choice([0, 0, 1, 3, 12]), error=wrong, mfa="No", result="Failure")
    a.do("signin:ConsoleLogin", "sign-in", mfa="Yes" if factor else "No")
    a.caller = identity.at_console(plain, d.key("ASIA"), a.clock, factor, browser)
    a.explore(RECON, "looking around", 2, 15)
    user: dict[str, Any] = {"user": someone.name}
    made = d.key()
    other: dict[str, Any] = {"user": d.choice(a.world.things[someone.account].held["user"])}
    follow = d.choice(["own key", "own key", "another's key", "factor", "password"])
    if follow == "factor":
        a.do("iam:DeactivateMFADevice", "second factor", **user)
        a.do("iam:CreateVirtualMFADevice", "second factor", **user)
        a.do("iam:EnableMFADevice", "second factor", **user)
    if follow == "password":
        a.do("iam:UpdateLoginProfile", "another's password", **other, reset=False)
    key_for = other if follow == "another's key" else user
    a.do("iam:CreateAccessKey", "key", **key_for, made=made)
    if d.chance(0.7):
        a.sleep(0.1, 40)
        unique = someone.unique if key_for == user else d.unique("AIDA")
        a.caller = identity.user(someone.account, key_for["user"], unique, made, a.address, a.tool)
        a.whoami()
        a.explore(RECON, "use of the key", 3, 20)


@incident("dormant user")
def dormant(a: Attack) -> None:
    """A user that did nothing for a month or more, and whose key then works hard for somebody."""
    d = Dice(f"{a.world.seed}/dormant")
    someone = people.person(a.world, d, f"old.{d.hex(3)}", d.choice(["developer", "operations"]))
    someone.left = a.world.first  # no day of their own is lived, but for one:
    if d.chance(0.6):
        at = a.world.begin.replace(hour=10)
        plain = identity.user(
            someone.account, someone.name, someone.unique, someone.key, host(someone.home, d), someone.agent
        )
        for api in ("s3:ListBuckets", "ec2:DescribeInstances"):
            a.log.emit(at, plain, api, a.region)
    a.entry = "dormant user's key"
    a.caller = identity.user(someone.account, someone.name, someone.unique, someone.key, a.address, a.tool)
    a.whoami()
    a.explore(RECON, "enumeration", 3, 25)
    writes: dict[str, dict[str, Any]] = {
        "iam:CreateAccessKey": {"user": someone.name},
        "secretsmanager:GetSecretValue": {},
        "ssm:StartSession": {},
    }
    writes |= {
        "ec2:RunInstances": {"type": "t3.large"},
        "s3:GetObject": {},
        "iam:AttachUserPolicy": {"user": someone.name},
    }
    writes |= {"lambda:UpdateFunctionCode20150331v2": {}, "ec2:AuthorizeSecurityGroupIngress": {"cidr": "0.0.0.0/0"}}
    for api in d.some(list(writes), 1, 3):
        a.do(api, "use", times=d.randint(1, 12), sure=False, **writes[api])
