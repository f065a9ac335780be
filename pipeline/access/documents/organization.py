"""The organization: its tree, its accounts, its service and resource control policies with content and targets.

DescribeOrganization, ListRoots, ListOrganizationalUnitsForParent, ListAccounts, ListAccountsForParent, ListChildren,
ListParents, ListPolicies, DescribePolicy, ListTargetsForPolicy. Some answers do not say what they are about; the
member that does (ParentId, ChildId, PolicyId) is put beside theirs. Of policies also {"Name", "Content"} is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.access.documents.shapes import (
    AGAIN,
    KNOWN,
    Answer,
    Item,
    Refuse,
    account_of,
    checked,
    listed,
    mapping,
    text,
)
from pipeline.errors import SnapshotError

FAMILY = "organization"
KINDS = ("scp", "rcp", "organization", "organizational_unit", "account")

# member that tells the answer -> operation, the member of the request that says what it is about
_LISTS = {
    "Organization": ("DescribeOrganization", ""),
    "Roots": ("ListRoots", ""),
    "OrganizationalUnits": ("ListOrganizationalUnitsForParent", "ParentId"),
    "Accounts": ("ListAccounts", "ParentId"),
    "Children": ("ListChildren", "ParentId"),
    "Parents": ("ListParents", "ChildId"),
    "Targets": ("ListTargetsForPolicy", "PolicyId"),
}
OPERATIONS = (
    *(operation for operation, _ in _LISTS.values()),
    "ListAccountsForParent",
    "ListPolicies",
    "DescribePolicy",
)


def recognise(value: dict[str, Any], source: str) -> list[Answer]:
    """The answers that this JSON value holds: policies may come as a list. Raises SnapshotError for a stray one."""
    policies = value.get("Policies")
    if isinstance(policies, list):
        return [answer for each in policies for answer in _policy(mapping(each), source)]
    if "Policy" in value or "Content" in value or "content" in value:
        return _policy(value, source)
    for member, (operation, about) in _LISTS.items():
        if member in value:
            return [Answer(operation, value, source, {about: value[about]} if about in value else {})]
    return []


def _policy(value: dict[str, Any], source: str) -> list[Answer]:
    """A policy with its content, or its summary in a list, which says only that there is one."""
    listing = "Type" in value and "organizations" in str(value.get("Arn")) and "Content" not in value
    return [Answer("ListPolicies" if listing else "DescribePolicy", value, source)]


def state(answers: Sequence[Answer]) -> str:
    """Files cannot show that they are the whole of it."""
    return "partial"


def items(answers: Sequence[Answer], refuse: Refuse) -> Iterator[Item]:
    """The organization, roots and organizational units, accounts, and policies with their targets."""
    by: dict[str, list[Answer]] = {}
    for answer in answers:
        by.setdefault(answer.operation, []).append(answer)
    yield from _tree(by, _parents(by, refuse), refuse)
    targets: dict[str, list[Any]] = {}
    for answer in by.get("ListTargetsForPolicy", []):
        try:
            policy = _about(answer, "PolicyId", "policy")
            targets.setdefault(policy, []).extend(listed(answer.value, "Targets", answer.source))
        except SnapshotError as error:
            refuse(error)
    described = set()
    for answer in by.get("DescribePolicy", []):
        given = mapping(answer.value.get("Policy")) or answer.value
        described.add(str((mapping(given.get("PolicySummary")) or given).get("Id")))
        try:
            yield _control_policy(answer, targets)
        except SnapshotError as error:
            refuse(error)
    for answer in by.get("ListPolicies", []):
        for summary in _summaries(answer):
            if str(summary.get("Id")) not in described:
                described.add(str(summary.get("Id")))
                problem, remedy = f"lists {summary.get('Name')!s:.100} without its content", "describe-policy's answer"
                refuse(SnapshotError(answer.source, problem, f"import {remedy} with it"))


def _summaries(answer: Answer) -> list[dict[str, Any]]:
    found = answer.value.get("Policies")
    return [mapping(each) for each in found] if isinstance(found, list) else [answer.value]


def _about(answer: Answer, member: str, what: str) -> str:
    found = answer.given.get(member)
    if not isinstance(found, str) or not found:
        raise SnapshotError(
            answer.source, f"does not say of which {what} it is", f'put "{member}": "…" beside its members'
        )
    return found


def _parents(by: dict[str, list[Answer]], refuse: Refuse) -> dict[str, str]:
    """The parent of each organizational unit and account, from every answer that says so."""
    found: dict[str, str] = {}
    for operation, member, about in (("ListChildren", "Children", "ParentId"), ("ListParents", "Parents", "ChildId")):
        for answer in by.get(operation, []):
            try:
                one = _about(answer, about, "place in the tree")
                for each in listed(answer.value, member, answer.source):
                    other = text(mapping(each), "Id", f"{answer.source}#{member}")
                    child, parent = (other, one) if about == "ParentId" else (one, other)
                    found[child] = parent
            except SnapshotError as error:
                refuse(error)
    return found


# operation -> kind, the member that lists
_PLACES = {
    "ListRoots": ("organizational_unit", "Roots"),
    "ListOrganizationalUnitsForParent": ("organizational_unit", "OrganizationalUnits"),
    "ListAccountsForParent": ("account", "Accounts"),
    "ListAccounts": ("account", "Accounts"),
}


def _tree(by: dict[str, list[Answer]], parents: dict[str, str], refuse: Refuse) -> Iterator[Item]:
    for answer in by.get("DescribeOrganization", []):
        given = answer.value.get("Organization")
        if given is None:  # what AWS answers an account that is in none
            continue
        organization = mapping(given)
        try:
            master = text(organization, "MasterAccountId", f"{answer.source}#Organization")
            name = text(organization, "Id", f"{answer.source}#Organization")
            yield Item("organization", master, organization.get("Arn"), name, organization, answer.source)
        except SnapshotError as error:
            refuse(error)
    seen: set[str] = set()
    for operation, (kind, member) in _PLACES.items():
        for answer in by.get(operation, []):
            try:
                for each in listed(answer.value, member, answer.source):
                    item = _place(mapping(each), kind, answer, parents)
                    if item.item["Id"] not in seen:
                        seen.add(item.item["Id"])
                        yield item
            except SnapshotError as error:
                refuse(error)


def _place(given: dict[str, Any], kind: str, answer: Answer, parents: dict[str, str]) -> Item:
    """A root, organizational unit or account; `ParentId` is null for a root, and for an account where it is unknown."""
    identity = text(given, "Id", answer.source)
    arn = text(given, "Arn", f"{answer.source} {identity}")
    parent = _about(answer, "ParentId", "parent") if "ParentId" in answer.given else parents.get(identity)
    if kind == "account":
        wanted = {name: given.get(name) for name in ("Id", "Arn", "Name", "Email", "Status")}
    else:
        wanted = {name: given.get(name) for name in ("Id", "Arn", "Name")}
        if answer.operation == "ListRoots":
            parent, wanted["PolicyTypes"] = None, given.get("PolicyTypes")
        elif parent is None:
            problem = f"does not say where in the tree {identity} is"
            raise SnapshotError(answer.source, problem, 'put "ParentId": "…" beside its members')
    return Item(
        kind, account_of(arn), arn, str(given.get("Name") or identity), wanted | {"ParentId": parent}, answer.source
    )


def _control_policy(answer: Answer, targets: dict[str, list[Any]]) -> Item:
    """A policy of the organization; its document becomes `document`, the rest stays as AWS gave it."""
    value, source = answer.value, answer.source
    given = mapping(value.get("Policy")) or value
    summary = mapping(given.get("PolicySummary")) or given
    content = given.get("Content", given.get("content"))
    name = summary.get("Name", summary.get("name"))
    if content is None or not isinstance(name, str):
        raise SnapshotError(source, "is none of the documents this reads", f"give {KNOWN}")
    try:
        document = json.loads(content) if isinstance(content, str) else content
    except (ValueError, RecursionError):
        raise SnapshotError(
            f"{source}#{name}", "its Content is no JSON", "save DescribePolicy's answer as it is"
        ) from None
    checked(document, f"{source}#{name}")
    arn = summary.get("Arn")
    if arn is not None and not isinstance(arn, str):
        raise SnapshotError(f"{source}#{name}", "its Arn is no text", AGAIN)
    kind = "rcp" if summary.get("Type") == "RESOURCE_CONTROL_POLICY" else "scp"
    found = value.get("Targets") or given.get("Targets") or targets.get(str(summary.get("Id")))
    item = {"name": name, "document": document, "summary": {k: v for k, v in summary.items() if k != "Content"}}
    if isinstance(found, list):
        item["targets"] = found
    return Item(kind, account_of(arn) if arn else None, arn, name, item, source)
