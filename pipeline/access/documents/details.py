"""Users, groups, roles and managed policies: GetAccountAuthorizationDetails.

An item keeps AWS's own members; only a policy document that is URL-encoded or JSON text becomes an object, as the
AWS command line does it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from pipeline.access.documents.shapes import AGAIN, Answer, Item, Refuse, account_of, checked, listed, mapping
from pipeline.errors import SnapshotError

FAMILY = "details"
KINDS = ("user", "group", "role", "policy")
OPERATIONS = ("GetAccountAuthorizationDetails",)

_LISTS = {"UserDetailList": "user", "GroupDetailList": "group", "RoleDetailList": "role", "Policies": "policy"}
_NAMES = {"user": "UserName", "group": "GroupName", "role": "RoleName", "policy": "PolicyName"}
_MEMBERS = {
    "UserPolicyList": "PolicyName",
    "GroupPolicyList": "PolicyName",
    "RolePolicyList": "PolicyName",
    "AttachedManagedPolicies": "PolicyArn",
    "PolicyVersionList": "VersionId",
    "GroupList": None,
}


def recognise(value: dict[str, Any], source: str) -> list[Answer]:
    """The answer that this JSON value is, none where it is no such answer."""
    policies = value.get("Policies")
    versions = (
        isinstance(policies, list) and policies and all("PolicyVersionList" in mapping(each) for each in policies)
    )
    if versions or any(name in value for name in ("UserDetailList", "GroupDetailList", "RoleDetailList")):
        return [Answer(OPERATIONS[0], value, source)]
    return []


def state(answers: Sequence[Answer]) -> str:
    """Whether these pages are all: a page that says so outweighs those that say that more follow."""
    pages = [answer.value.get("IsTruncated") for answer in answers]
    return "partial" if True in pages and False not in pages else "complete"


def items(answers: Sequence[Answer], refuse: Refuse) -> Iterator[Item]:
    """The users, groups, roles and managed policies of all pages."""
    for answer in answers:
        for member, kind in _LISTS.items():
            try:
                found = listed(answer.value, member, answer.source)
            except SnapshotError as error:
                refuse(error)
                continue
            for number, each in enumerate(found):
                try:
                    yield _item(mapping(each), kind, f"{answer.source}#{member}[{number}]", answer.source)
                except SnapshotError as error:
                    refuse(error)


def _item(given: dict[str, Any], kind: str, place: str, source: str) -> Item:
    arn, name = given.get("Arn"), given.get(_NAMES[kind])
    if not isinstance(arn, str) or not isinstance(name, str):
        raise SnapshotError(place, f"has no Arn or {_NAMES[kind]}", AGAIN)
    try:
        item = _plain(given)
    except RecursionError:
        raise SnapshotError(place, "is nested too deep", AGAIN) from None
    _shaped(item, place)
    for policy in _documents(item, kind):
        checked(policy, f"{place} {name}")
    return Item(kind, account_of(arn), arn, name, item, source)


def _shaped(item: dict[str, Any], place: str) -> None:
    """Refuses an item whose lists of policies and groups are not as IAM gives them: readers rely on these names."""
    for member, needed in _MEMBERS.items():
        found = item.get(member) or []
        fits = isinstance(found, list) and all(
            isinstance(each, str) if needed is None else isinstance(mapping(each).get(needed), str) for each in found
        )
        if not fits:
            raise SnapshotError(f"{place}.{member}", "is not as IAM gives it", AGAIN)


def _plain(value: Any) -> Any:
    """The item with every policy document an object: IAM's API gives them as URL-encoded JSON text."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for name, each in value.items():
        if name in ("PolicyDocument", "AssumeRolePolicyDocument", "Document"):
            made[name] = _decoded(each)  # and not what is inside: a document's own members are not IAM's
        else:
            made[name] = _plain(each)
    return made


def _decoded(document: Any) -> Any:
    if not isinstance(document, str):
        return document
    try:
        return json.loads(unquote(document))
    except (ValueError, RecursionError):
        return document


def _documents(item: dict[str, Any], kind: str) -> Iterator[object]:
    """The permission documents of an item: inline policies, and the versions of a managed one that came along."""
    for member in ("UserPolicyList", "GroupPolicyList", "RolePolicyList"):
        for each in item.get(member) or []:
            yield mapping(each).get("PolicyDocument")
    if kind == "policy":
        for version in item.get("PolicyVersionList") or []:
            if "Document" in mapping(version):
                yield version["Document"]
