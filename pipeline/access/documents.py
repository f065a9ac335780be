"""What AWS hands out about IAM, recognised by its content and taken apart into items.

Known: GetAccountAuthorizationDetails JSON (one answer, pages of it, several in one file), the credential report
(CSV, its base64, or GetCredentialReport's JSON), and organization policies with their content (DescribePolicy's
answer, a list of such, or {"Name", "Content"}). An item keeps AWS's own members; only a policy document that is
URL-encoded or JSON text becomes an object, as the AWS command line does it.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipeline.errors import PolicyError, SnapshotError
from pipeline.iam.policy import parse

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
_REPORT = "user,arn,user_creation_time,password_enabled"
_KNOWN = "GetAccountAuthorizationDetails JSON, a credential report, or policies of an organization with their content"


@dataclass(frozen=True)
class Item:
    """One thing of IAM: `kind` user, group, role, policy, credential, scp or rcp; `item` is AWS's JSON for it."""

    kind: str
    account_id: str | None
    arn: str | None
    name: str
    item: dict[str, Any]
    source: str


@dataclass
class Document:
    """The items of one file, its own date if it carries one, whether its pages say that more or none follow."""

    items: list[Item]
    dated: datetime | None = None
    truncated: bool = False
    complete: bool = False


def read(path: Path) -> Document:
    """The items of one file. Raises SnapshotError, naming the file, for anything that is none of the known."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SnapshotError(path, f"cannot be read ({error.strerror})", "name a file that can be") from None
    except UnicodeDecodeError:
        raise SnapshotError(path, "is no text", f"give {_KNOWN}") from None
    if text.lstrip().startswith(_REPORT):
        return Document(_report(text, path))
    if decoded := _base64_report(text):
        return Document(_report(decoded, path))
    values = list(_values(text, path))
    if not values:
        raise SnapshotError(path, "is empty", f"give {_KNOWN}")
    merged = Document([])
    for value in values:
        part = _document(value, path)
        merged.items += part.items
        merged.dated = max(filter(None, (merged.dated, part.dated)), default=None)
    pages = [_object(each).get("IsTruncated") for each in values]
    merged.truncated, merged.complete = True in pages, False in pages
    return merged


def _values(text: str, path: Path) -> Iterator[Any]:
    """Every JSON value of a file: one, several on end (pages saved one after another), or the members of a list."""
    decoder, place = json.JSONDecoder(), 0
    while place < len(text):
        rest = len(text) - len(text[place:].lstrip())
        if rest >= len(text):
            return
        try:
            value, place = decoder.raw_decode(text, rest)
        except (ValueError, RecursionError) as error:
            raise SnapshotError(path, f"is neither JSON nor a credential report ({error})", f"give {_KNOWN}") from None
        yield from value if isinstance(value, list) else [value]


def _document(value: Any, path: Path) -> Document:
    if not isinstance(value, dict):
        raise SnapshotError(path, "holds something that is no JSON object", f"give {_KNOWN}")
    if any(name in value for name in ("UserDetailList", "GroupDetailList", "RoleDetailList")):
        return Document(list(_details(value, path)))
    policies = value.get("Policies")
    if isinstance(policies, list) and policies and all("PolicyVersionList" in _object(each) for each in policies):
        return Document(list(_details(value, path)))
    if isinstance(value.get("Content"), str) and ("GeneratedTime" in value or "ReportFormat" in value):
        return _credential_answer(value, path)
    listed = policies if isinstance(policies, list) else [value]
    return Document([_organization_policy(_object(each), path) for each in listed])


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _details(value: dict[str, Any], path: Path) -> Iterator[Item]:
    """The users, groups, roles and managed policies of one GetAccountAuthorizationDetails answer."""
    for member, kind in _LISTS.items():
        listed = value.get(member) or []
        if not isinstance(listed, list):
            raise SnapshotError(f"{path}#{member}", "is no list", f"give {_KNOWN}")
        for number, each in enumerate(listed):
            place = f"{path}#{member}[{number}]"
            given = _object(each)
            arn, name = given.get("Arn"), given.get(_NAMES[kind])
            if not isinstance(arn, str) or not isinstance(name, str):
                raise SnapshotError(place, f"has no Arn or {_NAMES[kind]}", "ask AWS for the file again")
            item = _plain(given)
            _shaped(item, place)
            for policy in _documents(item, kind):
                _checked(policy, place)
            yield Item(kind, account_of(arn), arn, name, item, str(path))


def _shaped(item: dict[str, Any], place: str) -> None:
    """Refuses an item whose lists of policies and groups are not as IAM gives them: readers rely on these names."""
    for member, needed in _MEMBERS.items():
        listed = item.get(member) or []
        fits = isinstance(listed, list) and all(
            isinstance(each, str) if needed is None else isinstance(_object(each).get(needed), str) for each in listed
        )
        if not fits:
            raise SnapshotError(f"{place}.{member}", "is not as IAM gives it", "ask AWS for the file again")


def _plain(value: Any) -> Any:
    """The item with every policy document an object: IAM's API gives them as URL-encoded JSON text."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for name, each in value.items():
        if name in ("PolicyDocument", "AssumeRolePolicyDocument", "Document") and isinstance(each, str):
            try:
                each = json.loads(unquote(each))
            except (ValueError, RecursionError):
                pass
        made[name] = _plain(each)
    return made


def _documents(item: dict[str, Any], kind: str) -> Iterator[object]:
    """The permission documents of an item: inline policies, and the versions of a managed one that came along."""
    for member in ("UserPolicyList", "GroupPolicyList", "RolePolicyList"):
        for each in item.get(member) or []:
            yield _object(each).get("PolicyDocument")
    if kind == "policy":
        for version in item.get("PolicyVersionList") or []:
            if "Document" in _object(version):
                yield version["Document"]


def _checked(document: object, place: str) -> None:
    try:
        parse(document)
    except PolicyError as error:
        raise SnapshotError(
            place, f"holds a policy that cannot be read ({error})", "ask AWS for the file again"
        ) from None


def account_of(arn: str) -> str | None:
    """The account an ARN names; None for AWS's own managed policies (`arn:aws:iam::aws:policy/…`)."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 and parts[4].isdigit() else None


def _base64_report(text: str) -> str | None:
    try:
        plain = base64.b64decode("".join(text.split()), validate=True).decode("utf-8-sig")
    except (binascii.Error, ValueError):
        return None
    return plain if plain.startswith(_REPORT) else None


def _credential_answer(value: dict[str, Any], path: Path) -> Document:
    content = value["Content"]
    text = content if content.startswith(_REPORT) else _base64_report(content)
    if text is None:
        raise SnapshotError(f"{path}#Content", "is no credential report", "save GetCredentialReport's answer as it is")
    return Document(_report(text, path), _moment(value.get("GeneratedTime"), path))


def _moment(value: object, path: Path) -> datetime | None:
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        raise SnapshotError(f"{path}#GeneratedTime", f"{value!r} is no time", "ask AWS for the file again") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _report(text: str, path: Path) -> list[Item]:
    """The rows of a credential report, each an object with AWS's column names."""
    items = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), 2):
        if None in row or None in row.values() or not row["arn"].startswith("arn:"):
            raise SnapshotError(f"{path}:{number}", "does not fit the report's header", "ask AWS for the report again")
        items.append(Item("credential", account_of(row["arn"]), row["arn"], row["user"], dict(row), str(path)))
    return items


def _organization_policy(value: dict[str, Any], path: Path) -> Item:
    """One policy of an organization; its document becomes `document`, the rest stays as AWS gave it."""
    given = _object(value.get("Policy")) or value
    summary = _object(given.get("PolicySummary")) or given
    content = given.get("Content", given.get("content"))
    name = summary.get("Name", summary.get("name"))
    if content is None or not isinstance(name, str):
        raise SnapshotError(path, "is none of the documents this reads", f"give {_KNOWN}")
    try:
        document = json.loads(content) if isinstance(content, str) else content
    except (ValueError, RecursionError):
        raise SnapshotError(
            f"{path}#{name}", "its Content is no JSON", "save DescribePolicy's answer as it is"
        ) from None
    _checked(document, f"{path}#{name}")
    arn = summary.get("Arn")
    kind = "rcp" if summary.get("Type") == "RESOURCE_CONTROL_POLICY" else "scp"
    targets = value.get("Targets") or given.get("Targets")
    item = {"name": name, "document": document, "summary": {k: v for k, v in summary.items() if k != "Content"}}
    if isinstance(targets, list):
        item["targets"] = targets
    return Item(kind, account_of(arn) if isinstance(arn, str) else None, arn, name, item, str(path))
