"""What holds for an account as a whole: its password policy, its numbers (the account summary), its aliases.

None of these answers says which account it is of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.access.documents.shapes import AGAIN, Answer, Item, Refuse
from pipeline.errors import SnapshotError

FAMILY = "settings"
KINDS = ("password_policy", "account_summary", "account_alias")
OPERATIONS = ("GetAccountPasswordPolicy", "GetAccountSummary", "ListAccountAliases")

# operation -> kind, the member that is the answer, its type
_PARTS: dict[str, tuple[str, str, type]] = {
    "GetAccountPasswordPolicy": ("password_policy", "PasswordPolicy", dict),
    "GetAccountSummary": ("account_summary", "SummaryMap", dict),
    "ListAccountAliases": ("account_alias", "AccountAliases", list),
}


def recognise(value: dict[str, Any], source: str) -> list[Answer]:
    """The answer that this JSON value is, none where it is no such answer."""
    return [Answer(operation, value, source) for operation, (_, member, _) in _PARTS.items() if member in value]


def state(answers: Sequence[Answer]) -> str:
    """Whether all three were asked for."""
    return "complete" if {answer.operation for answer in answers} == set(OPERATIONS) else "partial"


def items(answers: Sequence[Answer], refuse: Refuse) -> Iterator[Item]:
    """One item an answer; {"PasswordPolicy": null} says that the account has none (NoSuchEntity)."""
    for answer in answers:
        kind, member, shape = _PARTS[answer.operation]
        value = answer.value.get(member)
        if not isinstance(value, shape) and not (kind == "password_policy" and value is None):
            refuse(SnapshotError(f"{answer.source}#{member}", "is not as IAM gives it", AGAIN))
            continue
        yield Item(kind, None, None, kind.replace("_", " "), {member: value}, answer.source)
