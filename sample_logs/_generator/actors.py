"""Who stands behind a record: every kind of userIdentity that these accounts' logs hold.

Shapes: AWS's page "CloudTrail userIdentity element". A session's values (`<<key>>`, `<<session>>`,
`<<created>>`, `<<ip>>`) are slots, filled by whoever opens the session.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .dice import Dice
from .records import Actor
from .world import IDENTITY_STORE, OIDC, PROD, VENDOR, Role, User, unique_id

SESSION_ARN = "arn:aws:sts::{account}:assumed-role/{name}/<<session>>"


def with_key(user: User, number: int = 0, agent: str = "boto", key: str | None = None) -> Actor:
    """An IAM user calling with a long-lived access key."""
    identity = {
        "type": "IAMUser",
        "principalId": user.id,
        "arn": user.arn,
        "accountId": user.account,
        "accessKeyId": key or user.access_key(number),
        "userName": user.name,
    }
    return Actor(user.account, identity, user.arn, agent)


def in_console(user: User) -> Actor:
    """An IAM user in the console: a temporary key, and whether MFA was used at sign-in."""
    identity = with_key(user).identity | {
        "accessKeyId": "<<key>>",
        "sessionContext": {"attributes": {"creationDate": "<<created>>", "mfaAuthenticated": str(user.mfa).lower()}},
    }
    return Actor(user.account, identity, user.arn, "console", console=True)


def signing_in(user: User) -> Actor:
    """An IAM user at the sign-in page, who has no key yet."""
    identity = {k: v for k, v in with_key(user).identity.items() if k != "accessKeyId"}
    return Actor(user.account, identity, user.arn, "console", members={"tlsDetails": SIGN_IN_TLS})


SIGN_IN_TLS = {
    "tlsVersion": "TLSv1.3",
    "cipherSuite": "TLS_AES_128_GCM_SHA256",
    "clientProvidedHostHeader": "us-east-1.signin.aws.amazon.com",
}


def root(account: str) -> Actor:
    """The account's root user, at the sign-in page."""
    arn = f"arn:aws:iam::{account}:root"
    identity = {"type": "Root", "principalId": account, "arn": arn, "accountId": account, "accessKeyId": ""}
    return Actor(account, identity, arn, "console", members={"tlsDetails": SIGN_IN_TLS})


def root_in_console(account: str) -> Actor:
    """The root user after signing in with MFA."""
    known = {"attributes": {"creationDate": "<<created>>", "mfaAuthenticated": "true"}}
    actor = root(account)
    return replace(
        actor, identity=actor.identity | {"accessKeyId": "<<key>>", "sessionContext": known}, console=True, members={}
    )


def nobody(account: str) -> Actor:
    """Somebody at the sign-in page who gave a user name that AWS will not repeat (it might be a password)."""
    identity = {
        "type": "IAMUser",
        "accountId": account,
        "accessKeyId": "",
        "userName": "HIDDEN_DUE_TO_SECURITY_REASONS",
    }
    return Actor(account, identity, "", "console", members={"tlsDetails": SIGN_IN_TLS})


def session(role: Role, agent: str = "boto", **context: Any) -> Actor:
    """A session of a role; `context` adds members to its sessionContext."""
    arn = SESSION_ARN.format(account=role.account, name=role.name)
    identity: dict[str, Any] = {
        "type": "AssumedRole",
        "principalId": f"{role.id}:<<session>>",
        "arn": arn,
        "accountId": role.account,
        "accessKeyId": "<<key>>",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role.id,
                "arn": role.arn,
                "accountId": role.account,
                "userName": role.name,
            },
            "attributes": {"creationDate": "<<created>>", "mfaAuthenticated": "false"},
            **context,
        },
    }
    return Actor(role.account, identity, arn, agent)


def on_instance(role: Role, agent: str = "boto") -> Actor:
    """An instance role on EC2, calling through the VPC's endpoint from a private address."""
    vpce = "vpce-0" + Dice("endpoint", role.account).hex(16)
    return replace(session(role, agent, ec2RoleDelivery="2.0"), vpce=vpce)


def federated(role: Role, agent: str = "go") -> Actor:
    """A pipeline's session, opened with a web identity token."""
    provider = f"arn:aws:iam::{role.account}:oidc-provider/{OIDC}"
    return session(role, agent, webIdFederationData={"federatedProvider": provider, "attributes": {}})


def in_browser(role: Role) -> Actor:
    """An Identity Center user's session of a role, in the console."""
    return replace(session(role, "console"), console=True)


def federated_sign_in(role: Role) -> Actor:
    """An Identity Center user entering the console: MFA was the portal's business, so the record says No."""
    actor = session(role, "console")
    return replace(actor, identity={k: v for k, v in actor.identity.items() if k != "accessKeyId"})


def through(actor: Actor, service: str) -> Actor:
    """A service calling on the actor's behalf (a forwarded access session): its name stands for the address."""
    name = f"{service}.amazonaws.com"
    identity = actor.identity | {"invokedBy": name}
    if identity["type"] == "IAMUser" and "sessionContext" not in identity:  # the service got a temporary key
        attributes = {"creationDate": "<<time>>", "mfaAuthenticated": "false"}
        identity |= {"accessKeyId": "<<forwarded_key>>", "sessionContext": {"attributes": attributes}}
    return replace(actor, identity=identity, source=name, vpce=None, console=False)


def linked(role: Role, service: str) -> Actor:
    """A service using its service-linked role: no key in the record, the service for an address."""
    actor = through(session(role), service)
    return replace(actor, identity={k: v for k, v in actor.identity.items() if k != "accessKeyId"})


def service(account: str, name: str) -> Actor:
    """An AWS service calling as itself."""
    host = f"{name}.amazonaws.com"
    shared = {"sharedEventID": "<<uuid.shared>>"}  # AWS writes such calls into each account they concern
    identity = {"type": "AWSService", "invokedBy": host}
    return Actor(account, identity, host, host, source=host, members=shared)


def event_of(account: str, name: str) -> Actor:
    """The identity of an AwsServiceEvent: an account and a service, and no type."""
    host = f"{name}.amazonaws.com"
    return Actor(account, {"accountId": account, "invokedBy": host}, host, host, source=host)


def web_identity(account: str) -> Actor:
    """Who asks STS for a session with a token of the OIDC provider."""
    identity = {
        "type": "WebIdentityUser",
        "principalId": f"arn:aws:iam::{account}:oidc-provider/{OIDC}:sts.amazonaws.com:<<subject>>",
        "userName": "<<subject>>",
        "identityProvider": f"arn:aws:iam::{account}:oidc-provider/{OIDC}",
    }
    return Actor(account, identity, OIDC, "go")


def saml(account: str) -> Actor:
    """Who asks STS for a session with Identity Center's assertion."""
    identity = {
        "type": "SAMLUser",
        "principalId": "kq3vN1dPz0Yx8cWfT5mLrA7uGhE=:<<session>>",
        "userName": "<<session>>",
        "identityProvider": "kq3vN1dPz0Yx8cWfT5mLrA7uGhE=",
    }
    return Actor(account, identity, "<<session>>", "aws-internal/3 aws-sdk-java/1.12.793")


def portal_user(name: str) -> Actor:
    """A person in the Identity Center portal, whose directory belongs to the production account."""
    dice = Dice("portal", name)
    identity = {
        "type": "IdentityCenterUser",
        "accountId": PROD,
        "onBehalfOf": {"userId": portal_id(name), "identityStoreArn": IDENTITY_STORE},
        "credentialId": dice.uuid(),
    }
    return Actor(PROD, identity, name, "console")


def portal_id(name: str) -> str:
    """The person's id in the identity store (ten digits, then a UUID)."""
    return Dice("portal", name).hex(10) + "-" + Dice("portal user", name).uuid()


def outsider(owner: str, caller: str, name: str, role_id: str | None = None) -> Actor:
    """A caller of another account, as the record in the owner's log names it: an id and an account, no ARN."""
    principal = (role_id or unique_id("AROA", caller, name)) + ":<<caller_session>>"
    identity = {"type": "AWSAccount", "principalId": principal, "accountId": caller}
    return Actor(owner, identity, principal, "boto", members={"sharedEventID": "<<uuid.shared>>"})


def vendor() -> Actor:
    """The monitoring vendor's collector, seen from production."""
    return outsider(PROD, VENDOR, "collector")
