"""Incidents about rights: taking more of them, keeping them, and going from account to account with them."""

from __future__ import annotations

from typing import Any

from .. import identity
from ..networks import host
from ..shapes_identity import document, trust
from ..world import Role
from . import entries
from .access import ADMIN
from .attack import RECON, Attack, incident

USERS = ["svc-monitor", "backup-agent", "aws-support", "it.helpdesk", "dev-ops2", "readonly2", "terraform-old"]


def own(a: Attack) -> dict[str, Any]:
    """The attacker's own user or role, as a request names it."""
    kind, _, name = a.caller.principal.rpartition(":")[2].partition("/")
    return {kind: name.rpartition("/")[2]}


@incident("privilege escalation")
def escalation(a: Attack) -> None:
    """From some rights to all of them, by one or two of the known ways, and then a use of them."""
    a.caller = entries.any_way(a)
    a.whoami()
    a.explore(RECON, "looking for a way", 1, 14)
    a.power = "all"
    for way in a.d.some([*POLICIES, *PROXIES], 1, 2):
        (_by_policy if way in POLICIES else _by_proxy)(a, way)
    uses = "secretsmanager:GetSecretValue s3:GetObject ssm:GetParametersByPath iam:GetAccountAuthorizationDetails "
    a.explore(uses + "iam:ListUsers iam:ListRoles ec2:DescribeInstances rds:DescribeDBInstances", "use", 2, 6)


POLICIES = ["attach", "inline", "version", "default", "group"]
PROXIES = ["trust", "function", "code", "instance", "login"]


def _by_policy(a: Attack, way: str) -> None:
    """The attacker's own rights grow."""
    d, me = a.d, own(a)
    user = me.get("user")
    kind = "User" if user else "Role"
    if way == "attach":
        policy = d.choice([ADMIN, ADMIN.replace("Administrator", "PowerUser"), "arn:aws:iam::aws:policy/IAMFullAccess"])
        a.do(f"iam:Attach{kind}Policy", way, **me, policy=policy)
    elif way == "inline":
        actions = d.choice([["*"], ["iam:*"], ["sts:AssumeRole", "iam:PassRole"], ["s3:*", "secretsmanager:*"]])
        name = d.choice(["p", "tmp", "audit"])
        a.do(f"iam:Put{kind}Policy", way, **me, document=document(*actions), name=name)
    elif way == "version":
        a.do("iam:CreatePolicyVersion", way, document=document("*"))
    elif way == "default":
        a.do("iam:SetDefaultPolicyVersion", way)
    else:
        user = user or a.world.things[a.caller.account].pick("user", d)
        a.do("iam:AddUserToGroup", way, user=user, group=d.choice(["admins", "operators"]))


def _by_proxy(a: Attack, way: str) -> None:
    """Something or somebody with more rights is made to act."""
    d, account = a.d, a.caller.account
    held = a.world.things[account]
    target = held.pick("role", d)
    arn = f"arn:aws:iam::{account}:role/{target}"
    if way == "trust":
        a.do("iam:UpdateAssumeRolePolicy", way, role=target, document=trust({"AWS": a.caller.principal}))
        a.caller = a.take(Role(arn, d.unique("AROA")), way)
    elif way == "function":
        a.do("lambda:CreateFunction20150331", way, function=f"fn-{d.hex(4)}", role_arn=arn)
        a.do("lambda:Invoke", way, times=d.randint(1, 3))
    elif way == "code":
        a.do("lambda:UpdateFunctionCode20150331v2", way, function=held.pick("function", d))
    elif way == "instance":
        a.do("ec2:RunInstances", way, type="t3.micro", profile=target)
    else:
        a.do("iam:CreateLoginProfile", way, user=held.pick("user", d), reset=False)


@incident("persistence")
def persistence(a: Attack) -> None:
    """A way back in, or two or three, and a return by it from somewhere else."""
    d = a.d
    a.caller = entries.any_way(a)
    account, back = a.caller.account, None
    a.whoami()
    a.explore(RECON, "looking around", 0, 8)
    for way in d.some(["user", "key", "login", "trust", "role", "provider", "function", "anchor"], 1, 3):
        if way in {"user", "key", "login"}:
            back = _way_back(a, way) or back
        else:
            _door(a, way)
    if back and d.chance(0.7):
        a.sleep(3, 90)
        name, made = back
        a.caller = identity.user(account, name, d.unique("AIDA"), made, host(a.elsewhere(), d), a.tool)
        a.explore(RECON, "return", 3, 15)


def _way_back(a: Attack, way: str) -> tuple[str, str] | None:
    """Credentials of a user; (user, key) where there is a key."""
    d, held = a.d, a.world.things[a.caller.account]
    name, made = d.choice(USERS) if way == "user" else held.pick("user", d), d.key()
    if way == "login":
        a.do(d.choice(["iam:CreateLoginProfile", "iam:UpdateLoginProfile"]), way, user=name, reset=False)
        return None
    if way == "user":
        a.do("iam:CreateUser", way, user=name)
    a.do("iam:CreateAccessKey", way, user=name, made=made)
    if way == "user":
        a.do(d.choice(["iam:AttachUserPolicy", "iam:AddUserToGroup"]), way, user=name)
    return name, made


def _door(a: Attack, way: str) -> None:
    """Something by which strangers come in without a user."""
    d, held = a.d, a.world.things[a.caller.account]
    stranger = f"{d.randint(1, 9)}{d.randint(0, 10**11 - 1):011d}"
    letting = trust({"AWS": f"arn:aws:iam::{stranger}:{d.choice(['root', 'user/x'])}"})
    if way == "trust":
        a.do("iam:UpdateAssumeRolePolicy", way, role=held.pick("role", d), document=letting)
    elif way == "role":
        name = d.choice(["OrganizationSupport", "AWSServiceMonitor", "ci-legacy"])
        a.do("iam:CreateRole", way, role=name, document=letting)
        a.do("iam:AttachRolePolicy", way, role=name, policy=ADMIN)
    elif way == "provider" and d.chance(0.5):
        a.do("iam:CreateOpenIDConnectProvider", way, url=f"id.{d.hex(5)}.example")
    elif way == "provider":
        a.do("iam:CreateSAMLProvider", way, name="sso2")
    elif way == "function":
        a.do("lambda:CreateFunction20150331", way, function="health-check")
        more = {"principal": d.choice([stranger, "*"]), "action": "lambda:InvokeFunction"}
        a.do("lambda:AddPermission20150331v2", way, function="health-check", more=more)
        a.do("events:PutRule", way)
    else:
        a.do("rolesanywhere:CreateTrustAnchor", way)
        a.do("rolesanywhere:CreateProfile", way)


@incident("pivot across accounts")
def pivot(a: Attack) -> None:
    """From one account to others by roles that trust it, some of them tried in vain."""
    d = a.d
    a.caller = entries.any_way(a)
    a.whoami()
    a.explore(RECON, "looking around", 1, 10)
    names = ["Admin", "OrganizationAccountAccessRole", "admin", "deploy", "AWSControlTowerExecution", "terraform"]
    for _ in range(d.choice([0, 2, 6, 20])):
        guess = f"arn:aws:iam::{d.choice(list(a.world.accounts.values()))}:role/{d.choice(names)}"
        a.take(Role(guess, ""), "roles tried", error="denied")
    reachable = [role for role in a.world.cross if role.account != a.caller.account]
    for role in d.some(reachable, 1, 3):
        a.caller = a.take(role, "roles taken")
        a.explore(RECON, "in the other account", 2, 15)
        for api in d.some(
            ["secretsmanager:GetSecretValue", "s3:GetObject", "ssm:GetParameter", "ssm:StartSession"], 0, 3
        ):
            a.do(api, "taking", times=d.randint(1, 8), sure=False)
