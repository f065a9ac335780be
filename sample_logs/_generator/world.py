"""The two accounts of the sample: where they are, what they own, and the networks their people sit in.

Account ids are the ones AWS's documentation uses for examples; public addresses come from the ranges set
aside for documentation and benchmarks (RFC 5737, RFC 3849, RFC 2544), so no record points at anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .dice import key_id, unique_id

PROD = "111122223333"
DEV = "444455556666"
VENDOR = "777788889999"  # a monitoring vendor that prod trusts; its own log is not ours
ORGANIZATION = "o-exampleorgid"
REGIONS = ("us-east-1", "eu-west-1", "us-west-2")
HOME = "us-east-1"  # where global services write their events
GLOBAL_SERVICES = frozenset({"iam", "signin", "organizations", "cloudfront", "route53", "ce", "budgets", "support"})

EXPORTS = "orchard-customer-exports"  # the one bucket whose data events are logged
ARTIFACTS = "orchard-build-artifacts"
TRAIL_BUCKET = "orchard-audit-trail"
CONFIG_BUCKET = "orchard-config-history"
IDENTITY_STORE = f"arn:aws:identitystore::{PROD}:identitystore/d-9367exampl"
OIDC = "token.actions.githubusercontent.com"
SSO_PATH = "/aws-reserved/sso.amazonaws.com/eu-west-1/"  # of roles that IAM Identity Center provisions
SAML = "AWSSSO_5f1d0c8e7b2a4936_DO_NOT_DELETE"

# Where people and machines call from. The stranger's network is in no habit.
NETWORKS: dict[str, tuple[str, ...]] = {
    "office": tuple(f"203.0.113.{n}" for n in (17, 18, 19, 24, 31)),
    "vpn": tuple(f"198.51.100.{n}" for n in (8, 9, 66, 67, 140)),
    "home-six": ("2001:db8:41:7::1f", "2001:db8:41:7::2a"),
    "runners": tuple(f"198.18.{a}.{b}" for a, b in ((20, 11), (20, 54), (21, 7), (21, 90), (22, 133))),
    "prod-nat": ("198.19.10.4", "198.19.10.5"),
    "dev-nat": ("198.19.40.4",),
    "prod-vpc": tuple(f"10.20.{a}.{b}" for a, b in ((1, 15), (1, 88), (2, 41), (3, 7))),
    "dev-vpc": ("10.40.1.22", "10.40.2.9"),
    "jenkins": ("198.19.77.30",),
    "vendor": ("198.18.200.12", "198.18.200.13"),
    "hotel": ("198.18.130.77",),
    "stranger": ("192.0.2.61", "192.0.2.77"),
}


@dataclass(frozen=True)
class Key:
    """An access key; `last_used` is None (never), a time, or "log" (what the sample's events say)."""

    created: str
    active: bool = True
    last_used: tuple[str, str, str] | str | None = "log"  # (time, region, service)


@dataclass(frozen=True)
class User:
    """An IAM user with everything that the snapshot says of it; documents are policy documents by name."""

    account: str
    name: str
    created: str
    path: str = "/"
    groups: tuple[str, ...] = ()
    inline: dict[str, Any] = field(default_factory=dict)
    attached: tuple[str, ...] = ()
    password_set: str | None = None
    password_used: str | None = "log"
    mfa: bool = False
    keys: tuple[Key, ...] = ()

    @property
    def arn(self) -> str:
        """The ARN, with the path."""
        return f"arn:aws:iam::{self.account}:user{self.path}{self.name}"

    @property
    def id(self) -> str:
        """The unique id that records carry as principalId."""
        return unique_id("AIDA", self.account, self.name)

    def access_key(self, number: int = 0) -> str:
        """The id of the user's first or second key."""
        return key_id("AKIA", self.account, self.name, number)


@dataclass(frozen=True)
class Role:
    """An IAM role; `last_used` as for a key, but a day. `profile` names its instance profile, if it has one."""

    account: str
    name: str
    created: str
    trust: tuple[dict[str, Any], ...]
    path: str = "/"
    inline: dict[str, Any] = field(default_factory=dict)
    attached: tuple[str, ...] = ()
    boundary: str | None = None
    profile: str | None = None
    last_used: tuple[str, str] | str | None = "log"
    description: str = ""
    hours: int = 1

    @property
    def arn(self) -> str:
        """The ARN, with the path."""
        return f"arn:aws:iam::{self.account}:role{self.path}{self.name}"

    @property
    def id(self) -> str:
        """The unique id that records carry as principalId."""
        return unique_id("AROA", self.account, self.name)


@dataclass(frozen=True)
class Group:
    """An IAM group; members name it."""

    account: str
    name: str
    created: str
    path: str = "/"
    inline: dict[str, Any] = field(default_factory=dict)
    attached: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        """The ARN, with the path."""
        return f"arn:aws:iam::{self.account}:group{self.path}{self.name}"


@dataclass(frozen=True)
class Policy:
    """A managed policy; AWS's own have account "aws". `older` are documents of earlier versions, oldest first."""

    account: str
    name: str
    created: str
    document: dict[str, Any]
    path: str = "/"
    older: tuple[dict[str, Any], ...] = ()

    @property
    def arn(self) -> str:
        """The ARN, with the path."""
        return f"arn:aws:iam::{self.account}:policy{self.path}{self.name}"


def statement(actions: str, resources: str | list[str] = "*", *, sid: str = "", **more: Any) -> dict[str, Any]:
    """An Allow statement; `actions` is one action or several apart by spaces, `more` adds or overrides members."""
    named = {"Sid": sid} if sid else {}
    listed = actions.split()
    return {**named, "Effect": "Allow", "Action": listed if listed[1:] else actions, "Resource": resources, **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """A policy document of the current version."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
