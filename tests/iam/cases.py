"""What tests of evaluation share: documents in short, and one request to judge."""

from __future__ import annotations

from typing import Any

from pipeline.iam.decisions import Decision, request
from pipeline.iam.evaluate import Evaluator

HOME, AWAY = "111122223333", "444455556666"
USER = f"arn:aws:iam::{HOME}:user/ana"
ROLE = f"arn:aws:iam::{HOME}:role/app/worker"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/worker/job"
FEDERATED = f"arn:aws:sts::{HOME}:federated-user/guest"
ROOT = f"arn:aws:iam::{HOME}:root"
OBJECT = "arn:aws:s3:::bucket/key"
KEY = f"arn:aws:kms:us-east-1:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

Json = dict[str, Any]


def document(*statements: Json, version: str = "2012-10-17") -> Json:
    return {"Version": version, "Statement": list(statements)}


def statement(effect: str, action: object = "*", resource: object = "*", condition: object = None, **more: Any) -> Json:
    made: Json = {"Effect": effect, "Action": action, "Resource": resource, **more}
    for name in ("Action", "Resource", "Principal"):
        if f"Not{name}" in made:
            made.pop(name, None)
    if condition is not None:
        made["Condition"] = condition
    return made


def allow(action: object = "*", resource: object = "*", condition: object = None, **more: Any) -> Json:
    """A document of one Allow."""
    return document(statement("Allow", action, resource, condition, **more))


def deny(action: object = "*", resource: object = "*", condition: object = None, **more: Any) -> Json:
    """A document of one Deny."""
    return document(statement("Deny", action, resource, condition, **more))


def trust(principal: object, effect: str = "Allow", action: str = "sts:AssumeRole", condition: object = None) -> Json:
    """A role's trust policy of one statement."""
    made: Json = {"Effect": effect, "Principal": principal, "Action": action}
    return document(made if condition is None else {**made, "Condition": condition})


def named(principal: object, effect: str = "Allow", **more: Any) -> Json:
    """A resource's policy about one principal."""
    return document(statement(effect, "s3:*", "arn:aws:s3:::bucket/*", Principal=principal, **more))


def judge(
    policies: Json,
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    principal: object = USER,
    account: str | None = None,
    context: Json | None = None,
    partial: bool = False,
) -> Decision:
    """The decision on one request; by default a user reads an object of their own account."""
    asked: Json = {"principal": principal, "action": action, "resource": resource, "context": context or {}}
    if account:
        asked["resource_account"] = account
    return Evaluator(policies).decide(request(asked, partial))


def outcome(policies: Json, *given: Any, **more: Any) -> tuple[str, str | None]:
    """The decision and what blocks it."""
    found = judge(policies, *given, **more)
    return found.decision, found.blocked_by


ALLOWED = ("allowed", None)


def implicit(by: str) -> tuple[str, str]:
    return "implicit_deny", by


def explicit(by: str) -> tuple[str, str]:
    return "explicit_deny", by
