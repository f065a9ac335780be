"""Credentials as CloudTrail's `userIdentity` tells them, made into callers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .dice import Dice
from .records import Caller, iso


def user(account: str, name: str, unique: str, key: str, ip: str, agent: str, story: int | None = None) -> Caller:
    """An IAM user by its long-lived key."""
    arn = f"arn:aws:iam::{account}:user/{name}"
    told = {"type": "IAMUser", "principalId": unique, "arn": arn, "accountId": account, "userName": name}
    return Caller(account, told | {"accessKeyId": key}, arn, arn, ip, agent, story=story)


def at_console(caller: Caller, key: str, since: datetime, mfa: bool, agent: str) -> Caller:
    """The same user in a console session that began `since`."""
    attributes = {"creationDate": iso(since), "mfaAuthenticated": str(mfa).lower()}
    told = caller.identity | {"accessKeyId": key, "sessionContext": {"attributes": attributes}}
    return caller.but(identity=told, agent=agent, console=True)


def signing_in(caller: Caller) -> Caller:
    """The identity of a sign-in event, which has no key yet; a role's has its issuer, a user's no session at all."""
    left_out = {"accessKeyId"} if caller.identity["type"] == "AssumedRole" else {"accessKeyId", "sessionContext"}
    told = {name: value for name, value in caller.identity.items() if name not in left_out}
    return caller.but(identity=told, console=True)


def session(role: str, role_id: str, name: str, key: str, since: datetime, ip: str, agent: str, **more: Any) -> Caller:
    """A session of a role (its ARN) under a session name; `more` are other members of the session context."""
    account, short = role.split(":")[4], role.rpartition("/")[2]
    arn = f"arn:aws:sts::{account}:assumed-role/{short}/{name}"
    issuer = {"type": "Role", "principalId": role_id, "arn": role, "accountId": account, "userName": short}
    attributes = {"creationDate": iso(since), "mfaAuthenticated": "false"}
    told: dict[str, Any] = {"type": "AssumedRole", "principalId": f"{role_id}:{name}", "arn": arn, "accountId": account}
    told |= {"accessKeyId": key, "sessionContext": {"sessionIssuer": issuer, "attributes": attributes} | more}
    return Caller(account, told, arn, role, ip, agent)


def service(account: str, name: str) -> Caller:
    """AWS itself, by the service's name, such as lambda.amazonaws.com."""
    return Caller(account, {"type": "AWSService", "invokedBy": name}, name, name, name, name)


def outside(account: str, other: str, principal_id: str, ip: str, agent: str) -> Caller:
    """Somebody of another account, of whom an account's own log says little."""
    told = {"type": "AWSAccount", "principalId": principal_id, "accountId": other}
    return Caller(account, told, f"arn:aws:iam::{other}:root", principal_id, ip, agent)


def twins(caller: Caller, account: str, dice: Dice) -> list[Caller]:
    """A caller as its own account's log tells of a call into another account, and as the other's does."""
    if account == caller.account:
        return [caller]
    told = {"type": "AWSAccount", "principalId": caller.identity["principalId"], "accountId": caller.account}
    shared = dice.uuid()
    there = caller.but(account=account, identity=told, principal="", shared=shared, vpce=None)
    return [caller.but(shared=shared), there]


def by_service(caller: Caller, service: str) -> Caller:
    """The same caller where a service calls in their name: CloudFormation, Athena …"""
    told = caller.identity | {"invokedBy": service}
    return caller.but(identity=told, ip=service, agent=service, console=False, vpce=None)


def linked(account: str, service: str, name: str, key: str, since: datetime) -> Caller:
    """A service-linked role, in which a service works for the account."""
    role = f"arn:aws:iam::{account}:role/aws-service-role/{service}/{name}"
    made = session(role, f"AROA{Dice(account + name).text(10)}EXAMPLE", name, key, since, service, service)
    return by_service(made, service)


def web(account: str, issuer: str, subject: str, ip: str, agent: str) -> Caller:
    """A token of an identity provider, as AssumeRoleWithWebIdentity shows it."""
    provider = f"arn:aws:iam::{account}:oidc-provider/{issuer}"
    told = {"type": "WebIdentityUser", "principalId": f"{provider}:sts.amazonaws.com:{subject}", "userName": subject}
    return Caller(account, told | {"identityProvider": provider}, subject, provider, ip, agent)


BROWSERS = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:147.0) Gecko/20100101 Firefox/147.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 "
    "Safari/605.1.15",
]
SYSTEMS = ["macos#25.2.0 md/arch#arm64", "linux#6.8.0-90-generic md/arch#x86_64", "windows#11 md/arch#amd64"]


def command_line(dice: Dice) -> str:
    """A person's aws-cli, by its own version and system."""
    return f"aws-cli/2.{dice.randint(15, 33)}.{dice.randint(0, 30)} md/awscrt#0.29.1 ua/2.1 os/{dice.choice(SYSTEMS)}"


def library(dice: Dice) -> str:
    """A machine's SDK."""
    return dice.choice(
        [
            f"Boto3/1.4{dice.randint(0, 2)}.{dice.randint(0, 70)} md/Botocore#1.42 ua/2.1 os/linux#6.1 "
            "lang/python#3.13",
            f"aws-sdk-go-v2/1.4{dice.randint(0, 1)}.{dice.randint(0, 9)} ua/2.1 os/linux lang/go#1.25",
            f"aws-sdk-java/2.{dice.randint(30, 41)}.{dice.randint(0, 40)} md/io#sync ua/2.1 os/Linux#6.1 lang/java#21",
            f"aws-sdk-js/3.{dice.randint(800, 960)}.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#22.20.0",
        ]
    )


TERRAFORM = (
    "APN/1.0 HashiCorp/1.0 Terraform/1.14.3 (+https://www.terraform.io) terraform-provider-aws/6.28.0 aws-sdk-go-v2"
)
