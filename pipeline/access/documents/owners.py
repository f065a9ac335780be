"""The items of several documents together: joined within a family, each with its account, and what was asked for.

Files of the user's are joined across each other, and one that cannot be read refuses the import. What `iam collect`
kept says itself whose it is; one bad item there is refused by a line and the rest stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from pipeline.access.documents import MODULES, Answer, Collected, Document, Item, family_of
from pipeline.access.documents.shapes import account_of
from pipeline.errors import SnapshotError

_UNNAMED = "does not say which account it is of"
_NAME_IT = "name it by --account, or import it together with that account's authorization details"


@dataclass
class Gathered:
    """Items of every kind, those of kind `collected` among them, and a line for each item that was refused."""

    items: list[Item] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    truncated: bool = False


def gather(documents: Sequence[Document], account: str | None = None) -> Gathered:
    """The items of all documents; `account` owns what does not say whose it is.

    Raises SnapshotError for a user's file that cannot be read, or that needs an owner and has none.
    """
    made = Gathered()
    plain = [each for each in documents if each.collected is None]
    _plain(plain, account, made)
    for each in documents:
        if each.collected is not None:
            _kept(each.collected, made)
    return made


def _plain(documents: Sequence[Document], account: str | None, made: Gathered) -> None:
    """What the user's own files hold."""
    answers: dict[str, list[Answer]] = {}
    for document in documents:
        for family, some in document.answers.items():
            answers.setdefault(family, []).extend(some)
    items = [item for family, some in answers.items() for item in MODULES[family].items(some, _strictly)]
    others = {each.account_id for each in items if family_of(each.kind) != "organization"}
    owner = account or _only(others)
    items = _owned(items, owner)
    made.items += items
    for family, some in answers.items():
        state = MODULES[family].state(some)
        made.truncated |= family == "details" and state == "partial"
        accounts = {each.account_id for each in items if family_of(each.kind) == family}
        if len(accounts) > 1:
            accounts.discard(None)
        if not accounts and owner is None and family not in ("details", "organization"):
            raise SnapshotError(some[0].source, _UNNAMED, _NAME_IT)
        for each in accounts or ({owner} if owner else set()):
            made.items.append(_said(family, each, state, None, some[0].source))


def _strictly(error: SnapshotError) -> NoReturn:
    raise error


def _owned(items: list[Item], owner: str | None) -> list[Item]:
    """Each item with its account.

    AWS's own managed policies, whose ARNs name no account, belong to the account they came with; AWS's own SCPs to
    the organization they came with.
    """
    by_file: dict[str, set[str | None]] = {}
    masters = {each.account_id for each in items if family_of(each.kind) == "organization"}
    for each in items:
        if family_of(each.kind) == "details":
            by_file.setdefault(each.source, set()).add(each.account_id)
    return [each if each.account_id else _with_owner(each, owner, by_file, masters) for each in items]


def _with_owner(item: Item, owner: str | None, by_file: dict[str, set[str | None]], masters: set[str | None]) -> Item:
    if item.kind == "policy":
        accounts = by_file[item.source] - {None}
        return replace(item, account_id=_only(accounts) if accounts else owner)
    if item.kind in ("scp", "rcp"):
        return replace(item, account_id=_only(masters)) if item.arn else item
    if item.kind == "trail" and owner is None and not item.item.get("IsOrganizationTrail"):
        owner = account_of(item.arn or "")
    if owner is None and item.kind != "credential":
        raise SnapshotError(item.source, _UNNAMED, _NAME_IT)
    return replace(item, account_id=owner)


def _only(accounts: Iterable[str | None]) -> str | None:
    """The account where it is one and no more."""
    named = {each for each in accounts if each}
    return named.pop() if len(named) == 1 else None


def _kept(kept: Collected, made: Gathered) -> None:
    """What one file of a collection holds."""
    lines: list[str] = []
    items = list(MODULES[kept.family].items(kept.answers, lambda error: lines.append(str(error))))
    owner: str | None = kept.account_id
    if kept.family == "organization":
        owner = _only(each.account_id for each in items if each.kind == "organization") or owner
    made.items += [replace(each, account_id=each.account_id or owner) for each in items]
    state, detail = kept.state or "partial", kept.detail if kept.state else "the collection was cut short"
    if lines:
        state, detail = "partial", "; ".join(filter(None, (detail, f"{len(lines):,} items refused")))
    made.items.append(_said(kept.family, owner, state, detail, str(kept.path)))
    made.refused += lines


def _said(family: str, account: str | None, state: str, detail: str | None, source: str) -> Item:
    """The item that says that a family was asked for; without it `none` and `never asked` would look the same."""
    item: dict[str, Any] = {"family": family, "state": state, "detail": detail}
    return Item("collected", account, None, family, item, source)
