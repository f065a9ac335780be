"""Trust policies: who may become a role (each function gives a policy's statements)."""

from __future__ import annotations

from .world import OIDC, SAML


def trusts(service: str) -> tuple[dict[str, object], ...]:
    """A trust policy's statement for a service."""
    return ({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},)


def trusts_role(arn: str, **condition: object) -> tuple[dict[str, object], ...]:
    """A trust policy's statement for a principal."""
    return ({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole", **condition},)


def trusts_oidc(account: str, subject: str) -> tuple[dict[str, object], ...]:
    """A trust policy's statement for the pipelines of one repository."""
    provider = {"Federated": f"arn:aws:iam::{account}:oidc-provider/{OIDC}"}
    condition = {
        "StringEquals": {f"{OIDC}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{OIDC}:sub": subject},
    }
    action = "sts:AssumeRoleWithWebIdentity"
    return ({"Effect": "Allow", "Principal": provider, "Action": action, "Condition": condition},)


def trusts_sso(account: str) -> tuple[dict[str, object], ...]:
    """The trust policy that IAM Identity Center writes into the roles it provisions."""
    provider = {"Federated": f"arn:aws:iam::{account}:saml-provider/{SAML}"}
    condition = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
    action = ["sts:AssumeRoleWithSAML", "sts:TagSession"]
    return ({"Effect": "Allow", "Principal": provider, "Action": action, "Condition": condition},)
